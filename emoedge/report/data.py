"""Data of a report, made from the outcomes in a timeline. Pure.

All times are seconds from the start of the segment.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from emoedge.clock import parse_rfc3339
from emoedge.emotions import EMOTION_COUNT, EMOTIONS, Emotion, leader
from emoedge.observations import UNKNOWN, FacesObservation, Speaker, TextObservation, Word
from emoedge.outcomes import EmotionEvent, FusedState
from emoedge.record.timeline import STATE_HOLD_S, Timeline
from emoedge.report.speakers import SpokenSpan, spoken_spans

Channel = Literal["fused", "face", "voice", "text"]
CHANNELS: Final[tuple[Channel, ...]] = ("fused", "face", "voice", "text")

STEP_S: Final = 0.2
"""States are kept about five times a second."""
MAX_POINTS: Final = 900
"""A chart is about a thousand pixels wide: more points cannot be seen."""
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9000
"""Years that the start of a segment may be in: another one is damage."""
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

    def at(self, index: int) -> NDArray[np.float32] | None:
        """The seven probabilities at a point of the grid, float32 (7,), or None without an opinion."""
        return self.values[index] if self.known[index] else None


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of one emotion.

    Attributes:
        emotion: of the stretch.
        start_s, end_s: from when to when.
        confidence: how sure it is, 0..1: the peak of an episode, the mean of a run, the mean probability of
            what leads a curve; None where unknown.
    """

    emotion: Emotion
    start_s: float
    end_s: float
    confidence: float | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class ShownUtterance:
    """Speech between two pauses.

    Attributes:
        words: at least one, within the segment; of an utterance of which only the transcript is known, all of
            it is one word.
        emotion: that the words carry, None without an opinion.
        probability: of that emotion, 0..1.
        speaker: whose voice it was.
    """

    words: tuple[Word, ...]
    emotion: Emotion | None = None
    probability: float = 0.0
    speaker: Speaker = UNKNOWN

    @property
    def start_s(self) -> float:
        """Begin of the first word."""
        return self.words[0].start_s


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows.

    Attributes:
        duration_s: length of the segment.
        step_s: distance of the grid's points.
        curves: one per channel; channels without any opinion are missing, "fused" never is.
        emotions: what is named at each point of the grid, None without an emotion.
        reasons: why nothing is named at each point of the grid; "" where an emotion is, "unknown" where no
            state was kept.
        events: the episodes, as topic `event` reports them, in order of time.
        utterances: in order of time.
        spoken: whose voice is heard when, in order of time.
        details: the JSON sidecar.
        timeline: what all of it was made from.
    """

    duration_s: float
    step_s: float
    curves: dict[Channel, Curve]
    emotions: tuple[Emotion | None, ...]
    reasons: tuple[str, ...]
    events: tuple[Episode, ...]
    utterances: tuple[ShownUtterance, ...] = ()
    spoken: tuple[SpokenSpan, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    timeline: Timeline = field(default_factory=Timeline)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words, in order of time."""
        return tuple(word for utterance in self.utterances for word in utterance.words)

    @property
    def times(self) -> NDArray[np.float64]:
        """float64 (n,): the grid."""
        return np.arange(len(self.emotions), dtype=np.float64) * self.step_s


