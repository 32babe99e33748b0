"""Same face, same sentence, same times, whatever they are wrapped in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from .cases import CASES, Case
from .judge import judge, write_base, write_file
from .table import PAGE, rows_of


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base"))


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name, marks=[] if case.fast else [pytest.mark.slow]) for case in CASES],
)
def test_the_wrapping_makes_no_difference(base: Path, tmp_path: Path, case: Case) -> None:
    assert judge(case, write_file(case, base, tmp_path)).faults == ()


def test_each_case_is_there_once() -> None:
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []


def test_the_page_lists_the_cases_that_are_tested() -> None:
    assert rows_of(PAGE.read_text(encoding="utf-8")) == [case.name for case in CASES]
