"""Pre-roll: frames, audio and timeline entries of the last seconds, in memory.

Nothing is encoded or copied while idle: the pre-roll holds references. Frames stay raw, because
compressing them all the time would cost more than the memory does: five seconds of 640 x 480
at 15 frames a second in I420 are 35 MB. Larger frames get a shorter pre-roll, not more memory.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from emoedge.frames import AudioBlock, Frame
from emoedge.record.timeline import TimelineEntry

DEFAULT_MAX_BYTES: Final = 96 * 1024 * 1024
"""Maximum size of the pre-roll on a machine with ample memory."""
MEMORY_SHARE: Final = 16
"""The pre-roll takes at most 1 / `MEMORY_SHARE` of the machine's memory (64 MB on a 1 GB board)."""
MAX_ENTRIES: Final = 4000
"""Maximum number of timeline entries; beyond it the oldest is dropped."""

Item = Frame | AudioBlock | TimelineEntry


def memory_limit_bytes() -> int:
    """Maximum size of the pre-roll on this machine, in bytes."""
    import os

    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(DEFAULT_MAX_BYTES, total // MEMORY_SHARE)


class PreRoll:
    """Frames, audio blocks and timeline entries of the last `seconds`, within `max_bytes`.

    Args:
        seconds: length, >= 0.
        max_bytes: bound on pixels and samples together; beyond it the oldest frames are dropped.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self.seconds = seconds
        self.max_bytes = max_bytes
        self.bytes = 0
        self._frames: deque[Frame] = deque()
        self._sounds: deque[AudioBlock] = deque()
        self._entries: deque[TimelineEntry] = deque(maxlen=MAX_ENTRIES)

    def add(self, item: Item, *, hold: bool = False) -> None:
        """Add an item and drop what is too old; with `hold`, drop only what exceeds `max_bytes`."""
        if isinstance(item, Frame):
            self._frames.append(item)
            self.bytes += item.data.nbytes
        elif isinstance(item, AudioBlock):
            self._sounds.append(item)
            self.bytes += item.samples.nbytes
        else:
            self._entries.append(item)
        if not hold:
            self.forget_before(_time(item) - self.seconds)
        while self.bytes > self.max_bytes and self._frames:
            self.bytes -= self._frames.popleft().data.nbytes

    def forget_before(self, time_s: float) -> None:
        """Drop what ended before `time_s`."""
        while self._frames and self._frames[0].time_s < time_s:
            self.bytes -= self._frames.popleft().data.nbytes
        while self._sounds and self._sounds[0].end_s < time_s:
            self.bytes -= self._sounds.popleft().samples.nbytes
        while self._entries and self._entries[0].time_s < time_s:
            self._entries.popleft()

    def take(self, from_s: float) -> list[Item]:
        """Return everything after `from_s` in order of time, and empty the pre-roll."""
        self.forget_before(from_s)
        items: list[Item] = sorted([*self._frames, *self._sounds, *self._entries], key=_time)
        self.clear()
        return items

    def first_after(self, from_s: float) -> tuple[Frame | None, AudioBlock | None]:
        """First frame and first audio block after `from_s`."""
        frame = next((frame for frame in self._frames if frame.time_s >= from_s), None)
        return frame, next((block for block in self._sounds if block.end_s > from_s), None)

    def clear(self) -> None:
        """Drop everything."""
        self._frames.clear()
        self._sounds.clear()
        self._entries.clear()
        self.bytes = 0


def _time(item: Item) -> float:
    return item.time_s
