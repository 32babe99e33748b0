"""Daemon on media time: fed from a clip as fast as it can process it, with its own parts and threads.

A device does not wait for its consumers and loses what they do not take in time; these sources do wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from emoedge.capture.capture_threads import CameraWorker, MicrophoneWorker
from emoedge.capture.clip_source import ClipCamera, ClipMicrophone, SharedClip
from emoedge.capture.queues import AudioItem, BlockQueue, FrameSlot
from emoedge.capture.source import FrameSource, SoundSource
from emoedge.config import Settings
from emoedge.config.capture_settings import CameraSettings
from emoedge.frames import AudioBlock, Frame
from emoedge.health import Health
from emoedge.observations import AudioActivity
from emoedge.publish.control import Command
from emoedge.supervise.assembly import assemble
from emoedge.supervise.daemon import Daemon
from emoedge.supervise.stages import Capture

AHEAD_S: Final = 0.3
"""Seconds that one source may be ahead of the other; both come from one file."""
WAITING_S: Final = 3.0
"""With more audio than this waiting for a stage, the microphone pauses; a device would lose audio instead."""
RECORDER_WAITING: Final = 40
"""The same limit for the queue of the recorder."""
FAR_S: Final = 1e6
"""Seconds between media time and the monotonic clock: far enough that a mix-up of the two is noticed."""
STALL_S: Final = 3600.0
"""Seconds; no source counts as stalled, because it is this program that makes it wait."""
POLL_S: Final = 0.25
"""Seconds between checks of a waiting source; its consumers usually wake it earlier."""


class Pace:
    """Media time that all sources have reached, and the order in which they proceed. Thread-safe."""

    def __init__(self) -> None:
        self.start_s = time.monotonic() + FAR_S
        self._next: dict[str, float] = {}
        self._now_s = self.start_s
        self._changed = threading.Condition()

    def now_s(self) -> float:
        """Return the media time reached."""
        return self._now_s

    def wait(
        self, name: str, due_s: float, done_s: float, ready: Callable[[], bool], timeout_s: float
    ) -> None:
        """Wait until the item of `name` ending at `done_s` is due; TimeoutError after `timeout_s`."""
        deadline_s = time.monotonic() + timeout_s
        with self._changed:
            self._next[name] = due_s
            self._changed.notify_all()
            while not (self._in_step(name, due_s) and ready()):
                if time.monotonic() > deadline_s:
                    raise TimeoutError
                self._changed.wait(POLL_S)
            self._now_s = max(self._now_s, done_s)

    def poke(self) -> None:
        """Wake the waiting sources because a consumer has taken something."""
        with self._changed:
            self._changed.notify_all()

    def leave(self, name: str) -> None:
        """Remove a closed source, so that no other source waits for it."""
        with self._changed:
            self._next.pop(name, None)
            self._changed.notify_all()

    def _in_step(self, name: str, due_s: float) -> bool:
        return all(due_s <= other_s + AHEAD_S for other, other_s in self._next.items() if other != name)


class PacedClock:
    """Media time as the clock of the daemon, with a wall clock that follows it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._origin = datetime.now(timezone.utc)

    def now_s(self) -> float:
        """Return the media time reached."""
        return self._pace.now_s()

    def wall(self, time_s: float) -> datetime:
        """Return the start of the run plus the media time since then."""
        return self._origin + timedelta(seconds=time_s - self._pace.start_s)

    def synchronized(self) -> bool:
        """Return True, so that retention also deletes by age."""
        return True


