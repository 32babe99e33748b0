"""Smoothing and hysteresis in seconds: from fused states to events that do not flicker."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from emoedge.config import EventSettings
from emoedge.emotions import EMOTION_COUNT, INDEX, Emotion
from emoedge.outcomes import EmotionEvent, FusedState


@dataclass(slots=True)
class _Episode:
    event_id: str
    emotion: Emotion
    started_s: float
    peak_confidence: float
    last_held_s: float


class EventDetector:
    """Decides when an emotion begins and ends; pure: states in, events out.

    The confidence of what is named is smoothed exponentially (`smoothing_s`), that of all else counts as
    zero. An emotion that is named begins once its smoothed confidence stays at or above `begin_confidence`
    for `min_duration_s`, and ends once it stays below `end_confidence` for `end_after_s`, or as soon as
    another one begins. Time without an emotion pulls everything to zero.

    Args:
        settings: thresholds and times.
        new_id: makes the identifier of an event from its start, seconds.
    """

    def __init__(self, settings: EventSettings, new_id: Callable[[float], str]) -> None:
        self._settings = settings
        self._new_id = new_id
        self._smoothed = [0.0] * EMOTION_COUNT
        self._time_s: float | None = None
        self._rising: tuple[Emotion, float] | None = None
        self._episode: _Episode | None = None

    @property
    def current(self) -> Emotion | None:
        """The emotion of the event that is open, or None."""
        return self._episode.emotion if self._episode else None

    def update(self, state: FusedState, *, may_begin: bool = True) -> list[EmotionEvent]:
        """Take in a state; states come in the order of their times, an older one changes nothing.

        Args:
            state: what is named at a moment.
            may_begin: False where it may come from a photograph: nothing begins.
        """
        if self._time_s is not None and state.time_s < self._time_s:
            return []
        self._smooth(state)
        events = self._maybe_end(state)
        if not may_begin:
            self._rising = None
            return events
        return events + self._maybe_begin(state)

    def close(self, time_s: float) -> list[EmotionEvent]:
        """End the open event, as at shutdown or when privacy is switched on."""
        events = [] if self._episode is None else [self._end(max(time_s, self._episode.started_s))]
        self._smoothed = [0.0] * EMOTION_COUNT
        self._rising = None
        return events

    def _smooth(self, state: FusedState) -> None:
        target = [0.0] * EMOTION_COUNT
        if state.emotion is not None:
            target[INDEX[state.emotion]] = state.confidence
        if self._time_s is None or self._settings.smoothing_s == 0:
            self._smoothed = target
        else:
            keep = math.exp(-(state.time_s - self._time_s) / self._settings.smoothing_s)
            pairs = zip(self._smoothed, target, strict=True)
            self._smoothed = [keep * old + (1.0 - keep) * new for old, new in pairs]
        self._time_s = state.time_s

    def _maybe_end(self, state: FusedState) -> list[EmotionEvent]:
        episode, time_s = self._episode, state.time_s
        if episode is None:
            return []
        if self._level(episode.emotion) >= self._settings.end_confidence:
            episode.last_held_s = time_s
            if state.emotion == episode.emotion:
                episode.peak_confidence = max(episode.peak_confidence, state.confidence)
        elif time_s - episode.last_held_s >= self._settings.end_after_s:
            return [self._end(episode.last_held_s)]
        return []

    def _maybe_begin(self, state: FusedState) -> list[EmotionEvent]:
        best, time_s = state.emotion, state.time_s
        if best is None or best == self.current or self._level(best) < self._settings.begin_confidence:
            self._rising = None
            return []
        wanted = best != "neutral" or self._settings.neutral
        if self._rising is None or self._rising[0] != best:
            self._rising = (best, time_s)
        since_s = self._rising[1]
        if time_s - since_s < self._settings.min_duration_s:
            return []
        self._rising = None
        events = [] if self._episode is None else [self._end(max(since_s, self._episode.started_s))]
        if wanted:
            self._episode = _Episode(self._new_id(since_s), best, since_s, state.confidence, time_s)
            events.append(
                EmotionEvent("begin", self._episode.event_id, best, since_s, None, state.confidence)
            )
        return events

    def _level(self, emotion: Emotion) -> float:
        return self._smoothed[INDEX[emotion]]

    def _end(self, time_s: float) -> EmotionEvent:
        episode = self._episode
        assert episode is not None
        self._episode = None
        return EmotionEvent(
            "end", episode.event_id, episode.emotion, episode.started_s, time_s, episode.peak_confidence
        )
