"""Days by name and by date."""

from __future__ import annotations

from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from emoedge.days import parse_day, parse_time, parse_week
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


@pytest.mark.parametrize(
    ("text", "monday"),
    [("2026-W48", date(2026, 11, 23)), (" 2026-w01 ", date(2025, 12, 29)), ("2020-W53", date(2020, 12, 28))],
)
def test_weeks(text, monday):
    assert parse_week(text) == monday


@pytest.mark.parametrize("text", ["", "2026-W00", "2026-W54", "2025-W53", "0000-W01", "9999-W53", "2026W48"])
def test_weeks_that_a_year_does_not_have_are_refused(text):
    with pytest.raises(ConfigError, match=r"--of.*is not a week"):
        parse_week(text, "--of")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-29", "2026-03-29T00:00:00+01:00"),
        ("yesterday", "2026-10-24T00:00:00+02:00"),
        ("2026-11-22T09:30", "2026-11-22T09:30:00+01:00"),
        ("2026-11-22T09:30:05Z", "2026-11-22T10:30:05+01:00"),
        ("2026-03-29T02:30", "2026-03-29T03:30:00+02:00"),  # summer time leaves it out
    ],
)
def test_times_are_local_unless_they_say_otherwise(text, moment):
    madrid = ZoneInfo("Europe/Madrid")
    now = datetime(2026, 10, 25, 12, tzinfo=madrid)
    assert parse_time(text, madrid, now, "--from").isoformat() == moment


@pytest.mark.parametrize(
    "text", ["", "09:30", "2026-02-30T01:00", "2026-11-22T25:00", "9999-12-31T23:59", "x"]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ConfigError, match=r"--from.*is not a time"):
        parse_time(text, None, datetime(2026, 3, 1, tzinfo=timezone.utc), "--from")