class PacedClip(SharedClip):
    """Timeline of the clip on media time."""

    def __init__(self, path: Path, pace: Pace) -> None:
        super().__init__(path)
        self._pace = pace
        self.start_s = pace.start_s
        self._players = 1  # keeps the timeline registered

    def play(self) -> None:
        """Hand this timeline to every source that opens the file from now on."""
        self._playing[self.path.absolute()] = self

    def round_now(self) -> int:
        """Return the number of the loop that is playing."""
        return int((self._pace.now_s() - self.start_s) // self.duration_s)


class PacedCamera(ClipCamera):
    """Camera that delivers each frame of the clip as soon as the daemon has room for it."""

    def __init__(self, path: Path, settings: CameraSettings, pace: Pace, ready: Callable[[], bool]) -> None:
        super().__init__(path, settings)
        self._pace, self._ready = pace, ready

    def read(self, timeout_s: float = 0.5) -> Frame | None:
        """Return the next frame that is not in the past."""
        frame = self._peek()
        while frame.time_s < self._pace.now_s() - AHEAD_S:
            self._next = None
            frame = self._peek()
        self._pace.wait("camera", frame.time_s, frame.time_s, self._ready, timeout_s)
        self._next = None
        return frame

    def close(self) -> None:
        """Close the source and stop the others from waiting for it."""
        self._pace.leave("camera")
        super().close()


class PacedMicrophone(ClipMicrophone):
    """Microphone that delivers each audio block of the clip as soon as the daemon has room for it."""

    def __init__(self, path: Path, pace: Pace, ready: Callable[[], bool]) -> None:
        super().__init__(path)
        self._pace, self._ready = pace, ready

    def read(self, timeout_s: float = 0.5) -> AudioBlock | None:
        """Return the next block that is not in the past."""
        block = self._peek()
        while block.end_s < self._pace.now_s() - AHEAD_S:
            self._next = None
            block = self._peek()
        self._pace.wait("microphone", block.time_s, block.end_s, self._ready, timeout_s)
        self._next = None
        return block

    def close(self) -> None:
        """Close the source and stop the others from waiting for it."""
        self._pace.leave("microphone")
        super().close()


class PokingSlot(FrameSlot):
    """Frame slot that wakes the source when a frame is taken."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def take(self, timeout_s: float) -> Frame | None:
        """Take the frame, and wake the source."""
        frame = super().take(timeout_s)
        self._pace.poke()
        return frame


class PokingQueue(BlockQueue[AudioItem]):
    """Audio queue that wakes the source when a block is taken."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def take(self, timeout_s: float) -> AudioItem | None:
        """Take the blocks, and wake the source."""
        block = super().take(timeout_s)
        self._pace.poke()
        return block


class PacedCameraWorker(CameraWorker):
    """Camera thread that is notified when its frame is taken."""

    def __init__(self, make_source: Callable[[], FrameSource], pace: Pace) -> None:
        super().__init__(make_source, stall_s=STALL_S)
        self._pace = pace

    def subscribe(self) -> FrameSlot:
        """Return a slot for one more consumer."""
        slot = PokingSlot(self._pace)
        self._slots.append(slot)
        self._outlets.append(slot)
        return slot


class PacedMicrophoneWorker(MicrophoneWorker):
    """Microphone thread that is notified when its audio is taken."""

    def __init__(self, make_source: Callable[[], SoundSource], pace: Pace) -> None:
        super().__init__(make_source, stall_s=STALL_S)
        self._pace = pace

    def subscribe(self) -> BlockQueue[AudioBlock]:
        """Return a queue for one more consumer."""
        queue = PokingQueue[AudioBlock](self._pace)
        self._queues.append(queue)
        self._outlets.append(queue)
        return queue

    def relay(self) -> BlockQueue[AudioActivity]:
        """Return a queue for audio that a consumer hands on."""
        queue = PokingQueue[AudioActivity](self._pace)
        self._queues.append(queue)
        self._relays.append(queue)
        return queue


class PacedDaemon(Daemon):
    """Daemon that is fed as fast as it can process the clip.

    Args:
        settings: as for the daemon.
        pace: the media time.
        clip: what camera and microphone play.
    """

    def __init__(self, settings: Settings, pace: Pace, clip: Path) -> None:
        self._pace, self._clip = pace, clip
        super().__init__(assemble(settings, make_capture=self._make_capture, clock=PacedClock(pace)))

    def _make_capture(self, settings: Settings) -> Capture:
        pace, clip = self._pace, self._clip
        camera = PacedCameraWorker(
            lambda: PacedCamera(clip, settings.camera, pace, self._room_for_frames), pace
        )
        return camera, PacedMicrophoneWorker(lambda: PacedMicrophone(clip, pace, self._room_for_sound), pace)

    # A device does not wait for its consumers; this one must, because it is faster than all of them.

    def _room_for_frames(self) -> bool:
        camera = self.parts.capture[0]
        assert camera is not None
        taken = all(slot._frame is None for slot in camera._slots)  # noqa: SLF001
        return taken and self._room_for_recording()

    def _room_for_sound(self) -> bool:
        microphone = self.parts.capture[1]
        assert microphone is not None
        return microphone._waiting_s < WAITING_S and self._room_for_recording()  # noqa: SLF001

    def _room_for_recording(self) -> bool:
        return len(self.parts.recorder._input_queue) < RECORDER_WAITING  # noqa: SLF001

    def _govern(self, health: tuple[Health, ...]) -> None:
        """Shed no load: without real time nothing can be late."""

    def command(self, name: str, value: Any) -> None:
        """Carry out a command as if it had come from the broker."""
        self.parts.controls.handle(Command(name, value))  # type: ignore[arg-type]
