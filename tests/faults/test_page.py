"""What was measured goes into the page, and nothing that was not."""

from __future__ import annotations

import click
import pytest

from faults.catalogue import CATALOGUE
from faults.page import put, rows_table, soak_table


def row(name, result="pass", recovered_s=1.25, detail=""):
    return {"name": name, "result": result, "recovered_s": recovered_s, "detail": detail}


def line_of(table, name):
    return next(line for line in table.splitlines() if line.startswith(f"| `{name}`"))


def test_measured_rows_replace_what_the_page_says_and_the_others_stay():
    page = rows_table([row("sigterm"), row("disk-full", "FAIL", None)], "")
    assert len(page.splitlines()) == len(CATALOGUE) + 2
    assert line_of(page, "sigterm").endswith("| pass | 1.2 s |")
    assert line_of(page, "disk-full").endswith("| FAIL | – |")
    assert line_of(page, "camera-black").endswith("| not run | – |")
    later = rows_table(
        [row("disk-full", recovered_s=3.0), row("camera-black", "skipped", None, "no ffmpeg")], page
    )
    assert line_of(later, "disk-full").endswith("| pass | 3.0 s |")
    assert line_of(later, "sigterm").endswith("| pass | 1.2 s |")
    assert line_of(later, "camera-black").endswith("| skipped: no ffmpeg | – |")


def test_only_the_marked_place_is_written():
    page = "before\n<!-- rows -->\nold\n<!-- /rows -->\nafter\n"
    assert put(page, "rows", "new") == "before\n<!-- rows -->\nnew\n<!-- /rows -->\nafter\n"
    with pytest.raises(click.ClickException):
        put(page, "soak", "new")


def test_the_soak_is_told_every_half_hour():
    minutes = [
        {"minute": n, "resident_mb": 200 + n / 100, "threads": 20, "open_files": 19, "texts": n * 600, "recordings": 9,  # noqa: E501
         "stored_mb": 3.0} for n in range(1, 91)
    ]  # fmt: skip
    table = soak_table({"rows": minutes}).splitlines()[2:]
    assert [line.split("|")[1].strip() for line in table] == ["0.5 h", "1.0 h", "1.5 h"]
    assert "| 200.9 MB |" in table[-1]
