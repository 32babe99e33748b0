"""From the capture thread to those who use what it captured: newest picture wins, sound is kept."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, Generic, Protocol, TypeVar

from typing_extensions import Self

from emoedge.frames import Frame

Item = TypeVar("Item")


class Audio(Protocol):
    """Items of a `BlockQueue`: audio, or audio with what was found in it."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        ...

    def after_loss(self, lost: Sequence[Self]) -> Self:
        """Return this item, marked as following on those lost."""
        ...


AudioItem = TypeVar("AudioItem", bound=Audio)

SOUND_LIMIT_S: Final = 30.0
"""So much sound waits for a slow listener: two long utterances, about 1 MB."""
SHED_S: Final = 10.0
"""At the limit the oldest so many seconds go at once: one hole every now and then instead of one in every
block."""


class Outlet(Protocol, Generic[Item]):
    """Where one consumer takes its items from."""

    def put(self, item: Item) -> None:
        """Called by the capture thread; never blocks."""
        ...

    def take(self, timeout_s: float) -> Item | None:
        """The next item, or None when none came in time."""
        ...

    def clear(self) -> None:
        """Forget what waits (privacy)."""
        ...


class FrameSlot:
    """Holds the newest frame; a frame that is replaced before it is taken counts as dropped."""

    def __init__(self) -> None:
        self.dropped = 0
        self._frame: Frame | None = None
        self._changed = threading.Condition()

    def put(self, item: Frame) -> None:
        """Replace what waits."""
        with self._changed:
            if self._frame is not None:
                self.dropped += 1
            self._frame = item
            self._changed.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """The newest frame not taken before, or None when none came in time."""
        with self._changed:
            if self._frame is None:
                self._changed.wait(timeout_s)
            frame, self._frame = self._frame, None
            return frame

    def clear(self) -> None:
        """Forget what waits."""
        with self._changed:
            self._frame = None


class BlockQueue(Generic[AudioItem]):
    """Keeps every block up to a limit; beyond it the oldest SHED_S go, counted and marked as a gap."""

    def __init__(self, limit_s: float = SOUND_LIMIT_S, shed_s: float = SHED_S) -> None:
        self.lost_s = 0.0
        self._limit_s = limit_s
        self._shed_s = shed_s
        self._blocks: deque[AudioItem] = deque()
        self._waiting_s = 0.0
        self._changed = threading.Condition()

    @property
    def waiting_s(self) -> float:
        """Sound that has not been taken yet, seconds."""
        return self._waiting_s

    def put(self, item: AudioItem) -> None:
        """Add at the end."""
        with self._changed:
            self._blocks.append(item)
            self._waiting_s += item.duration_s
            if self._waiting_s > self._limit_s:
                self._shed()
            self._changed.notify()

    def take(self, timeout_s: float) -> AudioItem | None:
        """The oldest block, or None when none came in time."""
        with self._changed:
            if not self._blocks:
                self._changed.wait(timeout_s)
            if not self._blocks:
                return None
            block = self._blocks.popleft()
            self._waiting_s -= block.duration_s
            return block

    def clear(self) -> None:
        """Forget what waits."""
        with self._changed:
            self._blocks.clear()
            self._waiting_s = 0.0

    def _shed(self) -> None:
        lost: list[AudioItem] = []
        shed_s = 0.0
        while len(self._blocks) > 1 and shed_s < self._shed_s:
            lost.append(self._blocks.popleft())
            shed_s += lost[-1].duration_s
        self._waiting_s -= shed_s
        self.lost_s += shed_s
        self._blocks[0] = self._blocks[0].after_loss(lost)
