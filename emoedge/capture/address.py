"""Pictures and sound of a network address in media time: the counterpart of a media file for `replay`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from emoedge.capture.convert import Orientation, PictureConverter, PixelAspect
from emoedge.capture.media import MediaInfo, complete_s, still_frame
from emoedge.capture.network_camera import STAMPLESS, open_address, reason, with_credentials
from emoedge.capture.notes import Notes
from emoedge.capture.resample import SoundBlocks
from emoedge.capture.snapshot_address import SnapshotAddress, is_single_picture
from emoedge.capture.source import MAX_PER_S
from emoedge.capture.timestamps import LiveJumps, StreamClock
from emoedge.capture.tracks import Tracks, audio_track, video_track
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError, MediaError
from emoedge.frames import AudioBlock, Frame, PlanarFrame
from emoedge.redact import public_address
from emoedge.translation import tr

WAIT_S: Final = 2.0
"""An item is held back until the other stream has come as far, but not for longer than this."""


class AddressReader:
    """Pictures and sound of an address, in the order of their media time, 0 being the first of them.

    Attributes:
        info: what it sends.
        notes: what was left out so far.

    Args:
        url: rtsp, http, tcp or udp address, with user and password where needed.
        camera: turn and mirror, on top of what the stream asks for; which certificates are trusted.
        tracks: which ones, of several.

    Raises:
        MediaError: nothing answers, or it sends neither picture nor sound.
    """

    def __init__(self, url: str, camera: CameraSettings, tracks: Tracks) -> None:
        self.notes = Notes(public_address(url))
        self._url = with_credentials(url, CameraSettings())
        self._camera = camera
        self._orientation = Orientation(camera.rotate, camera.mirror)
        try:
            self._container = open_address(self._url, camera, self.notes.name, live=False)
        except DeviceError as error:
            raise MediaError(error.message, error.remedy) from error
        self._video = video_track(self._container, tracks.video)
        self._audio = audio_track(self._container, tracks.audio)
        if self._video is None and self._audio is None:
            self._container.close()
            raise MediaError(
                tr("{name}: contains neither video nor audio", name=self.notes.name), tr("check the address")
            )
        self.info = MediaInfo(
            duration_s=None, has_video=self._video is not None, has_audio=self._audio is not None
        )

    def in_order(
        self, wanted: Callable[[float], bool], *, video: bool = True, audio: bool = True
    ) -> Iterator[Frame | AudioBlock]:
        """Yield frames whose time is wanted, at their time, and blocks at their end. Can be iterated once.

        Raises:
            MediaError: the connection is lost.
        """
        if is_single_picture(self._url, self._container):
            self._container.close()
            yield from self._snapshots(wanted)
            return
        streams: list[_Pictures | _Sound] = []
        jumps = LiveJumps(self.notes)
        if video and self._video is not None:
            streams.append(_Pictures(self._container, self._video, self._orientation, wanted, jumps))
        if audio and self._audio is not None:
            streams.append(_Sound(self._container, self._audio, self.notes, jumps))
        waiting: list[tuple[float, int, Frame | AudioBlock]] = []
        number = count()
        try:
            for stream, item in self._items(streams):
                stream.reached_s = complete_s(item)
                heappush(waiting, (stream.reached_s, next(number), item))
                slowest_s = min(one.reached_s for one in streams)
                newest_s = max(one.reached_s for one in streams)
                while waiting and waiting[0][0] <= max(slowest_s, newest_s - WAIT_S):
                    yield heappop(waiting)[2]
            while waiting:
                yield heappop(waiting)[2]
        finally:
            self._container.close()

    def _items(self, streams: list[_Pictures | _Sound]) -> Iterator[tuple[Any, Frame | AudioBlock]]:
        import av

        takers = {one.stream.index: one for one in streams}
        try:
            for packet in self._container.demux([one.stream for one in streams]):
                taker = takers[packet.stream_index]
                try:
                    frames = packet.decode()
                except av.error.FFmpegError:  # the next ones may be whole again
                    continue
                for frame in frames:
                    for item in taker.taken(frame):
                        yield taker, item
        except (av.error.FFmpegError, OSError) as error:
            raise MediaError(
                tr("{name}: lost: {error}", name=self.notes.name, error=reason(error)),
                tr("check network and camera"),
            ) from error
        for one in streams:
            for item in one.rest():
                yield one, item

    def _snapshots(self, wanted: Callable[[float], bool]) -> Iterator[Frame]:
        address = SnapshotAddress(self._url, self._camera, self.notes.name)
        start_s: float | None = None
        try:
            for sequence, (now_s, picture) in enumerate(address.pictures(MAX_PER_S)):
                start_s = now_s if start_s is None else start_s
                if wanted(now_s - start_s):
                    yield still_frame(picture, self._orientation, None, now_s - start_s, sequence)
        except DeviceError as error:
            raise MediaError(error.message, error.remedy) from error
        finally:
            address.close()


class _Pictures:
    """The frames of a stream of pictures."""

    def __init__(
        self,
        container: Any,
        stream: Any,
        orientation: Orientation,
        wanted: Callable[[float], bool],
        jumps: LiveJumps,
    ) -> None:
        self.stream = stream
        self.reached_s = 0.0
        self._clock = StreamClock(container, stream, jumps)
        self._stampless = container.format.name in STAMPLESS
        self._start_s: float | None = None
        self._aspect = PixelAspect(stream)
        self._convert = PictureConverter(orientation)
        self._wanted = wanted
        self._sequence = 0

    def taken(self, picture: Any) -> Iterator[Frame]:
        """The frame of a decoded picture, unless it is not wanted."""
        time_s = self._since_start_s() if self._stampless else self._clock.frame_time(picture)
        self._sequence += 1
        if time_s is not None and self._wanted(time_s):
            planes, width, height = self._convert.planes(picture, self._aspect.now)
            yield PlanarFrame(time_s, planes, width, height, self._sequence - 1)

    def rest(self) -> Iterator[Frame]:
        """Return nothing."""
        return iter(())

    def _since_start_s(self) -> float:
        now_s = time.monotonic()
        self._start_s = now_s if self._start_s is None else self._start_s
        return now_s - self._start_s


class _Sound:
    """The blocks of a stream of sound."""

    def __init__(self, container: Any, stream: Any, notes: Notes, jumps: LiveJumps) -> None:
        self.stream = stream
        self.reached_s = 0.0
        self._blocks = SoundBlocks(StreamClock(container, stream, jumps), notes)

    def taken(self, frame: Any) -> Iterator[AudioBlock]:
        """The blocks that decoded sound completes."""
        return self._blocks.push(frame)

    def rest(self) -> Iterator[AudioBlock]:
        """Return the rest at the end."""
        return self._blocks.flush()
