"""Holds what is named until something else has lasted, so that it does not flicker; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from emoedge.emotions import INDEX, Emotion
from emoedge.observations import Modality
from emoedge.outcomes import FusedState

DOUBT_HOLDS: Final = 2.0
"""Times `hold_s` after which what is named gives way to what came instead, although nothing lasted."""
POOL_DOUBT_HOLDS: Final = 4.0
"""The same for a pool, where the words of an utterance can outweigh the face for as long as they are used."""
CLEAR: Final = 2.0
"""Margins by which something leads when it is clear, and by which a moment counts fully in a dispute."""
NEW_SHARE: Final[dict[Modality, float]] = {"face": 1.0, "voice": 0.25, "text": 0.1}
"""How much of an opinion is new at each moment. The face is seen again; three quarters of the sound of a
voice result were in the one before; an utterance is heard once, however long its words are used."""
UNSURE_WEIGHT: Final = 0.5
"""Weight of a moment without an emotion: it does not say that something else is right."""
MEAN_SHARE: Final[dict[Modality, float]] = {"face": 0.6, "voice": 0.4, "text": 0.4}
"""Shares in the mean in which a pool must be clear: those of the default of `fusion.face_weight`."""
ROUNDING_S: Final = 1e-9
"""Sums of steps in time are equal to within this."""


class Hold:
    """The named emotion over time, "no opinion" included.

    Something else takes the place of what is named once it has lasted for `hold_s`; or at once, where it is
    clear, or no modality has an opinion left, and what is named has stood for `hold_s`; or where another
    person, source or privacy is the cause.

    The evidence for a change is summed over time (Page, "Continuous inspection schemes", Biometrika 41, 1954)
    until it is worth `hold_s` seconds. A moment counts in proportion to the lead of the new emotion over what
    is named, in the mean of the opinions weighted by NEW_SHARE: an utterance or a voice result must not count
    again at each moment for which it is used. An emotion that the face does not show therefore replaces one
    that it shows late or not at all.
    Meanwhile a candidate that a modality ranks first stays named, in doubt. Where one thing after the other
    comes and none lasts, what could not stay is named for a few times `hold_s` at most.

    Args:
        hold_s: seconds, >= 0; with 0 nothing is held.
        pooled: posteriors are products of opinions. One sure opinion makes them clear against all others, so
            that something is clear only where it is clear in the mean of the opinions.
    """

    def __init__(self, hold_s: float, *, pooled: bool = False) -> None:
        self._hold_s = hold_s
        self._pooled = pooled
        self._doubt_s = hold_s * (POOL_DOUBT_HOLDS if pooled else DOUBT_HOLDS)
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
        lost = state.time_s - held.time_s >= self._doubt_s
        silent = state.probabilities is None  # the opinions used have expired, which is a lasting change
        clear = _is_clear(state, CLEAR * margin, pooled=self._pooled)
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
    if new is None:
        return UNSURE_WEIGHT
    if named is None or margin <= 0.0:
        return 1.0
    mean = _mean(state, NEW_SHARE)
    full = margin if len(state.opinions) == 1 else CLEAR * margin
    return min(1.0, max(0.0, (mean[INDEX[new]] - mean[INDEX[named]]) / full))


def _is_clear(state: FusedState, distance: float, *, pooled: bool) -> bool:
    """Return whether an emotion is named and no other class is within a distance of it."""
    if state.emotion is None or state.probabilities is None:
        return False
    values = _mean(state, MEAN_SHARE) if pooled else state.probabilities.tolist()
    own = values.pop(INDEX[state.emotion])
    return bool(own - max(values) >= distance)


def _mean(state: FusedState, shares: Mapping[Modality, float]) -> list[float]:
    """Return the mean of the opinions (at least one), each with its share."""
    total = sum(shares[one.modality] for one in state.opinions)
    rows = [
        [shares[one.modality] / total * value for value in one.probabilities.tolist()]
        for one in state.opinions
    ]
    return [sum(column) for column in zip(*rows, strict=True)]