@dataclass(frozen=True, slots=True)
class Summary:
    """Summary of a segment.

    Attributes:
        seconds: time for which each emotion is named.
        none_s: time for which none is.
        transitions: (from, to, count) of episodes that follow each other, the most frequent first.
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
    held = hold([state.time_s for state in states], times + step_s / 2, max(timeline.hold_s, step_s))
    curves: dict[Channel, Curve] = {}
    for channel in CHANNELS:
        curve = _curve(channel, states, held)
        if channel == "face":
            curve = Curve(curve.values, _face_quality(timeline, times, step_s, curve.trust))
        if channel == "fused" or bool(curve.known.any()):
            curves[channel] = curve
    return ReportData(
        duration_s=duration_s,
        step_s=step_s,
        curves=curves,
        emotions=tuple(states[index].emotion if index >= 0 else None for index in held),
        reasons=tuple(_reason(states[index]) if index >= 0 else "unknown" for index in held),
        events=_events(timeline, duration_s),
        utterances=_utterances(timeline, duration_s),
        spoken=spoken_spans(timeline, duration_s),
        details=details,
        timeline=timeline,
    )


def summarize(data: ReportData, longest: int = 5) -> Summary:
    """Time in each emotion, transitions and the longest episodes."""
    named, episodes = runs(data), data.events
    seconds: dict[Emotion, float] = {}
    for emotion in EMOTIONS:
        seconds[emotion] = sum(run.duration_s for run in named if run.emotion == emotion)
    counts: dict[tuple[Emotion, Emotion], int] = {}
    for before, after in itertools.pairwise(episodes):
        # A change is only visible if there is nothing in between.
        if before.emotion != after.emotion and abs(after.start_s - before.end_s) < STEP_S:
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
    """Stretches in which what is named stayed the same; those without an emotion are left out."""
    trust = data.curves["fused"].trust
    episodes: list[Episode] = []
    begun = 0
    for index in range(1, len(data.emotions) + 1):
        if index < len(data.emotions) and data.emotions[index] == data.emotions[begun]:
            continue
        emotion = data.emotions[begun]
        if emotion is not None:
            end_s = min(index * data.step_s, data.duration_s)
            sure = trust[begun:index][np.isfinite(trust[begun:index])]
            mean = float(sure.mean()) if len(sure) else None
            episodes.append(Episode(emotion, begun * data.step_s, end_s, mean))
        begun = index
    return episodes


def started_of(data: ReportData) -> datetime | None:
    """When the segment was started, on the device's clock."""
    started = parse_rfc3339(data.details.get("started"))
    # At the ends of the calendar a time zone or a second more is an error.
    return started if started is not None and FIRST_YEAR <= started.year <= LAST_YEAR else None


def leading_runs(data: ReportData, curve: Curve) -> list[Episode]:
    """Stretches in which one emotion is in front of a curve, with its mean probability, in order of time."""
    leaders = np.where(curve.known, np.argmax(np.nan_to_num(curve.values), axis=1), -1)
    found, first = [], 0
    for index, group in itertools.groupby(leaders.tolist()):
        last = first + len(list(group))
        if index >= 0:
            end_s = min(last * data.step_s, data.duration_s)
            mean = float(curve.values[first:last, index].mean())
            found.append(Episode(EMOTIONS[index], first * data.step_s, end_s, mean))
        first = last
    return found


def hold(sample_times: Sequence[float], times: NDArray[np.float64], hold_s: float) -> NDArray[np.intp]:
    """Return for each time, float (n,), the index of the newest sample not older than `hold_s`, else -1."""
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
    held = hold([faces.time_s for faces in samples], times + step_s / 2, max(STATE_HOLD_S, step_s))
    qualities = [np.nan if faces.primary is None else faces.primary.quality for faces in samples]
    return np.array([*qualities, np.nan], dtype=np.float32)[held]


def _events(timeline: Timeline, duration_s: float) -> tuple[Episode, ...]:
    """Episodes from their begin and end; one that goes on beyond the segment ends with it."""
    found: dict[str, Episode] = {}
    for event in timeline.outcomes:
        if isinstance(event, EmotionEvent):
            end_s = duration_s if event.ended_s is None else min(duration_s, event.ended_s)
            start_s, peak = max(0.0, event.started_s), event.peak_confidence
            if event.ended_s is None:
                # Its peak was not known yet when it began.
                peak = max([peak, *_confidences(timeline, event.emotion, start_s)])
            found[event.event_id] = Episode(event.emotion, start_s, end_s, peak)
    episodes = [episode for episode in found.values() if episode.duration_s > 0]
    return tuple(sorted(episodes, key=lambda episode: episode.start_s))


def _confidences(timeline: Timeline, emotion: Emotion, start_s: float) -> list[float]:
    return [
        state.confidence for state in timeline.states if state.emotion == emotion and state.time_s >= start_s
    ]


def _reason(state: FusedState) -> str:
    return "" if state.emotion is not None else state.reason or "no_opinion"


def _utterances(timeline: Timeline, duration_s: float) -> tuple[ShownUtterance, ...]:
    """The utterances with words within the segment."""
    found = []
    for text in timeline.outcomes:
        if not isinstance(text, TextObservation) or not (text.words or text.transcript):
            continue
        spoken = text.words or (Word(text.transcript, text.start_s, text.end_s, 1.0),)
        words = tuple(
            replace(word, start_s=max(0.0, word.start_s), end_s=min(duration_s, word.end_s))
            for word in spoken
            if word.end_s > 0 and word.start_s < duration_s
        )
        if words and text.probabilities is None:
            found.append(ShownUtterance(words, speaker=text.speaker))
        elif words and text.probabilities is not None:
            said, sure = leader(text.probabilities), float(text.probabilities.max())
            found.append(ShownUtterance(words, said, sure, text.speaker))
    return tuple(found)
