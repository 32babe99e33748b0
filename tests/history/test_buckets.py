"""Local days of 23, 24 and 25 hours, and buckets that add up to their length."""

from __future__ import annotations

import itertools
import random
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.history import read
from emoedge.history.buckets import Bucket, divide, edges
from emoedge.history.database import HistoryFile
from emoedge.history.rows import COLUMNS, MINUTE_MS, REASONS, Changes, EpisodeRow, GapRow, MinuteRow
from emoedge.local_time import day_span, midnight, week_span, zone_of
from tests.history.test_database import settings

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Madrid", SPRING, 23),
        ("Europe/Madrid", AUTUMN, 25),
        ("Europe/Madrid", date(2026, 6, 1), 24),
        ("Atlantic/Canary", SPRING, 23),
        # Of past years: what these countries decide about coming ones changes with the zones' data.
        ("America/Havana", date(2023, 3, 12), 23),  # the day begins at 01:00
        ("America/Havana", date(2023, 11, 5), 25),  # 00:00 is there twice
        ("Africa/Casablanca", date(2023, 3, 19), 25),
        ("Asia/Kolkata", date(2026, 6, 1), 24),
        ("UTC", SPRING, 24),
    ],
)
def test_a_day_has_its_hours(zone: str, day: date, hours: int) -> None:
    start, end = day_span(day, zone_of(zone))
    found = edges(start, end, "hour", zone_of(zone))
    assert len(found) == hours + 1
    assert (end.timestamp() - start.timestamp()) == hours * 3600
    assert start.date() == day
    assert edges(start, end, "day", zone_of(zone)) == [start, end]
    assert len({moment.isoformat() for moment in found}) == hours + 1, "told apart by their offset"


def test_half_hours_of_summer_time() -> None:
    zone = zone_of("Australia/Lord_Howe")
    start, end = day_span(date(2023, 4, 2), zone)
    found = edges(start, end, "hour", zone)
    assert sum(b.timestamp() - a.timestamp() for a, b in itertools.pairwise(found)) == 24.5 * 3600
    assert all(moment.minute in (0, 30) for moment in found)


def test_a_week_begins_on_monday_and_has_seven_days() -> None:
    zone = zone_of("Europe/Madrid")
    start, end = week_span(date(2026, 10, 19), zone)
    found = edges(start, end, "day", zone)
    assert [moment.isoformat()[:10] for moment in found[:-1]] == [f"2026-10-{day}" for day in range(19, 26)]
    assert end.timestamp() - start.timestamp() == (7 * 24 + 1) * 3600


def test_too_many_buckets_are_refused() -> None:
    start = datetime(1971, 1, 1, tzinfo=timezone.utc)
    with pytest.raises(ValueError, match="buckets"):
        edges(start, start + timedelta(days=20_000), "hour", None)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("bucket", ["minute", "hour", "day"])
def test_seconds_add_up_to_the_length_of_each_bucket(seed: int, bucket: Bucket) -> None:
    """Whatever is in the file, damaged sums and gaps that overlap included."""
    dice = random.Random(seed)
    zone = zone_of(dice.choice(["Europe/Madrid", "Asia/Kathmandu", "America/St_Johns"]))
    start = midnight(SPRING, zone) + timedelta(seconds=dice.choice((0, 0, 17, 3000)))
    end = start + timedelta(seconds=dice.randrange(1, 3 * 86_400 if bucket != "minute" else 7200))
    base = int(start.timestamp()) * 1000 // MINUTE_MS * MINUTE_MS
    rows = []
    for at in range(-2, 900):
        if dice.random() < 0.7:
            cuts = sorted(dice.randrange(MINUTE_MS + 1) for _ in range(len(COLUMNS)))
            spent = tuple(b - a for a, b in zip([0, *cuts], cuts, strict=False))
            rows.append(
                MinuteRow(base + at * MINUTE_MS, dice.choice((0, 0, 1)), spent, dice.randrange(60_001))
            )
    gaps = []
    for _ in range(dice.randrange(6)):
        began = base + dice.randrange(-10_000_000, 60_000_000)
        gaps.append(GapRow(began, began + dice.randrange(1, 20_000_000), dice.choice(REASONS)))
    episodes = [EpisodeRow("00", "fear", base + dice.randrange(10**8), base + 10**8, 1) for _ in range(50)]
    span = edges(start, end, bucket, zone)
    history = divide(
        span,
        (rows, episodes, gaps),
        now=end,
        device="d",
        timezone_name="z",
        bucket=bucket,
        zone=zone,
    )
    for one in (*history.buckets, history.totals):
        assert sum(one.seconds.values()) == pytest.approx(one.length_s, abs=1e-6)
        assert min(one.seconds.values()) >= 0
        assert one.speech_s <= one.length_s
    for name, seconds in history.totals.seconds.items():
        assert sum(one.seconds[name] for one in history.buckets) == pytest.approx(seconds, abs=1e-6)
    assert sum(sum(one.episodes.values()) for one in history.buckets) == len(history.episodes)


