"""Queues between the capture thread and its consumers: newest frame only, all audio up to a limit."""

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
"""Maximum seconds of audio queued for a slow consumer: two long utterances, about 1 MB."""
SHED_S: Final = 10.0
"""Seconds of audio dropped at once at the limit: an occasional gap instead of one in every block."""


class Outlet(Protocol, Generic[Item]):
    """Queue of one consumer."""

    def put(self, item: Item) -> None:
        """Called by the capture thread; never blocks."""
        ...

    def take(self, timeout_s: float) -> Item | None:
        """Return the next item, or None after the timeout."""
        ...

    def clear(self) -> None:
        """Discard queued items (privacy)."""
        ...


class FrameSlot:
    """Holds the newest frame; a frame that is replaced before it is taken counts as dropped."""

    def __init__(self) -> None:
        self.dropped = 0
        self._frame: Frame | None = None
        self._changed = threading.Condition()

    def put(self, item: Frame) -> None:
        """Replace the frame."""
        with self._changed:
            if self._frame is not None:
                self.dropped += 1
            self._frame = item
            self._changed.notify()

    def take(self, timeout_s: float) -> Frame | None:
        """Return the newest frame not taken before, or None after the timeout."""
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
    """Keeps every block up to a limit; beyond it the oldest SHED_S are dropped and counted as a gap."""

    def __init__(self, limit_s: float = SOUND_LIMIT_S, shed_s: float = SHED_S) -> None:
        self.lost_s = 0.0
        self._limit_s = limit_s
        self._shed_s = shed_s
        self._blocks: deque[AudioItem] = deque()
        self._waiting_s = 0.0
        self._changed = threading.Condition()

    @property
    def waiting_s(self) -> float:
        """Queued audio, in seconds."""
        return self._waiting_s

    def put(self, item: AudioItem) -> None:
        """Append a block."""
        with self._changed:
            self._blocks.append(item)
            self._waiting_s += item.duration_s
            if self._waiting_s > self._limit_s:
                self._shed()
            self._changed.notify()

    def take(self, timeout_s: float) -> AudioItem | None:
        """Return the oldest block, or None after the timeout."""
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
