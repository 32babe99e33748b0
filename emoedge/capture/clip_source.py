"""A media file that plays in real time, again and again, as camera, as microphone, or as both in step."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Generic, TypeVar

import numpy as np

from emoedge.capture.blocks import BLOCK_S, BLOCK_SAMPLES
from emoedge.capture.convert import Orientation
from emoedge.capture.media import MediaInfo, MediaReader
from emoedge.capture.source import READ_TIMEOUT_S, Closing, wait_until
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import MediaError
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame
from emoedge.rate_limit import Pacer
from emoedge.translation import tr

Item = TypeVar("Item", Frame, AudioBlock)

LATE_S: Final = 0.5
"""A picture later than this is left out: a machine too slow to decode the clip shows fewer, not older ones.
"""
STILL_S: Final = 60.0
"""Length of one round of a clip that is one picture."""


class SharedClip:
    """The timeline of one file, shared by all its current players.

    It starts when the first player opens it; who comes later joins where it is. Round k of the
    clip starts at `start_s + k * duration_s`, for picture and sound alike.
    """

    _playing: Final[dict[Path, SharedClip]] = {}
    _lock: Final = threading.Lock()

    def __init__(self, path: Path) -> None:
        self.path = path
        self.info = MediaReader(path).info
        self.duration_s = STILL_S if self.info.still else _length_s(path, self.info)
        self.start_s = time.monotonic()
        self._players = 0

    @classmethod
    def join(cls, path: Path) -> SharedClip:
        """The timeline of a file; give it back with `leave`."""
        with cls._lock:
            clip = cls._playing.get(path)
            if clip is None:
                clip = cls._playing[path] = cls(path)
            clip._players += 1
            return clip

    def leave(self) -> None:
        """Remove one player; the last one ends the timeline."""
        with self._lock:
            self._players -= 1
            if not self._players:
                self._playing.pop(self.path, None)

    def round_now(self) -> int:
        """Number of the round that is playing."""
        return int((time.monotonic() - self.start_s) // self.duration_s)

    def moment_s(self, round_: int, media_s: float) -> float:
        """Return the `time.monotonic()` of a media time in a round."""
        return self.start_s + round_ * self.duration_s + media_s


def _length_s(path: Path, info: MediaInfo) -> float:
    """Length of the clip: as declared, else by decoding it once."""
    if info.duration_s:
        return info.duration_s
    end_s = 0.0
    for item in MediaReader(path):
        end_s = item.time_s + BLOCK_S if isinstance(item, Frame) else item.end_s
    if end_s <= 0:
        raise MediaError(tr("{path}: contains nothing", path=path), tr("use a clip with video or audio"))
    return end_s


class _Player(Closing, Generic[Item]):
    """Base of a clip's camera and microphone: joining, leaving, waiting."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._clip: SharedClip | None = None
        self._items: Iterator[Item] | None = None
        self._next: Item | None = None

    def open(self) -> None:
        """Join the clip's timeline."""
        self._clip = SharedClip.join(self.path)

    def close(self) -> None:
        """Leave it."""
        self._items = self._next = None  # closes the file
        clip, self._clip = self._clip, None
        if clip is not None:
            clip.leave()

    def _peek(self) -> Item:
        """Return the next item; the rounds never end."""
        assert self._items is not None, "not open"
        if self._next is None:
            self._next = next(self._items)
        return self._next

    @property
    def clip(self) -> SharedClip:
        """The timeline; only while open."""
        assert self._clip is not None, "not open"
        return self._clip


