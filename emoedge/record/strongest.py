"""The strongest moment of a segment, which its thumbnail shows. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from emoedge.frames import Frame
from emoedge.outcomes import FusedState

SEEN_S: Final = 0.4
"""Maximum age of the face's opinion in seconds: an older face may have left the picture."""
SPACING_S: Final = 0.1
"""Minimum seconds between the frames that are kept for it."""

Strength = tuple[bool, bool, float]
"""Something other than neutral is named, something is named, and how sure it is."""


class RecentFrames:
    """Some frames of the last `SEEN_S`: a person may have left the newest one before it is known."""

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque(maxlen=round(SEEN_S / SPACING_S) + 1)
        self.newest: Frame | None = None

    def add(self, frame: Frame) -> None:
        """Take the next frame."""
        if not self._frames or frame.time_s - self._frames[-1].time_s >= SPACING_S:
            self._frames.append(frame)
        self.newest = frame

    def at(self, time_s: float) -> Frame | None:
        """Return the last frame up to a time, or the oldest one there is; None without any."""
        if self.newest is not None and self.newest.time_s <= time_s:
            return self.newest
        before = (frame for frame in reversed(self._frames) if frame.time_s <= time_s)
        return next(before, self._frames[0] if self._frames else None)


def seen_s(state: FusedState) -> float | None:
    """Return when the face of a state was in the picture; None without one, or if it may have left."""
    times = [one.time_s for one in state.opinions if one.modality == "face"]
    return next((time_s for time_s in times if state.time_s - time_s <= SEEN_S), None)


def strength_of(state: FusedState) -> Strength | None:
    """Return the strength of a state; None without a face in the picture."""
    if seen_s(state) is None:
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
