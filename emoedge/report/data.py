"""From the rows of a timeline to what a page or an export shows. Pure.

All times are seconds from the start of the segment.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, INDEX, Emotion

Channel = Literal["fused", "face", "voice", "text"]
CHANNELS: Final[tuple[Channel, ...]] = ("fused", "face", "voice", "text")

STEP_S: Final = 0.2
"""States are kept about five times a second."""
MAX_POINTS: Final = 900
"""A chart is about a thousand pixels wide: more points cannot be seen."""
STATE_HOLD_S: Final = 2.0
"""Without a state for so long nothing is known: a gap."""
MESSAGE_HOLD_S: Final = 15.0
"""The same where only the published messages were kept, of which there may be one in ten seconds."""
EVENT_REACH_S: Final = 4000.0
"""A wall-clock time that lies further from its row than any segment is long comes from a clock that was set."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Seven probabilities over time, on the grid of the report.

    Attributes:
        values: float32 (n, 7), rows of NaN where there was no opinion.
        trust: float32 (n,), 0..1 (confidence, quality or reliability), NaN where unknown.
    """

    values: NDArray[np.float32]
    trust: NDArray[np.float32]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Bool (n,): where there is an opinion."""
        return np.isfinite(self.values[:, 0])


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of one emotion."""

    emotion: Emotion
    start_s: float
    end_s: float
    peak_confidence: float | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word of the transcript."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows.

    Attributes:
        duration_s: length of the segment.
        step_s: distance of the grid's points.
        curves: one per channel; channels without any opinion are missing, "fused" never is.
        emotions: the decision at each point of the grid, None without one.
        events: in order of time.
        words: in order of time; utterances are split by `breaks`.
        breaks: indices into `words` at which an utterance begins.
    """

    duration_s: float
    step_s: float
    curves: dict[Channel, Curve]
    emotions: tuple[Emotion | None, ...]
    events: tuple[Episode, ...]
    words: tuple[SpokenWord, ...] = ()
    breaks: tuple[int, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def times(self) -> NDArray[np.float64]:
        """float64 (n,): the grid."""
        return np.arange(len(self.emotions), dtype=np.float64) * self.step_s


@dataclass(frozen=True, slots=True)
class Summary:
    """What a segment amounts to.

    Attributes:
        seconds: time in each emotion.
        none_s: time without any.
        transitions: (from, to, count), the most frequent first.
        longest: the longest episodes, longest first.
    """

    seconds: dict[Emotion, float]
    none_s: float
    transitions: tuple[tuple[Emotion, Emotion, int], ...]
    longest: tuple[Episode, ...]


def build(
    rows: Sequence[Mapping[str, Any]],
    details: Mapping[str, Any],
    duration_s: float,
    max_points: int | None = MAX_POINTS,
) -> ReportData:
    """Make the data of a report.

    Args:
        rows: of the timeline (`read_timeline`), in order of time.
        details: the JSON sidecar.
        duration_s: length of the segment, > 0.
        max_points: of the grid; None for a point every STEP_S however long it is.
    """
    step_s = STEP_S if max_points is None else max(STEP_S, duration_s / max_points)
    times: NDArray[np.float64] = (
        np.arange(max(1, int(np.ceil(duration_s / step_s))), dtype=np.float64) * step_s
    )
    states = [row for row in rows if row["topic"] == "state" and isinstance(row.get("payload"), Mapping)]
    hold_s = STATE_HOLD_S
    if not states:
        states = [
            row for row in rows if row["topic"] == "emotion" and isinstance(row.get("payload"), Mapping)
        ]
        hold_s = MESSAGE_HOLD_S
    # Half a step of tolerance: a state that comes a moment after its point of the grid belongs to it.
    held = _hold(np.array([row["t"] for row in states]), times + step_s / 2, max(hold_s, step_s))
    curves: dict[Channel, Curve] = {}
    for channel in CHANNELS:
        curve = _curve(channel, states, held, rows, times, step_s)
        if channel == "fused" or bool(curve.known.any()):
            curves[channel] = curve
    emotions = tuple(_emotion(states[index]["payload"]) if index >= 0 else None for index in held)
    words, breaks = _words(rows, duration_s)
    return ReportData(
        duration_s=duration_s,
        step_s=step_s,
        curves=curves,
        emotions=emotions,
        events=_events(rows, details, duration_s),
        words=words,
        breaks=breaks,
        details=details,
    )


def summarize(data: ReportData, longest: int = 5) -> Summary:
    """Time in each emotion, transitions and the longest episodes."""
    episodes = runs(data)
    seconds: dict[Emotion, float] = {}
    for emotion in EMOTIONS:
        seconds[emotion] = sum(episode.duration_s for episode in episodes if episode.emotion == emotion)
    counts: dict[tuple[Emotion, Emotion], int] = {}
    for before, after in itertools.pairwise(episodes):
        # A change is seen only where nothing lies between.
        if before.emotion != after.emotion and before.end_s == after.start_s:
            pair = (before.emotion, after.emotion)
            counts[pair] = counts.get(pair, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Summary(
        seconds=seconds,
        none_s=max(0.0, data.duration_s - sum(seconds.values())),
        transitions=tuple((pair[0], pair[1], count) for pair, count in ranked),
        longest=tuple(sorted(episodes, key=lambda episode: (-episode.duration_s, episode.start_s))[:longest]),
    )


def runs(data: ReportData) -> list[Episode]:
    """Stretches in which the decision stayed the same; those without a decision are left out."""
    episodes: list[Episode] = []
    begun = 0
    for index in range(1, len(data.emotions) + 1):
        if index < len(data.emotions) and data.emotions[index] == data.emotions[begun]:
            continue
        emotion = data.emotions[begun]
        if emotion is not None:
            end_s = min(index * data.step_s, data.duration_s)
            episodes.append(Episode(emotion, begun * data.step_s, end_s))
        begun = index
    return episodes


def _hold(sample_times: NDArray[np.float64], times: NDArray[np.float64], hold_s: float) -> NDArray[np.intp]:
    """For each time the index of the newest sample not older than `hold_s`, else -1."""
    if not len(sample_times):
        return np.full(len(times), -1, dtype=np.intp)
    index = np.searchsorted(sample_times, times, side="right") - 1
    age = times - sample_times[np.maximum(index, 0)]
    return np.where((index >= 0) & (age <= hold_s), index, -1).astype(np.intp)


def _curve(
    channel: Channel,
    states: Sequence[Mapping[str, Any]],
    held: NDArray[np.intp],
    rows: Sequence[Mapping[str, Any]],
    times: NDArray[np.float64],
    step_s: float,
) -> Curve:
    values = np.full((len(states) + 1, EMOTION_COUNT), np.nan, dtype=np.float32)
    trust = np.full(len(states) + 1, np.nan, dtype=np.float32)
    for index, row in enumerate(states):
        payload = row["payload"]
        part = payload if channel == "fused" else (payload.get("modalities") or {}).get(channel)
        if not isinstance(part, Mapping) or not isinstance(part.get("probabilities"), Mapping):
            continue
        values[index] = [float(part["probabilities"].get(name, 0.0)) for name in EMOTIONS]
        known = part.get("confidence" if channel == "fused" else "reliability")
        if isinstance(known, (int, float)):
            trust[index] = known
    # The last row stays NaN: the index -1 of `held` leads there.
    curve = Curve(values[held], trust[held])
    return (
        curve if channel != "face" else Curve(curve.values, _face_quality(rows, times, step_s, curve.trust))
    )


def _face_quality(
    rows: Sequence[Mapping[str, Any]],
    times: NDArray[np.float64],
    step_s: float,
    otherwise: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Quality of the primary face on the grid, where faces were kept."""
    samples: list[tuple[float, float]] = []
    for row in rows:
        if row["topic"] not in ("faces", "face") or not isinstance(row.get("payload"), Mapping):
            continue
        faces = [face for face in row["payload"].get("faces") or () if isinstance(face, Mapping)]
        primary = next((face for face in faces if face.get("primary")), None)
        quality = None if primary is None else primary.get("quality")
        samples.append((row["t"], float(quality) if isinstance(quality, (int, float)) else np.nan))
    if not samples:
        return otherwise
    held = _hold(np.array([t for t, _ in samples]), times + step_s / 2, max(STATE_HOLD_S, step_s))
    values = np.array([*(quality for _, quality in samples), np.nan], dtype=np.float32)
    return values[held]


def _emotion(payload: Mapping[str, Any]) -> Emotion | None:
    emotion = payload.get("emotion")
    return EMOTIONS[INDEX[emotion]] if isinstance(emotion, str) and emotion in INDEX else None


def _events(
    rows: Sequence[Mapping[str, Any]], details: Mapping[str, Any], duration_s: float
) -> tuple[Episode, ...]:
    """Events from their begin and end messages; one that goes on beyond the segment ends with it."""
    zero = _moment(details.get("started"))
    found: dict[str, tuple[Emotion, float, float, float | None]] = {}
    for row in rows:
        payload = row.get("payload")
        if row["topic"] != "event" or not isinstance(payload, Mapping):
            continue
        emotion = _emotion(payload)
        if emotion is None:
            continue
        key = str(payload.get("id", row["t"]))
        start_s = _placed(payload, "started", zero, row["t"])
        end_s = _placed(payload, "ended", zero, row["t"]) if payload.get("type") == "end" else duration_s
        if key in found and payload.get("started") is None:
            start_s = found[key][1]
        peak = payload.get("peak_confidence")
        found[key] = (emotion, start_s, end_s, float(peak) if isinstance(peak, (int, float)) else None)
    clipped = [
        Episode(emotion, max(0.0, start_s), min(duration_s, end_s), peak)
        for emotion, start_s, end_s, peak in found.values()
    ]
    return tuple(
        sorted(
            (episode for episode in clipped if episode.duration_s > 0), key=lambda episode: episode.start_s
        )
    )


def _words(
    rows: Sequence[Mapping[str, Any]], duration_s: float
) -> tuple[tuple[SpokenWord, ...], tuple[int, ...]]:
    """Words with their times; where only messages with a transcript were kept, each utterance as one."""
    words: list[SpokenWord] = []
    breaks: list[int] = []
    kept = any(row["topic"] == "transcript" for row in rows)
    for row in rows if not kept else ():
        payload = row.get("payload")
        if row["topic"] == "text" and isinstance(payload, Mapping) and payload.get("transcript"):
            breaks.append(len(words))
            start_s = row["t"] - float(payload.get("duration") or 0.0)
            words.append(
                SpokenWord(str(payload["transcript"]), max(0.0, start_s), min(duration_s, row["t"]), 1.0)
            )
    for row in rows:
        payload = row.get("payload")
        if row["topic"] != "transcript" or not isinstance(payload, Mapping):
            continue
        breaks.append(len(words))
        for word in payload.get("words") or ():
            start_s, end_s = row["t"] + float(word["start"]), row["t"] + float(word["end"])
            if end_s > 0 and start_s < duration_s:
                confidence = float(word.get("confidence", 1.0))
                words.append(
                    SpokenWord(str(word["text"]), max(0.0, start_s), min(duration_s, end_s), confidence)
                )
    return tuple(words), tuple(breaks)


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return None


def _placed(payload: Mapping[str, Any], key: str, zero: datetime | None, otherwise: float) -> float:
    """A moment of a message: the media time where there is one (replay), else by the wall clock."""
    media_s = payload.get(f"{key}_s")
    if isinstance(media_s, (int, float)):
        return float(media_s)
    return _relative(payload.get(key), zero, otherwise)


def _relative(value: Any, zero: datetime | None, otherwise: float) -> float:
    """Seconds from the start of the segment; `otherwise` where the wall clock cannot tell."""
    moment = _moment(value)
    if moment is None or zero is None or (moment.tzinfo is None) != (zero.tzinfo is None):
        return otherwise
    seconds = (moment - zero).total_seconds()
    return seconds if abs(seconds - otherwise) < EVENT_REACH_S else otherwise
