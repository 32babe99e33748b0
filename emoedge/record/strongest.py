"""The strongest moment of a segment, which its thumbnail shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from emoedge.outcomes import FusedState

SEEN_S: Final = 0.6
"""Maximum age of the face's opinion in seconds: an older face may have left the picture."""

Strength = tuple[bool, bool, float]
"""Something other than neutral is named, something is named, and how sure it is."""


def strength_of(state: FusedState) -> Strength | None:
    """Return the strength of a state; None without a face in the picture."""
    if not any(one.modality == "face" and state.time_s - one.time_s <= SEEN_S for one in state.opinions):
        return None
    return state.emotion not in (None, "neutral"), state.emotion is not None, state.confidence


def strongest(states: Iterable[FusedState]) -> FusedState | None:
    """The state of the strongest moment, the first of equals; None where no face was seen."""
    best: tuple[Strength, FusedState] | None = None
    for state in states:
        strength = strength_of(state)
        if strength is not None and (best is None or strength > best[0]):
            best = strength, state
    return None if best is None else best[1]