def whole(start: datetime, minutes: int) -> tuple[MinuteRow, ...]:
    spent = tuple(MINUTE_MS if name == "happiness" else 0 for name in COLUMNS)
    base = int(start.timestamp()) * 1000
    return tuple(MinuteRow(base + at * MINUTE_MS, 0, spent) for at in range(minutes))


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_a_day_of_summer_time_in_the_file(tmp_path: Path, day: date, hours: int) -> None:
    one = settings(tmp_path)
    start, end = day_span(day, one.zone)
    HistoryFile(tmp_path / "state").write([Changes(whole(start, hours * 60))])
    history = read(one, start, end, now=end + timedelta(days=1))
    assert len(history.buckets) == hours
    assert all(bucket.seconds["happiness"] == 3600 for bucket in history.buckets)
    assert history.totals.seconds["happiness"] == hours * 3600


def test_another_time_zone_divides_the_same_differently(tmp_path: Path) -> None:
    one = settings(tmp_path)
    start, end = day_span(date(2026, 6, 1), one.zone)
    HistoryFile(tmp_path / "state").write([Changes(whole(start, 24 * 60))])
    other = one.model_copy(update={"timezone": "Asia/Tokyo"})
    later = end + timedelta(days=3)
    days = [day_span(date(2026, 6, day), other.zone) for day in (1, 2)]
    seconds = [read(other, *span, now=later).totals.seconds["happiness"] for span in days]
    assert seconds == [17 * 3600, 7 * 3600]


def test_the_end_is_cut_at_now_and_the_minute_under_way_counts_wholly(tmp_path: Path) -> None:
    one = settings(tmp_path)
    start, end = day_span(date(2026, 6, 1), one.zone)
    HistoryFile(tmp_path / "state").write([Changes(whole(start, 9))])
    spent = tuple(20_000 if name == "fear" else 0 for name in COLUMNS)
    last = MinuteRow(int(start.timestamp()) * 1000 + 9 * MINUTE_MS, 0, spent)
    HistoryFile(tmp_path / "state").write([Changes((last,))])
    now = start + timedelta(minutes=9, seconds=30)
    history = read(one, start, end, now=now)
    assert history.end == now
    assert history.totals.seconds["fear"] == 20
    assert sum(history.totals.seconds.values()) == 570


def test_a_day_that_has_not_begun_is_empty(tmp_path: Path) -> None:
    one = settings(tmp_path)
    history = read(one, *day_span(date(2030, 1, 1), one.zone), now=datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert history.buckets == ()
    assert history.is_empty
    assert history.to_json()["buckets"] == []


def test_the_system_s_zone_has_its_days_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from emoedge.local_time import zone_name

    monkeypatch.setenv("TZ", "Europe/Madrid")
    time.tzset()
    try:
        start, end = day_span(SPRING, Settings().zone)
        assert len(edges(start, end, "hour", None)) == 24
        assert start.isoformat() == "2026-03-29T00:00:00+01:00"
        assert end.isoformat() == "2026-03-30T00:00:00+02:00"
        assert zone_name(None) == "Europe/Madrid"
    finally:
        monkeypatch.undo()
        time.tzset()
