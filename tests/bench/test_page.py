"""The page says what the figures say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.page import DATA, PAGE, budgets, parts, pythons, render


def test_the_page_is_up_to_date_with_its_figures() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert render(text, parts()) == text, "run: python -m benchmarks.page"


def test_the_pictures_are_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    shown = {
        word.split("#")[0]
        for word in text.replace("(", " ").replace(")", " ").split()
        if word.startswith("images/performance")
    }
    assert shown
    assert all((PAGE.parent / path).is_file() for path in shown)


def test_only_what_stands_between_the_marks_changes() -> None:
    page = "a\n<!-- x, by python -m benchmarks.page: begin -->\nold\n<!-- x: end -->\nb\n"
    assert render(page, {"x": "new"}) == page.replace("old", "new")
    with pytest.raises(ValueError, match="no marks for y"):
        render(page, {"y": "new"})


def test_a_broken_budget_is_shown_as_broken() -> None:
    row = {
        "title": "t",
        "limit": 1.15,
        "kind": "at most",
        "unit": "x",
        "figure": 3.0,
        "holds": False,
        "reason": "",
    }
    assert "| t | ≤ 1.15 × | 3 × | **does not hold** |" in budgets({"budgets": [row]})
    missing = row | {"figure": None, "holds": None}
    assert "not measured" in budgets({"budgets": [missing]})


def test_figures_are_small_and_whole() -> None:
    for path in [DATA / f"{name}.json" for name in ("bench", "scaling", "broker", "arm64")]:
        assert path.stat().st_size < 40_000
        assert json.loads(path.read_text(encoding="utf-8"))["schema"] == 1


def test_the_verdicts_in_the_figures_are_those_of_the_budgets() -> None:
    from benchmarks.budgets import judge

    result = json.loads((DATA / "bench.json").read_text(encoding="utf-8"))
    assert result["budgets"] == [verdict.to_json() for verdict in judge(result)]


def test_data_folder_is_in_the_repository() -> None:
    assert Path("docs/data") == DATA.relative_to(PAGE.parent.parent)


def test_versions_of_cpython_are_compared_with_the_first() -> None:
    rows = [
        {"python": version, "ms_per_media_s": [70.0, 72.0, 71.0], "median_ms": 71.0, "ratio": ratio}
        for version, ratio in (("3.11.7", 1.0), ("3.13.0", 1.014))
    ]
    made = pythons({"rows": rows, "machine": {"load_1_min": 2.5}})
    assert "| 3.13.0 | 71.0 | 1.01 × |" in made
    assert "Medians of 3 rounds in turn, that of the ratio too; load 2.5." in made
