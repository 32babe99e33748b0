"""What prevailed in each slice of a day."""

from __future__ import annotations

from datetime import timedelta

from emoedge.history import read
from emoedge.local_time import day_span
from emoedge.report.strip import prevailing, slices

from .days import DAY, gap, home, keep, minutes


def test_of_equals_what_was_seen_prevails():
    assert prevailing({"nobody": 30.0, "fear": 30.0}) == "fear"
    assert prevailing({"happiness": 20.0, "sadness": 19.0, "nobody": 21.0}) == "nobody"
    assert prevailing({}) is None


def test_neighbours_of_one_state_are_one_slice(tmp_path):
    settings = home(tmp_path)
    start, end = day_span(DAY, settings.zone)
    keep(settings, [*minutes(start, 30, fear=60), *minutes(start + timedelta(minutes=30), 30, anger=60)],
         gaps=[gap(start + timedelta(hours=1), start + timedelta(hours=2), "privacy")])  # fmt: skip
    span = read(settings, start, start + timedelta(hours=2), "five_minutes", end)
    found = slices(span.buckets, start, end, 300.0, settings.zone)
    assert [(one.state, (one.end - one.start).total_seconds()) for one in found] == [
        ("fear", 1800), ("anger", 1800), ("private", 3600),
    ]  # fmt: skip
