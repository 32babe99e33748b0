"""History of a span of time: totals, buckets, episodes, gaps; typed, JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from emoedge.emotions import EMOTIONS, Emotion

SCHEMA: Final = 1
"""Version of the JSON."""


@dataclass(frozen=True, slots=True)
class HistoryBucket:
    """A minute, an hour, a day, or all of the time.

    Attributes:
        start, end: local, with their offset.
        seconds: of each of the seven emotions as it was named, of `unsure` (somebody there, none named),
            `nobody`, `unknown`, `private` and `stopped`; together the length of the bucket.
        speech_s: seconds of speech.
        probabilities: mean of the seven fused probabilities over the time with an opinion, None without any.
        episodes: how many of each emotion began in it.
        people_max: most people at once.
        clock_synced: False where the device's clock was not synchronised.
    """

    start: datetime
    end: datetime
    seconds: Mapping[str, float]
    speech_s: float
    probabilities: Mapping[Emotion, float] | None
    episodes: Mapping[Emotion, int]
    people_max: int
    clock_synced: bool

    @property
    def length_s(self) -> float:
        """Length in seconds."""
        return self.end.timestamp() - self.start.timestamp()

    @property
    def named_s(self) -> float:
        """Seconds in which an emotion was named."""
        return sum(self.seconds[name] for name in EMOTIONS)

    @property
    def seen_s(self) -> float:
        """Seconds in which somebody was there, with an emotion that was named or without."""
        return self.named_s + self.seconds["unsure"]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "start": timestamp(self.start),
            "end": timestamp(self.end),
            "seconds": dict(self.seconds),
            "speech_s": self.speech_s,
            "probabilities": None if self.probabilities is None else dict(self.probabilities),
            "episodes": dict(self.episodes),
            "people_max": self.people_max,
            "clock_synced": self.clock_synced,
        }


@dataclass(frozen=True, slots=True)
class HistoryEpisode:
    """An episode that began in the time.

    Attributes:
        event_id, emotion: as in the topic `event`.
        started, ended: local, with their offset.
        peak_confidence: 0..1.
        recording: id of the segment that holds it, None without one, or where it was deleted.
    """

    event_id: str
    emotion: Emotion
    started: datetime
    ended: datetime
    peak_confidence: float
    recording: str | None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.ended.timestamp() - self.started.timestamp()

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "id": self.event_id,
            "emotion": self.emotion,
            "started": timestamp(self.started),
            "ended": timestamp(self.ended),
            "peak_confidence": self.peak_confidence,
            "recording": self.recording,
        }


@dataclass(frozen=True, slots=True)
class HistoryGap:
    """Time about which nothing was kept: `privacy`, `stopped` (the daemon), or `clock` (it was set)."""

    start: datetime
    end: datetime
    reason: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"from": timestamp(self.start), "to": timestamp(self.end), "reason": self.reason}


@dataclass(frozen=True)
class HistorySpan:
    """History of a span of time; made by `emoedge.history.read`.

    Attributes:
        device: name of the device.
        timezone: name of the time zone in which days and hours are counted.
        start, end: the span; `end` is exclusive and not after the present.
        bucket: "minute", "hour" or "day".
        totals: all of it in one.
        buckets: in the order of time, without holes; empty for a time that has not begun.
        episodes: those that began in it, in the order of time.
        gaps: in the order of their beginnings, cut to the span.
    """

    device: str
    timezone: str
    start: datetime
    end: datetime
    bucket: str
    totals: HistoryBucket
    buckets: tuple[HistoryBucket, ...]
    episodes: tuple[HistoryEpisode, ...]
    gaps: tuple[HistoryGap, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is known about it."""
        unknown = self.totals.seconds["unknown"]
        return not (self.episodes or self.gaps or self.totals.speech_s) and unknown >= self.totals.length_s

    def to_json(self) -> dict[str, Any]:
        """Return the output of `emoedge history --json`, JSON-ready."""
        return {
            "schema": SCHEMA,
            "device": self.device,
            "timezone": self.timezone,
            "from": timestamp(self.start),
            "to": timestamp(self.end),
            "bucket": self.bucket,
            "totals": self.totals.to_json(),
            "buckets": [bucket.to_json() for bucket in self.buckets],
            "episodes": [episode.to_json() for episode in self.episodes],
            "gaps": [gap.to_json() for gap in self.gaps],
        }

    def to_csv(self) -> str:
        """Return the output of `emoedge history --csv`: a header, and a line for each bucket."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        places = list(self.totals.seconds)
        writer.writerow(
            [
                "start",
                "end",
                *(f"{place}_s" for place in places),
                "speech_s",
                *(f"{name}_p" for name in EMOTIONS),
                "episodes",
                "people_max",
                "clock_synced",
            ]
        )
        for bucket in self.buckets:
            probabilities = bucket.probabilities
            writer.writerow(
                [
                    timestamp(bucket.start),
                    timestamp(bucket.end),
                    *(f"{bucket.seconds[place]:.3f}" for place in places),
                    f"{bucket.speech_s:.3f}",
                    *("" if probabilities is None else f"{probabilities[name]:.4f}" for name in EMOTIONS),
                    sum(bucket.episodes.values()),
                    bucket.people_max,
                    "true" if bucket.clock_synced else "false",
                ]
            )
        return text.getvalue()


def timestamp(moment: datetime) -> str:
    """RFC 3339 with the local offset, with milliseconds where there are any."""
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
