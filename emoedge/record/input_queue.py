"""Bounded queue of what the recorder's thread is to record; adding to it never waits."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

from emoedge.frames import AudioBlock, Frame
from emoedge.record.pre_roll import Item
from emoedge.record.timeline import TimelineEntry

FRAMES_S: Final = 3.0
"""Seconds of video that may wait: as long as a sync of a slow card takes. Beyond it the oldest frame is
dropped."""
SOUND_S: Final = 60.0
"""Seconds of audio that may wait (two megabytes a minute). Beyond it the oldest block is dropped and counted,
and becomes silence in the segment."""
MAX_ENTRIES: Final = 4000
"""Maximum number of timeline entries that may wait; beyond it the oldest is dropped and counted."""
SAMPLE_S: Final = 0.19
"""Minimum interval between two states or faces, in seconds: as fine as a curve in the report shows."""


class InputQueue:
    """Queue of frames, audio blocks and timeline entries.

    Args:
        fps: nominal frame rate, for the bound on frames.
    """

    def __init__(self, fps: float) -> None:
        self.frames_dropped = 0
        self.sound_dropped_s = 0.0
        self.entries_dropped = 0
        self._max_frames = max(8, round(fps * FRAMES_S))
        self._ready = threading.Condition()
        self._woken = False
        self._frames: deque[Frame] = deque()
        self._sounds: deque[AudioBlock] = deque()
        self._sound_s = 0.0
        self._entries: deque[TimelineEntry] = deque()
        self._sampled_s: dict[str, float] = {}
        self._newest_s: dict[type, float] = {}

    def __len__(self) -> int:
        return len(self._frames) + len(self._sounds) + len(self._entries)

    def put_frame(self, frame: Frame) -> None:
        """Add a frame."""
        with self._ready:
            self._frames.append(frame)
            if len(self._frames) > self._max_frames:
                self._frames.popleft()
                self.frames_dropped += 1

    def put_sound(self, block: AudioBlock) -> None:
        """Add an audio block."""
        with self._ready:
            self._sounds.append(block)
            self._sound_s += block.duration_s
            while self._sound_s > SOUND_S:
                lost = self._sounds.popleft()
                self._sound_s -= lost.duration_s
                self.sound_dropped_s += lost.duration_s

    def put_entry(self, entry: TimelineEntry) -> None:
        """Add an outcome for the timeline."""
        with self._ready:
            self._entries.append(entry)
            if len(self._entries) > MAX_ENTRIES:
                self._entries.popleft()
                self.entries_dropped += 1

    def put_sampled(self, entry: TimelineEntry) -> None:
        """Add an outcome for the timeline unless the last of its topic is less than `SAMPLE_S` old."""
        last_s = self._sampled_s.get(entry.topic)
        # A source that starts again (a file from its beginning) may go back in time.
        if last_s is None or not 0 <= entry.time_s - last_s < SAMPLE_S:
            self._sampled_s[entry.topic] = entry.time_s
            self.put_entry(entry)

    def take(self, wait_s: float) -> list[Item]:
        """Return everything in the queue in order of time, after `wait_s` or when `wake` is called.

        Taking in batches keeps an idle recorder asleep most of the time.
        """
        with self._ready:
            if wait_s > 0 and not self._woken:
                self._ready.wait(wait_s)
            self._woken = False
            items: list[Item] = [*self._frames, *self._sounds, *self._entries]
            self._frames.clear()
            self._sounds.clear()
            self._sound_s = 0.0
            self._entries.clear()
        items.sort(key=lambda item: item.time_s)
        for item in items:
            self._newest_s[type(item)] = max(self._newest_s.get(type(item), item.time_s), item.time_s)
        return items

    def has_passed(self, at_s: float) -> bool:
        """Return whether picture and sound from `at_s` on have been taken; for the thread that takes."""
        return all(
            any(newest_s >= at_s for kind, newest_s in self._newest_s.items() if issubclass(kind, wanted))
            for wanted in (Frame, AudioBlock)
        )

    def figures(self) -> dict[str, int | float]:
        """Length of the queue and what it has dropped, for `health`."""
        return {
            "queue": len(self),
            "frames_dropped": self.frames_dropped,
            "sound_dropped_s": round(self.sound_dropped_s, 3),
            "timeline_dropped": self.entries_dropped,
        }

    def wake(self) -> None:
        """Make `take` return at once."""
        with self._ready:
            self._woken = True
            self._ready.notify()
