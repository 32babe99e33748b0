"""From rows to hours and days: what a span of time held, in buckets that add up to its length; pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Final, Literal

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, Emotion
from emoedge.history.data import HistoryBucket, HistoryEpisode, HistoryGap, HistorySpan
from emoedge.history.rows import COLUMNS, MINUTE_MS, SYNCED, UNKNOWN, WHOLE, EpisodeRow, GapRow, MinuteRow
from emoedge.local_time import Zone, midnight

Bucket = Literal["minute", "five_minutes", "quarter", "hour", "day"]
"""Lengths; those between a minute and an hour are for pages, which show no more."""
BUCKETS: Final[tuple[Bucket, ...]] = ("minute", "hour", "day")
"""Lengths that people choose from."""
MAX_BUCKETS: Final = 100_000
"""More than ten years of hours, or two months of minutes."""
_LENGTHS: Final[dict[str, int]] = {"minute": 60, "five_minutes": 300, "quarter": 900, "hour": 3600}
_PRIVATE: Final = len(COLUMNS)
_STOPPED: Final = _PRIVATE + 1
PLACES: Final = (*COLUMNS, "private", "stopped")
"""Categories in which a second of a bucket is counted."""
_GIVE_WAY: Final = (UNKNOWN, _STOPPED, _PRIVATE, *range(UNKNOWN))
"""Which seconds go first where rows and gaps are together longer than the time, after a clock was set."""


def edges(start: datetime, end: datetime, bucket: Bucket, zone: Zone) -> list[datetime]:
    """Boundaries of the buckets from `start` to `end`, both included: local minutes, hours or days.

    Hours are of 60 minutes: where summer time ends one is there twice, with another offset.

    Raises:
        ValueError: there are more than MAX_BUCKETS.
    """
    at, end = start.astimezone(zone), end.astimezone(zone)
    found = [at]
    while at < end:
        if len(found) > MAX_BUCKETS:
            raise ValueError(f"more than {MAX_BUCKETS} buckets; choose longer ones, or a shorter time")
        at = min(_next(at, bucket, zone), end)
        found.append(at)
    return found


def _next(at: datetime, bucket: Bucket, zone: Zone) -> datetime:
    if bucket == "day":
        return midnight(at.date() + timedelta(days=1), zone)
    length_s = _LENGTHS[bucket]
    into_s = (at.minute * 60 + at.second) % length_s + at.microsecond / 1e6
    return (at.astimezone(timezone.utc) + timedelta(seconds=length_s - into_s)).astimezone(zone)


@dataclass(slots=True)
class _Sum:
    spent_ms: list[int] = field(default_factory=lambda: [0] * len(PLACES))
    speech_ms: int = 0
    opinion_ms: int = 0
    weighted: list[int] = field(default_factory=lambda: [0] * EMOTION_COUNT)
    episodes: dict[Emotion, int] = field(default_factory=dict)
    people_max: int = 0
    synced: bool = True

    def add(self, row: MinuteRow, part_ms: int, length_ms: int) -> None:
        """Add a part of a minute of which `length_ms` are over."""

        def share(value: int) -> int:
            return value if part_ms >= length_ms else value * part_ms // length_ms

        for index, value in enumerate(row.spent_ms):
            self.spent_ms[index] += share(value)
        self.speech_ms += share(row.speech_ms)
        opinion_ms = share(row.opinion_ms)
        self.opinion_ms += opinion_ms
        for index, value in enumerate(row.probabilities):
            self.weighted[index] += value * opinion_ms
        self.people_max = max(self.people_max, row.people_max)
        self.synced = self.synced and row.stretch == SYNCED

    def settle(self, length_ms: int) -> None:
        """Make it as long as the time: what is left over is unknown."""
        excess_ms = sum(self.spent_ms) - length_ms
        for index in _GIVE_WAY:
            if excess_ms <= 0:
                break
            taken_ms = min(excess_ms, self.spent_ms[index])
            self.spent_ms[index] -= taken_ms
            excess_ms -= taken_ms
        self.spent_ms[UNKNOWN] += max(0, -excess_ms)
        self.speech_ms = min(self.speech_ms, length_ms)

    def include(self, other: _Sum) -> None:
        """Add another sum."""
        for own, its in ((self.spent_ms, other.spent_ms), (self.weighted, other.weighted)):
            own[:] = [one + two for one, two in zip(own, its, strict=True)]
        self.speech_ms += other.speech_ms
        self.opinion_ms += other.opinion_ms
        for emotion, count in other.episodes.items():
            self.episodes[emotion] = self.episodes.get(emotion, 0) + count
        self.people_max = max(self.people_max, other.people_max)
        self.synced = self.synced and other.synced

    def bucket(self, start: datetime, end: datetime) -> HistoryBucket:
        seconds = {name: ms / 1000 for name, ms in zip(PLACES, self.spent_ms, strict=True)}
        probabilities = None
        if self.opinion_ms:
            means = [value / self.opinion_ms / WHOLE for value in self.weighted]
            probabilities = {name: round(value, 4) for name, value in zip(EMOTIONS, means, strict=True)}
        episodes = {name: self.episodes[name] for name in EMOTIONS if name in self.episodes}
        return HistoryBucket(
            start, end, seconds, self.speech_ms / 1000, probabilities, episodes, self.people_max, self.synced
        )


def divide(
    span: Sequence[datetime],
    rows: tuple[Iterable[MinuteRow], Iterable[EpisodeRow], Iterable[GapRow]],
    *,
    now: datetime,
    device: str,
    timezone_name: str,
    bucket: Bucket,
    zone: Zone,
) -> HistorySpan:
    """Divide rows into buckets.

    Args:
        span: boundaries of the buckets, see `edges`.
        rows: minutes in the order of their times, episodes and gaps.
        now: minutes end there at the latest.
        device: name of the device.
        timezone_name: of the zone.
        bucket: what the boundaries are.
        zone: of all times.
    """
    minutes, episodes, gaps = rows
    at_ms = [_ms(moment) for moment in span]
    sums = [_Sum() for _ in at_ms[1:]]
    for row in _one_a_minute(minutes):
        until_ms = min(row.start_ms + MINUTE_MS, max(_ms(now), row.start_ms + 1))
        for index, part_ms in _parts(at_ms, row.start_ms, until_ms):
            sums[index].add(row, part_ms, until_ms - row.start_ms)
    shown_gaps = sorted((gap for gap in gaps if gap.to_ms > at_ms[0] and gap.from_ms < at_ms[-1]), key=_order)
    reached_ms = 0
    for gap in shown_gaps:
        if gap.reason == "clock":
            continue
        place = _PRIVATE if gap.reason == "privacy" else _STOPPED
        for index, part_ms in _parts(at_ms, max(gap.from_ms, reached_ms), gap.to_ms):
            sums[index].spent_ms[place] += part_ms
            sums[index].synced = sums[index].synced and gap.stretch == SYNCED
        reached_ms = max(reached_ms, gap.to_ms)
    shown = sorted((row for row in episodes if at_ms[0] <= row.started_ms < at_ms[-1]), key=_started)
    for episode in shown:
        one = sums[bisect_right(at_ms, episode.started_ms) - 1]
        one.episodes[episode.emotion] = one.episodes.get(episode.emotion, 0) + 1
        one.synced = one.synced and episode.stretch == SYNCED
    total = _Sum()
    for one, (start_ms, end_ms) in zip(sums, pairwise(at_ms), strict=True):
        one.settle(end_ms - start_ms)
        total.include(one)
    return HistorySpan(
        device=device,
        timezone=timezone_name,
        start=span[0],
        end=span[-1],
        bucket=bucket,
        totals=total.bucket(span[0], span[-1]),
        buckets=tuple(one.bucket(*pair) for one, pair in zip(sums, pairwise(span), strict=True)),
        episodes=tuple(_episode(row, zone) for row in shown),
        gaps=tuple(_gap(gap, at_ms, zone) for gap in shown_gaps),
    )


def _one_a_minute(rows: Iterable[MinuteRow]) -> Iterable[MinuteRow]:
    """Rows of one minute as one; of two that are together longer than a minute the second is not counted."""
    last: MinuteRow | None = None
    for row in rows:
        if last is not None and last.start_ms == row.start_ms:
            last = last.merged(row) or last
            continue
        if last is not None:
            yield last
        last = row
    if last is not None:
        yield last


def _parts(at_ms: Sequence[int], from_ms: int, to_ms: int) -> Iterable[tuple[int, int]]:
    """Index of each bucket that a time reaches into, and how far."""
    from_ms, to_ms = max(from_ms, at_ms[0]), min(to_ms, at_ms[-1])
    index = bisect_right(at_ms, from_ms) - 1
    while from_ms < to_ms:
        end_ms = min(to_ms, at_ms[index + 1])
        yield index, end_ms - from_ms
        from_ms, index = end_ms, index + 1


def _episode(row: EpisodeRow, zone: Zone) -> HistoryEpisode:
    return HistoryEpisode(
        row.event_id,
        row.emotion,
        _moment(row.started_ms, zone),
        _moment(row.ended_ms, zone),
        row.peak / WHOLE,
        row.recording,
    )


def _gap(gap: GapRow, at_ms: Sequence[int], zone: Zone) -> HistoryGap:
    start, end = (_moment(min(max(ms, at_ms[0]), at_ms[-1]), zone) for ms in (gap.from_ms, gap.to_ms))
    return HistoryGap(start, end, gap.reason)


def _order(gap: GapRow) -> tuple[int, int]:
    return gap.from_ms, gap.to_ms


def _started(row: EpisodeRow) -> tuple[int, str]:
    return row.started_ms, row.event_id


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _moment(at_ms: int, zone: Zone) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, timezone.utc).astimezone(zone)
