"""From the buckets of the history to slices: what prevailed in each part of a day. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Final

from emoedge.emotions import EMOTIONS, Emotion
from emoedge.history import HistoryBucket, HistoryEpisode, HistorySpan
from emoedge.local_time import Span, Zone
from emoedge.report.data import ReportData, started_of

ABSENT: Final = ("nobody", "unknown", "private", "stopped")
"""States in which no person was seen, as far as is known."""
SEEN: Final = (*EMOTIONS, "unsure")
"""States in which a person was seen."""
STATES: Final = (*SEEN, *ABSENT)
"""Order of states of equal length: the first one prevails."""
_WHY: Final = {"nobody": "nobody", "still": "nobody", "privacy": "private", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the time in which one state prevailed."""

    start: datetime
    end: datetime
    state: str


def sums(buckets: Iterable[HistoryBucket], edges: Sequence[datetime]) -> list[dict[str, float]]:
    """Seconds of each state between boundaries; a bucket counts where it begins."""
    at = [edge.timestamp() for edge in edges]
    found: list[dict[str, float]] = [{} for _ in at[1:]]
    for bucket in buckets:
        index = bisect_right(at, bucket.start.timestamp()) - 1
        if 0 <= index < len(found):
            for state, spent in bucket.seconds.items():
                if spent > 0:
                    found[index][state] = found[index].get(state, 0.0) + spent
    return found


def prevailing(seconds: Mapping[str, float]) -> str | None:
    """The one state that lasted longest, None without any."""
    best = max(STATES, key=lambda state: seconds.get(state, 0.0))
    return best if seconds.get(best, 0.0) > 0 else None


def slices(
    buckets: Iterable[HistoryBucket], start: datetime, end: datetime, length_s: float, zone: Zone
) -> list[Slice]:
    """The time from `start` to `end` in parts of `length_s`, each with the state that prevailed in it.

    Neighbours of one state are one slice; what has not come yet has none.
    """
    count = round((end.timestamp() - start.timestamp()) / length_s)
    first = start.astimezone(timezone.utc)
    edges = [first + timedelta(seconds=index * length_s) for index in range(count + 1)]
    found: list[Slice] = []
    for index, seconds in enumerate(sums(buckets, edges)):
        state = prevailing(seconds)
        if state is None:
            continue
        if found and found[-1].state == state and found[-1].end == edges[index]:
            found[-1] = replace(found[-1], end=edges[index + 1])
        else:
            found.append(Slice(edges[index], edges[index + 1], state))
    return [replace(one, start=one.start.astimezone(zone), end=one.end.astimezone(zone)) for one in found]


def unknown_spans(span: HistorySpan) -> list[Span]:
    """Return the times of buckets that the history knows nothing about."""
    return [(one.start, one.end) for one in span.buckets if one.seconds["unknown"] >= one.length_s]


def with_recordings(span: HistorySpan, recordings: Mapping[str, ReportData]) -> HistorySpan:
    """The span with what recordings tell of buckets that the history knows nothing about.

    Args:
        span: in buckets of an hour at most.
        recordings: by id.
    """
    at = [bucket.start.timestamp() for bucket in span.buckets]
    unknown: dict[int, dict[str, float]] = {
        index: {} for index, bucket in enumerate(span.buckets) if bucket.seconds["unknown"] >= bucket.length_s
    }
    episodes = list(span.episodes)
    for segment_id, data in recordings.items():
        started = started_of(data)
        if started is None or not at:
            continue
        zero = started.timestamp()
        for moment, emotion, reason in zip(data.times.tolist(), data.emotions, data.reasons, strict=True):
            seconds = unknown.get(bisect_right(at, zero + moment) - 1)
            if seconds is not None:
                state = emotion or _WHY.get(reason, "unsure")
                length_s = min(data.step_s, data.duration_s - moment)
                seconds[state] = seconds.get(state, 0.0) + length_s
        for event in data.events:
            begun, ended = (
                (started + timedelta(seconds=moment)).astimezone(span.start.tzinfo)
                for moment in (event.start_s, event.end_s)
            )
            if bisect_right(at, begun.timestamp()) - 1 in unknown:
                sure = event.confidence or 0.0
                episodes.append(HistoryEpisode(segment_id, event.emotion, begun, ended, sure, segment_id))
    buckets = [_filled(bucket, unknown.get(index)) for index, bucket in enumerate(span.buckets)]
    totals = {state: sum(bucket.seconds.get(state, 0.0) for bucket in buckets) for state in STATES}
    return replace(
        span,
        buckets=tuple(buckets),
        episodes=tuple(sorted(episodes, key=lambda one: one.started)),
        totals=replace(span.totals, seconds=totals),
    )


def _filled(bucket: HistoryBucket, seconds: Mapping[str, float] | None) -> HistoryBucket:
    if not seconds:
        return bucket
    # A recording's grid may reach a little into the next bucket.
    whole = max(1.0, sum(seconds.values()) / bucket.length_s)
    known = {state: spent / whole for state, spent in seconds.items()}
    rest = bucket.length_s - sum(spent for state, spent in known.items() if state != "unknown")
    return replace(bucket, seconds={**dict.fromkeys(STATES, 0.0), **known, "unknown": max(0.0, rest)})


def longest_emotion(seconds: Mapping[str, float]) -> Emotion | None:
    """The emotion that was named for longest, None without any."""
    best = max(EMOTIONS, key=lambda name: seconds.get(name, 0.0))
    return best if seconds.get(best, 0.0) > 0 else None