def _readable(reader: MediaReader, items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items of one round; a missing end of the file is noted and is not an error.

    Raises:
        MediaError: nothing can be read.
    """
    found = False
    try:
        for item in items:
            found = True
            yield item
    except MediaError as error:
        if not found:
            raise
        reader.notes.add(error.message)


class ClipCamera(_Player[Frame]):
    """The pictures of a clip, as a camera with the requested frame rate would deliver them.

    Args:
        path: the clip.
        settings: frame rate, maximum size, rotation.
    """

    def __init__(self, path: Path, settings: CameraSettings) -> None:
        super().__init__(path)
        self._settings = settings
        self._sequence = 0

    def open(self) -> None:
        """Join the clip; MediaError when it has no picture."""
        super().open()
        if not self.clip.info.has_video:
            self.close()
            raise MediaError(
                tr("{path}: contains no video", path=self.path), tr("set camera.source to a video")
            )
        self._items = self._rounds()

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> Frame | None:
        """Return the next picture at its time.

        Late pictures are left out, except one after each `timeout_s` spent on them: on a machine that never
        catches up, the camera must still show that it works, and must be able to end.
        """
        begun_s = time.monotonic()
        while True:
            frame = self._peek()
            now_s = time.monotonic()
            if now_s - frame.time_s > LATE_S and now_s - begun_s < timeout_s:
                self._next = None
                continue
            wait_until(frame.time_s, timeout_s)
            self._next = None
            return frame

    def describe(self) -> str:
        """Name and size of the clip."""
        info = self.clip.info
        return f"{self.path.name}, {info.width} x {info.height}"

    def _rounds(self) -> Iterator[Frame]:
        settings = self._settings
        reader = MediaReader(
            self.path,
            audio=False,
            orientation=Orientation(settings.rotate, settings.mirror),
            max_pixels=settings.width * settings.height,
        )
        limit = Pacer(settings.fps)
        round_ = self.clip.round_now()
        while True:
            last: Frame | None = None
            for frame in _readable(reader, reader.frames()):
                if frame.time_s >= self.clip.duration_s:
                    break
                last = frame
                moment_s = self.clip.moment_s(round_, frame.time_s)
                if limit.due(moment_s):
                    yield self._at(frame, moment_s)
            assert last is not None  # the reader raises MediaError when nothing can be decoded
            # Sound that goes on after the last picture: hold that picture, as a camera would.
            period_s = 1.0 / settings.fps
            held_s = last.time_s + period_s
            while held_s < self.clip.duration_s - period_s / 2:
                yield self._at(last, self.clip.moment_s(round_, held_s))
                held_s += period_s
            round_ = max(round_ + 1, self.clip.round_now())

    def _at(self, frame: Frame, moment_s: float) -> Frame:
        self._sequence += 1
        return frame.at(moment_s, self._sequence - 1)


class ClipMicrophone(_Player[AudioBlock]):
    """The sound of a clip, block by block at its time; silence where the clip has none.

    Args:
        path: the clip.
    """

    def open(self) -> None:
        """Join the clip; MediaError when it has no sound."""
        super().open()
        if not self.clip.info.has_audio:
            self.close()
            raise MediaError(
                tr("{path}: contains no audio", path=self.path),
                tr("set microphone.source to a clip with audio"),
            )
        self._items = self._rounds()

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> AudioBlock | None:
        """Return the next block when its last sample has been played."""
        block = self._peek()
        wait_until(block.end_s, timeout_s)
        self._next = None
        return block

    def describe(self) -> str:
        """Name and rate of the clip."""
        return f"{self.path.name}, {self.clip.info.sample_rate_hz} Hz"

    def _rounds(self) -> Iterator[AudioBlock]:
        reader = MediaReader(self.path, video=False)
        round_ = self.clip.round_now()
        joined_s = time.monotonic()
        while True:
            for block in self._one_round(reader):
                moment_s = self.clip.moment_s(round_, block.time_s)
                if moment_s + block.duration_s >= joined_s:
                    yield AudioBlock(moment_s, block.samples)
            round_ += 1

    def _one_round(self, reader: MediaReader) -> Iterator[AudioBlock]:
        """The sound from 0 to exactly the length of the clip, without holes."""
        end_s = 0.0
        for block in _readable(reader, reader.blocks()):
            yield from _silence(end_s, block.time_s)
            room = round((self.clip.duration_s - block.time_s) * SAMPLE_RATE_HZ)
            if room <= 0:
                break
            yield AudioBlock(block.time_s, block.samples[:room])
            end_s = min(block.end_s, self.clip.duration_s)
        yield from _silence(end_s, self.clip.duration_s)


def _silence(start_s: float, end_s: float) -> Iterator[AudioBlock]:
    """Blocks of zeros from one time to another."""
    left = round((end_s - start_s) * SAMPLE_RATE_HZ)
    while left > 0:
        count = min(left, BLOCK_SAMPLES)
        yield AudioBlock(start_s, np.zeros(count, np.int16))
        start_s += count / SAMPLE_RATE_HZ
        left -= count
