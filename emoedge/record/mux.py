"""Muxing of frames and audio into a fragmented MP4 with true time stamps, safe against a power cut.

The file consists of fragments of about a second, each on the disk before the next is begun
(`fdatasync`), so whatever happens, all but the last two seconds can be played
(ISO/IEC 14496-12, movie fragments). Closing it makes it an ordinary MP4 in place: an index of all of it is
appended, then the headers of the fragments are hidden in one box ("hybrid MP4"). Nothing is written twice.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.errors import RecordingError
from emoedge.files import sync_data, write_all
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame
from emoedge.record.alignment import SoundTrack
from emoedge.record.encoders import CLOCK_HZ, EncoderError, add_video_stream, choose_encoder, rule_out
from emoedge.record.names import FILE_MODE
from emoedge.translation import tr

logger = logging.getLogger(__name__)

FRAGMENT_S: Final = 1.0
"""Length of a fragment in seconds: with the encoder's delay and the write, a power cut takes less than two
seconds."""
INTERLEAVE_S: Final = 0.5
"""Maximum wait for a track without data (an unplugged device) before the other one is written, in seconds."""
AAC_BIT_RATE: Final = 48_000
"""Bit rate of the audio track, ample for mono speech at 16 kHz."""
VIDEO_TIME_BASE: Final = Fraction(1, CLOCK_HZ)
"""Unit of the time stamps of frames, in seconds."""
SOUND_TIME_BASE: Final = Fraction(1, SAMPLE_RATE_HZ)
"""The same of audio."""
AAC_FRAME: Final = 1024
"""Samples in a frame of AAC-LC (ISO/IEC 14496-3)."""


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """Size in pixels (even) and nominal frame rate of a video track; each frame has its own time."""

    width: int
    height: int
    fps: float

    @classmethod
    def of(cls, frame: Frame, fps: float) -> VideoFormat:
        """Format that fits a frame; an odd row or column is cropped."""
        return cls(frame.width // 2 * 2, frame.height // 2 * 2, fps)


class SegmentWriter:
    """Writer of one segment, for one thread.

    Args:
        path: the file to create; it must not exist.
        start_s: time zero of the segment on the source's clock.
        video: format of the picture, or None for sound alone.
        sound: whether there is a sound track.
        encoder: "auto" or the name of an FFmpeg H.264 encoder.

    Raises:
        RecordingError: no encoder works, or neither picture nor sound was asked for.
        OSError: the file cannot be created or written (every method).
    """

    def __init__(
        self, path: Path, start_s: float, video: VideoFormat | None, *, sound: bool, encoder: str = "auto"
    ) -> None:
        import av

        if video is None and not sound:
            raise RecordingError(
                tr("a segment needs video or audio"), tr("set camera.source or microphone.source")
            )
        self.path = path
        self.start_s = start_s
        self.video = video
        self.encoder = choose_encoder(encoder, video.width, video.height, video.fps).name if video else ""
        self.frames = 0
        self.late_frames = 0
        self.track = SoundTrack(start_s)
        self._video_end_s = 0.0
        self._last_pts = -1
        self._encoder_failed = False
        self._pending: NDArray[np.int16] = np.zeros(0, dtype=np.int16)
        self._sent = 0
        self._file = SyncedFile(path)
        try:
            self._container: Any = av.open(
                self._file,
                "w",
                format="mp4",
                options={
                    "movflags": "hybrid_fragmented+delay_moov+default_base_moof",
                    "frag_duration": str(int(FRAGMENT_S * 1e6)),
                    "max_interleave_delta": str(int(INTERLEAVE_S * 1e6)),
                    "video_track_timescale": str(CLOCK_HZ),
                },
            )
            self._video_stream = (
                add_video_stream(self._container, self.encoder, video.width, video.height, video.fps)
                if video
                else None
            )
            self._sound_stream = self._add_sound_stream() if sound else None
        except BaseException:
            self._file.close()
            raise

    @property
    def has_sound(self) -> bool:
        """Whether there is an audio track."""
        return self._sound_stream is not None

    @property
    def duration_s(self) -> float:
        """Length so far, in seconds."""
        return max(self._video_end_s, self.track.written / SAMPLE_RATE_HZ)

    @property
    def bytes_synced(self) -> int:
        """Bytes of the file that are safe on the disk."""
        return self._file.synced

    def write_frame(self, frame: Frame) -> bool:
        """Encode a frame at its time; return False for one older than its predecessor, which is left out.

        Raises:
            EncoderError: the encoder failed and another one takes over; the segment can still be closed.
        """
        import av

        assert self._video_stream is not None
        assert self.video is not None
        pts = round((frame.time_s - self.start_s) * CLOCK_HZ)
        if pts <= self._last_pts or pts < 0 or self._encoder_failed:
            self.late_frames += 1
            return False
        # Not copied: frames are never modified, and the encoder copies what it keeps.
        picture = av.VideoFrame.from_numpy_buffer(
            i420(frame, self.video.width, self.video.height), format="yuv420p"
        )
        picture.pts, picture.time_base = pts, VIDEO_TIME_BASE
        self._mux_video(self._encoded(picture))
        self._last_pts = pts
        self._video_end_s = frame.time_s - self.start_s + 1 / self.video.fps
        self.frames += 1
        return True

    def write_sound(self, block: AudioBlock) -> None:
        """Append a block at its time; holes become silence."""
        waiting = np.concatenate((self._pending, self.track.place(block)))
        whole = len(waiting) // AAC_FRAME * AAC_FRAME
        self._pending = waiting[whole:]
        for at in range(0, whole, AAC_FRAME):
            self._send_sound(waiting[at : at + AAC_FRAME])

    def close(self) -> None:
        """Write the rest and the index, and sync; the file is then complete."""
        try:
            if self._sound_stream is not None:
                if len(self._pending):
                    self._send_sound(np.pad(self._pending, (0, AAC_FRAME - len(self._pending))))
                if self._sent:
                    self._container.mux(self._sound_stream.encode())
            if self._video_stream is not None and self.frames and not self._encoder_failed:
                self._flush_video()
            self._container.close()
        finally:
            self._file.close()

    def abort(self) -> None:
        """Release the file after an error; what is on the disk stays there."""
        self._file.dead = True
        try:
            close_dead(self._container)
        finally:
            self._file.close()

    def _add_sound_stream(self) -> Any:
        stream = self._container.add_stream("aac", rate=SAMPLE_RATE_HZ)
        stream.bit_rate = AAC_BIT_RATE
        context = stream.codec_context
        context.layout, context.format = "mono", "fltp"
        context.time_base = SOUND_TIME_BASE
        return stream

    def _send_sound(self, samples: NDArray[np.int16]) -> None:
        """Encode AAC_FRAME samples; the encoder itself stamps its 1,024 samples of priming before zero."""
        import av

        frame = av.AudioFrame.from_ndarray(
            (samples.astype(np.float32) / 32768.0).reshape(1, -1), format="fltp", layout="mono"
        )
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.pts, frame.time_base = self._sent, SOUND_TIME_BASE
        self._sent += AAC_FRAME
        assert self._sound_stream is not None
        self._container.mux(self._sound_stream.encode(frame))
        self._file.sync_new()

    def _encoded(self, picture: Any) -> list[Any]:
        """Packets of a picture, or the last ones for None."""
        import av

        assert self._video_stream is not None
        try:
            packets: list[Any] = self._video_stream.encode(picture)
        except av.error.FFmpegError as error:
            self._encoder_failed = True
            kind = EncoderError if rule_out(self.encoder, error) and self.frames else RecordingError
            reason = tr("encoder {encoder} failed: {error}", encoder=self.encoder, error=error)
            raise kind(reason) from error
        return packets

    def _flush_video(self) -> None:
        try:
            packets = self._encoded(None)
        except RecordingError as error:  # what it gave until now is whole
            logger.warning("the last frames of %s are missing: %s", self.path.name, error)
        else:
            self._mux_video(packets)

    def _mux_video(self, packets: list[Any]) -> None:
        assert self.video is not None
        for packet in packets:
            # The muxer needs it for the last frame of a fragment; the others end where the next begins.
            packet.duration = round(CLOCK_HZ / self.video.fps)
            self._container.mux(packet)
        self._file.sync_new()


def write_errors() -> tuple[type[Exception], ...]:
    """Errors that writing or copying a segment may raise; FFmpeg is loaded on the first call."""
    import av

    return (OSError, ValueError, RecordingError, av.error.FFmpegError)


def close_dead(container: Any) -> None:
    """Free a container whose file is abandoned; its error about the missing end is expected."""
    import av

    try:
        container.close()
    except (OSError, av.error.FFmpegError) as error:
        logger.debug("closing after an error: %s", error)


def i420(frame: Frame, width: int, height: int) -> NDArray[np.uint8]:
    """Pixels of a frame in I420, uint8 (height * 3 / 2, width), converted or cropped where necessary."""
    if frame.layout == "i420" and (frame.width, frame.height) == (width, height):
        return frame.data
    import cv2

    even = np.ascontiguousarray(frame.bgr[:height, :width])
    return np.asarray(cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)


class SyncedFile(io.RawIOBase):
    """New file that is synced each time the muxer has written a fragment.

    The muxer writes only whole fragments, so every write is worth a sync. It goes back only to hide them,
    which must not reach the disk before the index; after a failure it writes nothing more.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.size = 0
        self.dead = False
        self.synced = 0
        self._unsynced = 0
        self._fd = -1  # Python closes it also when it could not be opened
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)

    def write(self, data: Any) -> int:
        """Write all of `data`; raises OSError, also when the disk fills up half way."""
        if self.dead:
            raise OSError("file given up after an error")
        with self._last_on_failure():
            total = write_all(self._fd, data)
        self.size += total
        self._unsynced += total
        return total

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the file offset; what was written is synced before a step back. Raises OSError."""
        with self._last_on_failure():
            if whence == os.SEEK_SET and offset < self.tell():
                self.sync_new()
            return os.lseek(self._fd, offset, whence)

    def tell(self) -> int:
        """The file offset."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    def seekable(self) -> bool:
        """Yes."""
        return True

    def writable(self) -> bool:
        """Yes."""
        return True

    @contextlib.contextmanager
    def _last_on_failure(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self.dead = True
            raise

    def sync_new(self) -> None:
        """Sync what was written since the last call."""
        if self._unsynced:
            sync_data(self._fd)
            self.synced += self._unsynced
            self._unsynced = 0

    def close(self) -> None:
        """Sync and close; a second call does nothing."""
        if not self.closed:
            try:
                self.sync_new()
            finally:
                if self._fd >= 0:
                    os.close(self._fd)
                super().close()
