"""The daemon on media time: fed from a clip as fast as it takes it, with its own parts in their own threads.

A device does not look at those behind it and loses what they do not take in time; these sources wait for
them.
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
"""So far may one source be ahead of the other: both come from one file."""
WAITING_S: Final = 3.0
"""With more sound waiting for a stage the microphone holds back; a device would not, and sound would be lost.
"""
RECORDER_WAITING: Final = 40
"""The same for what waits for the recorder."""
FAR_S: Final = 1e6
"""Media time begins so far ahead of the monotonic clock that the two can never be mixed up unnoticed."""
STALL_S: Final = 3600.0
"""No source is taken for stalled: it is this program that holds it back."""
POLL_S: Final = 0.25
"""How often a source that waits looks again; those it waits for wake it earlier."""


class Pace:
    """The media time that all have reached, and who may go on. Safe from several threads."""

    def __init__(self) -> None:
        self.start_s = time.monotonic() + FAR_S
        self._next: dict[str, float] = {}
        self._now_s = self.start_s
        self._changed = threading.Condition()

    def now_s(self) -> float:
        """Media time reached."""
        return self._now_s

    def wait(
        self, name: str, due_s: float, done_s: float, ready: Callable[[], bool], timeout_s: float
    ) -> None:
        """Wait until the item of `name` complete at `done_s` may go out; TimeoutError after `timeout_s`."""
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
        """Something was taken: there may be room again."""
        with self._changed:
            self._changed.notify_all()

    def leave(self, name: str) -> None:
        """The source is closed: nobody waits for it."""
        with self._changed:
            self._next.pop(name, None)
            self._changed.notify_all()

    def _in_step(self, name: str, due_s: float) -> bool:
        return all(due_s <= other_s + AHEAD_S for other, other_s in self._next.items() if other != name)


class PacedClock:
    """Media time as the daemon's clock; the wall clock runs with it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._origin = datetime.now(timezone.utc)

    def now_s(self) -> float:
        """Media time reached."""
        return self._pace.now_s()

    def wall(self, time_s: float) -> datetime:
        """The start of the run and the media time since then."""
        return self._origin + timedelta(seconds=time_s - self._pace.start_s)

    def synchronized(self) -> bool:
        """So that retention goes by age, too."""
        return True


class PacedClip(SharedClip):
    """The clip's timeline on media time."""

    def __init__(self, path: Path, pace: Pace) -> None:
        super().__init__(path)
        self._pace = pace
        self.start_s = pace.start_s
        self._players = 1  # never forgotten

    def play(self) -> None:
        """From now on whoever opens the file gets this timeline."""
        self._playing[self.path.absolute()] = self

    def round_now(self) -> int:
        """Which round is playing."""
        return int((self._pace.now_s() - self.start_s) // self.duration_s)


class PacedCamera(ClipCamera):
    """The clip's pictures, each as soon as the daemon has room for it."""

    def __init__(self, path: Path, settings: CameraSettings, pace: Pace, ready: Callable[[], bool]) -> None:
        super().__init__(path, settings)
        self._pace, self._ready = pace, ready

    def read(self, timeout_s: float = 0.5) -> Frame | None:
        """The next picture that is not in the past."""
        frame = self._peek()
        while frame.time_s < self._pace.now_s() - AHEAD_S:
            self._next = None
            frame = self._peek()
        self._pace.wait("camera", frame.time_s, frame.time_s, self._ready, timeout_s)
        self._next = None
        return frame

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._pace.leave("camera")
        super().close()


class PacedMicrophone(ClipMicrophone):
    """The clip's sound, each block as soon as the daemon has room for it."""

    def __init__(self, path: Path, pace: Pace, ready: Callable[[], bool]) -> None:
        super().__init__(path)
        self._pace, self._ready = pace, ready

    def read(self, timeout_s: float = 0.5) -> AudioBlock | None:
        """The next block that is not in the past."""
        block = self._peek()
        while block.end_s < self._pace.now_s() - AHEAD_S:
            self._next = None
            block = self._peek()
        self._pace.wait("microphone", block.time_s, block.end_s, self._ready, timeout_s)
        self._next = None
        return block

    def close(self) -> None:
        """Nobody waits for it any more."""
        self._pace.leave("microphone")
        super().close()


class PokingSlot(FrameSlot):
    """A slot whose taker wakes the source."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def take(self, timeout_s: float) -> Frame | None:
        """As a slot does."""
        frame = super().take(timeout_s)
        self._pace.poke()
        return frame


class PokingQueue(BlockQueue[AudioItem]):
    """A queue whose taker wakes the source."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace

    def take(self, timeout_s: float) -> AudioItem | None:
        """As a queue does."""
        block = super().take(timeout_s)
        self._pace.poke()
        return block


class PacedCameraWorker(CameraWorker):
    """A camera that learns when its picture was taken."""

    def __init__(self, make_source: Callable[[], FrameSource], pace: Pace) -> None:
        super().__init__(make_source, stall_s=STALL_S)
        self._pace = pace

    def subscribe(self) -> FrameSlot:
        """A slot for one more consumer."""
        slot = PokingSlot(self._pace)
        self._slots.append(slot)
        self._outlets.append(slot)
        return slot


class PacedMicrophoneWorker(MicrophoneWorker):
    """A microphone that learns when its sound was taken."""

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
    """The daemon, fed as fast as it takes it.

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

    # A device does not look at those behind it; this one must, because it is faster than any of them.

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
        """Nothing is given up here: there is no real time to be late for."""

    def command(self, name: str, value: Any) -> None:
        """As if it had come from the broker."""
        self.parts.controls.handle(Command(name, value))  # type: ignore[arg-type]
