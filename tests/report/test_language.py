"""Numbers in the language of the page."""

from __future__ import annotations

from emoedge.report.language import date_label, decimal, duration_label, enumeration

from .helpers import STARTED


def test_numbers_are_those_of_the_language():
    assert (decimal(4.25, 1, "es"), decimal(4.25, 1, "en")) == ("4,2", "4.2")
    assert [duration_label(s, "es") for s in (4.2, 59.97, 185, 9600, 7200)] == [
        *("4,2 s", "1 min", "3 min 5 s", "2 h 40 min", "2 h")
    ]
    assert date_label(STARTED, "es") == "22 de noviembre de 2026"
    assert date_label(STARTED, "en") == "22 November 2026"
    assert enumeration(["a", "b", "ira"], "es") == "a, b e ira"
