"""Holds what is named until something else has lasted, so that it does not flicker; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from emoedge.emotions import INDEX, Emotion
from emoedge.outcomes import FusedState

DOUBT_HOLDS: Final = 2.0
"""Times `hold_s` after which what is named gives way to what came instead, although nothing lasted."""


class Hold:
    """The named emotion over time, "no opinion" included.

    Something else takes the place of what is named once it has lasted for `hold_s`; or at once, where it is
    clear, or no modality has an opinion left, and what is named has stood for `hold_s`; or where another
    person, source or privacy is the cause.
    Where one thing after the other comes and none lasts, nothing that has gone is named for longer than
    DOUBT_HOLDS times `hold_s`.

    Args:
        hold_s: seconds, >= 0; with 0 nothing is held.
    """

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self._held: FusedState | None = None
        self._since_s = 0.0
        self._pending: tuple[Emotion | None, float] | None = None
        self._cause: object = None

    @property
    def settled(self) -> FusedState | None:
        """The last state in which the decision of the moment was the one that is named."""
        return self._held

    def update(self, state: FusedState, margin: float, cause: object = None) -> FusedState:
        """Return what is named at the moment of a state; states come in the order of their times.

        Args:
            state: what the fusion says at this moment.
            margin: of the fusion; what is clear has no other class within twice as much.
            cause: person, sources and privacy in any form that can be compared; what is named is not held
                across a change of it.

        Returns:
            `state` where it may be named, else `state` with the decision that is held in place of its own.
        """
        held = self._held
        if held is None or cause != self._cause or state.emotion == held.emotion:
            self._cause = cause
            return self._take(state)
        pending = self._pending
        if pending is None or pending[0] != state.emotion:
            pending = self._pending = (state.emotion, state.time_s)
        stood = state.time_s - self._since_s >= self._hold_s
        lasted = state.time_s - pending[1] >= self._hold_s
        lost = state.time_s - held.time_s >= DOUBT_HOLDS * self._hold_s
        silent = state.probabilities is None  # what took part has grown too old, which is lasting enough
        if lasted or (stood and (lost or silent or _is_clear(state, 2.0 * margin))):
            return self._take(state)
        seen = held if silent else state
        return replace(
            held,
            time_s=state.time_s,
            probabilities=seen.probabilities,
            opinions=seen.opinions,
            observed_s=seen.observed_s,
        )

    def _take(self, state: FusedState) -> FusedState:
        if self._held is None or state.emotion != self._held.emotion:
            self._since_s = state.time_s
        self._held = state = replace(state, since_s=self._since_s)
        self._pending = None
        return state


def _is_clear(state: FusedState, distance: float) -> bool:
    """Return whether an emotion is named and no other class is within a distance of it."""
    if state.emotion is None or state.probabilities is None:
        return False
    values = state.probabilities.tolist()
    own = values.pop(INDEX[state.emotion])
    return bool(own - max(values) >= distance)
