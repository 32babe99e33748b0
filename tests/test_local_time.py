"""Local days and weeks of any zone, of 23 and 25 hours too."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.local_time import day_span, midnight, week_span, zone_name, zone_of

ZONES = st.sampled_from(
    ["Europe/Madrid", "America/Santiago", "Africa/Cairo", "Asia/Kathmandu", "UTC", "Australia/Lord_Howe"]
)
DAYS = st.dates(date(2000, 1, 1), date(2037, 12, 30))


@given(DAYS, ZONES)
def test_days_follow_one_another_without_holes(day, name):
    zone = zone_of(name)
    begin, end = day_span(day, zone)
    assert end == midnight(day + timedelta(days=1), zone)
    assert timedelta(hours=22) < end.astimezone(timezone.utc) - begin.astimezone(timezone.utc)
    assert begin.date() == day
    assert begin.utcoffset() is not None
    second_before = (begin.astimezone(timezone.utc) - timedelta(seconds=1)).astimezone(zone)
    assert second_before.date() == day - timedelta(days=1)


def test_days_of_summer_time():
    madrid = zone_of("Europe/Madrid")
    hours = [
        (end.astimezone(timezone.utc) - begin.astimezone(timezone.utc)) / timedelta(hours=1)
        for begin, end in (day_span(day, madrid) for day in (date(2026, 3, 29), date(2026, 10, 25)))
    ]
    assert hours == [23, 25]


def test_a_midnight_that_summer_time_leaves_out_is_the_first_moment_after_it():
    assert midnight(date(2026, 4, 24), ZoneInfo("Africa/Cairo")).hour == 1


def test_a_week_has_seven_days():
    begin, end = week_span(date(2026, 10, 19), zone_of("Europe/Madrid"))
    assert (begin.date(), end.date()) == (date(2026, 10, 19), date(2026, 10, 26))


@pytest.mark.parametrize("name", ["Europe/Nowhere", "../../etc/passwd", "\0", "x" * 300])
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(ValueError, match="is not a time zone"):
        zone_of(name)


@pytest.mark.parametrize(
    ("given_zone", "shown"), [("Europe/Madrid", "Europe/Madrid"), ("<+03>-3", "UTC+03:00")]
)
def test_the_system_s_zone_has_a_name_or_its_offset(monkeypatch, given_zone, shown):
    assert zone_of("") is None
    monkeypatch.setenv("TZ", given_zone)
    time.tzset()
    try:
        assert zone_name(None) == shown
        assert datetime.now().astimezone().utcoffset() is not None
    finally:
        monkeypatch.undo()
        time.tzset()
