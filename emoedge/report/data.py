"""Data of a report, made from the outcomes in a timeline. Pure.

All times are seconds from the start of the segment.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, Emotion
from emoedge.observations import FacesObservation, TextObservation, Word
from emoedge.outcomes import EmotionEvent, FusedState
from emoedge.record.timeline import STATE_HOLD_S, Timeline

Channel = Literal["fused", "face", "voice", "text"]
CHANNELS: Final[tuple[Channel, ...]] = ("fused", "face", "voice", "text")

STEP_S: Final = 0.2
"""States are kept about five times a second."""
MAX_POINTS: Final = 900
"""A chart is about a thousand pixels wide: more points cannot be seen."""
MOST_POINTS: Final = 1_000_000
"""Points for other programs: more than two days at five a second."""


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
    words: tuple[Word, ...] = ()
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
    timeline: Timeline,
    details: Mapping[str, Any],
    duration_s: float,
    max_points: int | None = MAX_POINTS,
) -> ReportData:
    """Make the data of a report.

    Args:
        timeline: the outcomes, in order of time.
        details: the JSON sidecar.
        duration_s: length of the segment, > 0.
        max_points: of the grid; None for a point every STEP_S, up to `MOST_POINTS`.
    """
    step_s = max(STEP_S, duration_s / (max_points or MOST_POINTS))
    times: NDArray[np.float64] = (
        np.arange(max(1, int(np.ceil(duration_s / step_s))), dtype=np.float64) * step_s
    )
    states = timeline.states
    # Half a step of tolerance: a state that comes a moment after its point of the grid belongs to it.
    held = _hold([state.time_s for state in states], times + step_s / 2, max(timeline.hold_s, step_s))
    curves: dict[Channel, Curve] = {}
    for channel in CHANNELS:
        curve = _curve(channel, states, held)
        if channel == "face":
            curve = Curve(curve.values, _face_quality(timeline, times, step_s, curve.trust))
        if channel == "fused" or bool(curve.known.any()):
            curves[channel] = curve
    words, breaks = _words(timeline, duration_s)
    return ReportData(
        duration_s=duration_s,
        step_s=step_s,
        curves=curves,
        emotions=tuple(states[index].emotion if index >= 0 else None for index in held),
        events=_events(timeline, duration_s),
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


def _hold(sample_times: Sequence[float], times: NDArray[np.float64], hold_s: float) -> NDArray[np.intp]:
    """For each time the index of the newest sample not older than `hold_s`, else -1."""
    if not sample_times:
        return np.full(len(times), -1, dtype=np.intp)
    samples = np.array(sample_times)
    index = np.searchsorted(samples, times, side="right") - 1
    age = times - samples[np.maximum(index, 0)]
    return np.where((index >= 0) & (age <= hold_s), index, -1).astype(np.intp)


def _curve(channel: Channel, states: Sequence[FusedState], held: NDArray[np.intp]) -> Curve:
    # The last row stays NaN: the index -1 of `held` leads there.
    values = np.full((len(states) + 1, EMOTION_COUNT), np.nan, dtype=np.float32)
    trust = np.full(len(states) + 1, np.nan, dtype=np.float32)
    for index, state in enumerate(states):
        if channel == "fused":
            probabilities, known = state.probabilities, state.confidence
        else:
            opinion = next((one for one in state.opinions if one.modality == channel), None)
            probabilities, known = (
                (None, 0.0) if opinion is None else (opinion.probabilities, opinion.reliability)
            )
        if probabilities is not None:
            values[index], trust[index] = probabilities, known
    return Curve(values[held], trust[held])


def _face_quality(
    timeline: Timeline, times: NDArray[np.float64], step_s: float, otherwise: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Quality of the primary face on the grid, where faces were kept."""
    samples = [faces for faces in timeline.outcomes if isinstance(faces, FacesObservation)]
    if not samples:
        return otherwise
    held = _hold([faces.time_s for faces in samples], times + step_s / 2, max(STATE_HOLD_S, step_s))
    qualities = [np.nan if faces.primary is None else faces.primary.quality for faces in samples]
    return np.array([*qualities, np.nan], dtype=np.float32)[held]


def _events(timeline: Timeline, duration_s: float) -> tuple[Episode, ...]:
    """Episodes from their begin and end; one that goes on beyond the segment ends with it."""
    found: dict[str, Episode] = {}
    for event in timeline.outcomes:
        if isinstance(event, EmotionEvent):
            end_s = duration_s if event.ended_s is None else min(duration_s, event.ended_s)
            found[event.event_id] = Episode(
                event.emotion, max(0.0, event.started_s), end_s, event.peak_confidence
            )
    episodes = [episode for episode in found.values() if episode.duration_s > 0]
    return tuple(sorted(episodes, key=lambda episode: episode.start_s))


def _words(timeline: Timeline, duration_s: float) -> tuple[tuple[Word, ...], tuple[int, ...]]:
    """Words with their times; an utterance of which only the transcript is known counts as one word."""
    words: list[Word] = []
    breaks: list[int] = []
    for text in timeline.outcomes:
        if not isinstance(text, TextObservation) or not (text.words or text.transcript):
            continue
        breaks.append(len(words))
        spoken = text.words or (Word(text.transcript, text.start_s, text.end_s, 1.0),)
        words += [
            replace(word, start_s=max(0.0, word.start_s), end_s=min(duration_s, word.end_s))
            for word in spoken
            if word.end_s > 0 and word.start_s < duration_s
        ]
    return tuple(words), tuple(breaks)
