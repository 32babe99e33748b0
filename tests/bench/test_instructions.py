"""A count of instructions is compared with an earlier one, where the two can be compared."""

from __future__ import annotations

import json

import pytest

from benchmarks import valgrind
from benchmarks.instructions import PIPELINE, compare
from benchmarks.page import DATA


def result(versions: str = "1", **millions: float) -> dict:
    return {"versions": {"python": versions}, "millions": {PIPELINE: 1000.0, **millions}}


@pytest.mark.parametrize(("count", "holds"), [(1000.0, True), (1009.0, True), (1011.0, False), (500.0, True)])
def test_a_cost_may_fall_and_may_not_rise(count: float, holds: bool) -> None:
    now = {**result(), "millions": {PIPELINE: count}}
    lines, answer = compare(now, result(decode=3.0))
    assert answer is holds
    assert len(lines) == 1


def test_a_part_alone_is_found_and_a_new_one_is_shown() -> None:
    lines, holds = compare(result(decode=4.0, new=1.0), result(decode=3.0))
    assert not holds
    assert "+33.3%" in lines[1]
    assert "new" in lines[2]


def test_other_versions_are_not_judged() -> None:
    lines, holds = compare(result("2", decode=4.0), result("1", decode=3.0))
    assert holds
    assert "no verdict" in lines[-1]


def test_outside_valgrind_a_request_does_nothing() -> None:
    assert valgrind.request(valgrind.RUNNING) == 0
    assert valgrind.request(valgrind.DUMP_AT, "part") == 0


def test_the_committed_figures_are_of_every_part() -> None:
    known = json.loads((DATA / "instructions.json").read_text(encoding="utf-8"))
    assert {PIPELINE, "decode", "face_detector", "face_emotion"} <= set(known["millions"])
    assert compare(known, known)[1]
