"""Days by name and by date."""

from __future__ import annotations

from datetime import date

import pytest

from emoedge.days import parse_day
from emoedge.errors import ConfigError

TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("today", TODAY),
        (" Hoy ", TODAY),
        ("yesterday", date(2026, 2, 28)),
        ("AYER", date(2026, 2, 28)),
        ("2024-02-29", date(2024, 2, 29)),
    ],
)
def test_days(text, day):
    assert parse_day(text, TODAY) == day


@pytest.mark.parametrize(
    "text", ["", "anteayer", "2026-02-29", "20260228", "2026-W09-6", "2026-2-8", "٢٠٢٦-٠٢-٢٨"]
)
def test_others_are_refused_with_their_option(text):
    with pytest.raises(ConfigError, match="--from"):
        parse_day(text, TODAY, "--from")
