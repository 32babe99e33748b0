"""The state for dashboards and recorders: who is there, whether anybody speaks, and how often to say so."""

from __future__ import annotations

from typing import Final, TypeVar

from emoedge.emotions import Language
from emoedge.observations import Modality
from emoedge.outcomes import WITHHELD, FusedState, StateSummary
from emoedge.reasons import is_present, label

Value = TypeVar("Value")

SPACING_S: Final = 5.0
"""A change waits at least this long after the last summary; what has changed back by then is not told."""
MAX_AGE_S: Final = 10.0
"""Age at which what camera or microphone showed no longer counts: the device, or what looks and listens, is
not working."""


class SummaryThrottle:
    """Summary of the present state, at a rate that a recorder can store. Pure: values and times in.

    A change is told at once if the last summary is `SPACING_S` old, otherwise when it becomes so, the newest
    state alone; without a change one is told every `interval_s`. What is withheld is withheld at once.

    Args:
        interval_s: longest time between two summaries, seconds.
        language: of `label`.
    """

    def __init__(self, interval_s: float, language: Language) -> None:
        self._interval_s = interval_s
        self._language = language
        self._people: tuple[int, float] | None = None
        self._speaking: tuple[bool, float] | None = None
        self._told: tuple[object, ...] = ()
        self._told_s = float("-inf")

    def on_people(self, people: int, now_s: float) -> None:
        """Take the number of people in a frame."""
        self._people = people, now_s

    def on_speech(self, speaking: bool, now_s: float) -> None:
        """Take whether anybody speaks; to be repeated as long as the microphone is heard."""
        self._speaking = speaking, now_s

    def forget(self, modality: Modality) -> None:
        """Drop what came from a source that was lost or switched off."""
        if modality == "face":
            self._people = None
        elif modality == "voice":
            self._speaking = None

    def update(self, state: FusedState, now_s: float) -> list[StateSummary]:
        """Return the summary of this moment if it is due; call at least every second or so.

        Args:
            state: what is named.
            now_s: the moment, seconds.
        """
        summary = self._summary(state, now_s)
        key = state.emotion, state.certain, summary.present, summary.speaking, state.reason
        waited_s = now_s - self._told_s
        changed = key != self._told and (waited_s >= SPACING_S or state.reason in WITHHELD)
        if not changed and waited_s < self._interval_s:
            return []
        self._told, self._told_s = key, now_s
        return [summary]

    def _summary(self, state: FusedState, now_s: float) -> StateSummary:
        people, speaking = _fresh(self._people, now_s), _fresh(self._speaking, now_s)
        nothing_works = people is None and speaking is None and state.emotion is None
        is_known = state.reason == "privacy" or not nothing_works
        return StateSummary(
            now_s,
            state,
            label(state.emotion, state.reason, self._language) if is_known else None,
            None if people is None else is_present(state.reason),
            people,
            speaking,
        )


def _fresh(seen: tuple[Value, float] | None, now_s: float) -> Value | None:
    return None if seen is None or now_s - seen[1] > MAX_AGE_S else seen[0]
