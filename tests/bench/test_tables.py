"""All tables in one go: what runs, and in which order."""

from __future__ import annotations

import importlib
import sys

import pytest

from benchmarks import tables


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Modules with their arguments, which are not run; the plots fail."""
    found: list[tuple[str, ...]] = []

    def run(*command: str) -> int:
        found.append(command)
        return int(command[0] == "benchmarks.plots")

    monkeypatch.setattr(tables, "run", run)
    return found


def test_writes_come_first_and_the_verdict_last(
    ran: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["tables", "--yunet", "y.onnx"])
    assert tables.main() == 1
    modules = [command[0] for command in ran]
    assert modules[-3:] == ["benchmarks", "benchmarks.page", "benchmarks.plots"]
    assert ran[-3][-3:] == ("--strict", "--yunet", "y.onnx")
    assert "recogniser" not in ran[-3]
    writes = next(command for command in ran if command[-1] == "writes")
    assert ran.index(writes) < modules.index("benchmarks.scaling")


def test_each_step_is_a_module_that_writes_json() -> None:
    steps = [*tables.ALONE, *(step for lane in tables.BESIDE_WRITES for step in lane)]
    for name, _arguments in steps:
        assert callable(importlib.import_module(f"benchmarks.{name}").main)
        assert (tables.DATA / f"{name}.json").is_file()
