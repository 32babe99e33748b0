"""Holds what is named until something else has lasted, so that it does not flicker; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from emoedge.emotions import INDEX, Emotion, leader
from emoedge.outcomes import FusedState

DOUBT_HOLDS: Final = 2.0
"""Times `hold_s` after which what is named gives way to what came instead, although nothing lasted."""
CLEAR: Final = 2.0
"""Margins by which something leads when it is clear."""
ROUNDING_S: Final = 1e-9
"""Sums of steps in time are equal to within this."""


class Hold:
    """The named emotion over time, "no opinion" included.

    Something else takes the place of what is named once it has lasted for `hold_s`; or at once, where it is
    clear, or no modality has an opinion left, and what is named has stood for `hold_s`; or where another
    person, source or privacy is the cause.

    The evidence for a change is summed over time (Page, "Continuous inspection schemes", Biometrika 41, 1954)
    until it is worth `hold_s` seconds. A moment counts fully where all who take part rank first what is new.
    Where they disagree it counts for less: as far as the lead of the new emotion is a clear one, or as much
    as a text that decides prefers it.
    Meanwhile a candidate that a modality ranks first stays named, in doubt. Where one thing after the other
    comes and none lasts, what could not stay is named for DOUBT_HOLDS times `hold_s` at most.

    Args:
        hold_s: seconds, >= 0; with 0 nothing is held.
        agreed: nothing is clear unless all who take part rank it first. For posteriors that are products: one
            sure opinion makes them clear against all others.
    """

    def __init__(self, hold_s: float, *, agreed: bool = False) -> None:
        self._hold_s = hold_s
        self._agreed = agreed
        self._held: FusedState | None = None
        self._since_s = 0.0
        self._pending: Emotion | None = None
        self._is_pending = False
        self._evidence_s = self._weight = self._looked_s = 0.0
        self._cause: object = None

    @property
    def settled(self) -> FusedState | None:
        """The last state of a moment in which what is named could be named."""
        return self._held

    @property
    def named(self) -> Emotion | None:
        """The named emotion, or None."""
        return None if self._held is None else self._held.emotion

    def update(
        self, state: FusedState, margin: float, cause: object = None, kept: FusedState | None = None
    ) -> FusedState:
        """Return what is named at the moment of a state; states come in the order of their times.

        Args:
            state: what the fusion says at this moment.
            margin: of the fusion; what is clear has no other class within twice as much.
            cause: person, sources and privacy in any form that can be compared; what is named is not held
                across a change of it.
            kept: what the fusion can say at this moment if `named` stays named, None where that is out of
                question; see `Fuser.kept`.

        Returns:
            `state` where it may be named, else `kept`, else `state` with the decision that is held in place
            of its own.
        """
        held = self._held
        if held is None or cause != self._cause or state.emotion == held.emotion:
            self._cause = cause
            return self._take(state)
        if self._is_pending and self._pending == state.emotion:
            self._evidence_s += self._weight * (state.time_s - self._looked_s)
        else:
            self._is_pending, self._pending, self._evidence_s = True, state.emotion, 0.0
        self._weight, self._looked_s = _weight(state, held.emotion, margin), state.time_s
        stood = state.time_s - self._since_s >= self._hold_s
        lasted = self._evidence_s >= self._hold_s - ROUNDING_S
        lost = state.time_s - held.time_s >= DOUBT_HOLDS * self._hold_s
        silent = state.probabilities is None  # the opinions used have expired, which is a lasting change
        clear = _is_clear(state, CLEAR * margin) and (not self._agreed or _is_agreed(state))
        if lasted or (stood and (lost or silent or clear)):
            return self._take(state)
        if kept is not None:
            self._held = replace(kept, since_s=self._since_s)
            return self._held
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
        self._is_pending = False
        return state


def _weight(state: FusedState, named: Emotion | None, margin: float) -> float:
    """Weight of the decision of a moment against what is named, 0..1."""
    new = state.emotion
    if new is None or named is None or state.probabilities is None:
        return 1.0
    if margin <= 0.0 or _is_agreed(state):
        return 1.0
    lead = float(state.probabilities[INDEX[new]] - state.probabilities[INDEX[named]]) / margin
    weight = lead / CLEAR
    if state.decided_by == "text":
        text = next(one.probabilities for one in state.opinions if one.modality == "text")
        weight = max(weight, min(1.0, 1.0 + lead) * float(text[INDEX[new]] - text[INDEX[named]]))
    return min(1.0, max(0.0, weight))


def _is_agreed(state: FusedState) -> bool:
    """Return whether all who take part rank first what the decision of a moment names."""
    return all(leader(opinion.probabilities) == state.emotion for opinion in state.opinions)


def _is_clear(state: FusedState, distance: float) -> bool:
    """Return whether an emotion is named and no other class is within a distance of it."""
    if state.emotion is None or state.probabilities is None:
        return False
    values = state.probabilities.tolist()
    own = values.pop(INDEX[state.emotion])
    return bool(own - max(values) >= distance)
