"""Media files: the counterpart of camera and microphone, with the times in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from heapq import merge
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, Final

import imagesize
import numpy as np
from numpy.typing import NDArray

from emoedge.capture.animation import first_picture, is_animated
from emoedge.capture.container import check_file, decoded, open_container
from emoedge.capture.convert import (
    MAX_PIXELS,
    UPRIGHT,
    Orientation,
    PictureConverter,
    PixelAspect,
    fit_size,
    orient_i420,
)
from emoedge.capture.notes import Notes
from emoedge.capture.resample import sound_blocks
from emoedge.capture.timestamps import Jumps, StreamClock
from emoedge.capture.tracks import AUTOMATIC, Tracks, audio_track, video_track
from emoedge.errors import MediaError
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock, Frame, PlanarFrame
from emoedge.translation import tr

AHEAD: Final = 6
"""Pictures decoded in one go: a decoder called for one picture at a time finds its data evicted from the
caches, which costs a quarter more."""
AHEAD_BYTES: Final = 2_700_000
"""Maximum bytes of pictures decoded in one go: memory matters more than caches for large ones."""
INT16_SCALE: Final = 32768.0
MAX_SOUND_S: Final = 2 * 3600.0
"""`read_sound` keeps everything in memory: two hours are 460 MB."""
MAX_STILL_PICTURES: Final = 3
"""JPEG pictures in a file that is a still image: phones add a small one, or one for bright screens. More are
a raw stream of a camera."""
MAX_IMAGE_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """Properties of a media file.

    Attributes:
        duration_s: as the container says, None where it does not (pictures: 0).
        has_video, has_audio: whether there is a moving or still picture, and sound.
        width, height: of the decoded picture before turning, 0 without.
        frame_rate_hz: on average, 0 where unknown.
        sample_rate_hz: of the sound track, 0 without.
        still: one picture only.
    """

    duration_s: float | None
    has_video: bool
    has_audio: bool
    width: int = 0
    height: int = 0
    frame_rate_hz: float = 0.0
    sample_rate_hz: int = 0
    still: bool = False


def probe(path: Path | str, tracks: Tracks = AUTOMATIC) -> MediaInfo:
    """Return the properties of a media file.

    Raises:
        MediaError: missing, unreadable, neither picture nor sound, or without the tracks asked for.
    """
    path = Path(path)
    with open_container(path) as container:
        video, audio = video_track(container, tracks.video), audio_track(container, tracks.audio)
        if video is None and audio is None:
            raise MediaError(
                tr("{path}: contains neither video nor audio", path=path), tr("use a video or audio file")
            )
        still = video is not None and _is_still(container)
        duration_s = container.duration / 1e6 if container.duration is not None else None
        return MediaInfo(
            duration_s=0.0 if still else duration_s,
            has_video=video is not None,
            has_audio=audio is not None,
            width=video.width if video is not None else 0,
            height=video.height if video is not None else 0,
            frame_rate_hz=float(video.average_rate or 0) if video is not None and not still else 0.0,
            sample_rate_hz=int(audio.sample_rate) if audio is not None else 0,
            still=still,
        )


class MediaReader:
    """Pictures and sound of one file in the order of their media time.

    Iterating gives `Frame` (layout "i420", turned upright) and `AudioBlock` (16 kHz mono, 100 ms; the
    last one may be shorter), ordered by `time_s`, 0 being the start of the file. Two runs give the same.
    Memory is bounded however the file interleaves its streams, because each stream is read by its own handle.
    A stream that breaks does not end the other one: the error comes when all that can be read has been.

    Attributes:
        path: the file.
        info: what it holds.
        notes: what was lost or left out so far.

    Args:
        path: the file.
        video, audio: leave one out by False.
        orientation: turn and mirror, on top of what the file's metadata asks for.
        max_pixels: larger pictures are scaled down to about this number of pixels.
        tracks: which ones, of several.

    Raises:
        MediaError: as `probe`; and while iterating, after all that can be read, when the rest is missing.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        video: bool = True,
        audio: bool = True,
        orientation: Orientation = UPRIGHT,
        max_pixels: float | None = None,
        tracks: Tracks = AUTOMATIC,
    ) -> None:
        self.path = Path(path)
        self.info = probe(self.path, tracks)
        self.notes = Notes(str(path))
        self._tracks = tracks
        self._jumps = Jumps(self._stamps, self.notes)
        self._video = video and self.info.has_video
        self._audio = audio and self.info.has_audio
        self._orientation = orientation
        self._max_pixels = max_pixels

    def __iter__(self) -> Iterator[Frame | AudioBlock]:
        frames: Iterator[Frame | AudioBlock] = self.frames() if self._video else iter(())
        blocks: Iterator[Frame | AudioBlock] = self.blocks() if self._audio else iter(())
        return together((frames, blocks), lambda item: item.time_s)

    def in_order(
        self, wanted: Callable[[float], bool], *, video: bool = True, audio: bool = True
    ) -> Iterator[Frame | AudioBlock]:
        """Yield frames whose time is wanted, at their time, and blocks at their end.

        Raises:
            MediaError: as while iterating.
        """
        frames: Iterator[Frame | AudioBlock] = self.frames(wanted) if video else iter(())
        blocks: Iterator[Frame | AudioBlock] = self.blocks() if audio else iter(())
        return together((frames, blocks), complete_s)

    def frames(self, wanted: Callable[[float], bool] | None = None) -> Iterator[Frame]:
        """Yield the frames; with `wanted`, only those whose time is wanted are converted."""
        if not self.info.has_video:
            return
        if self.info.still:
            yield still_frame(read_image(self.path, self.notes), self._orientation, self._max_pixels)
            return
        with open_container(self.path) as container:
            stream = video_track(container, self._tracks.video)
            assert stream is not None
            clock = StreamClock(container, stream, self._jumps)
            aspect = PixelAspect(stream)
            convert = PictureConverter(self._orientation, self._max_pixels)
            ahead: list[Frame] = []
            try:
                for sequence, picture in enumerate(decoded(container, stream, self.path, self.notes)):
                    time_s = clock.frame_time(picture)
                    if time_s is None or (wanted and not wanted(time_s)):
                        continue
                    planes, width, height = convert.planes(picture, aspect.now)
                    ahead.append(PlanarFrame(time_s, planes, width, height, sequence))
                    if len(ahead) == AHEAD or len(ahead) * width * height * 1.5 >= AHEAD_BYTES:
                        yield from ahead
                        ahead = []
            except MediaError:  # the file breaks here; what came before is good
                yield from ahead
                raise
            yield from ahead

    def blocks(self) -> Iterator[AudioBlock]:
        """Yield the blocks of audio."""
        if not self.info.has_audio:
            return
        with open_container(self.path) as container:
            stream = audio_track(container, self._tracks.audio)
            assert stream is not None
            clock = StreamClock(container, stream, self._jumps)
            yield from sound_blocks(decoded(container, stream, self.path, self.notes), clock, self.notes)

    def _stamps(self) -> Iterator[float]:
        """Time stamps of all packets of the tracks used, seconds."""
        import av

        with open_container(self.path) as container:
            origin_s = (container.start_time or 0) / 1e6
            tracks = video_track(container, self._tracks.video), audio_track(container, self._tracks.audio)
            with suppress(av.error.FFmpegError, OSError):
                for packet in container.demux([track for track in tracks if track is not None]):
                    stamp = packet.pts if packet.pts is not None else packet.dts
                    if stamp is not None:
                        yield float(stamp * packet.time_base) - origin_s


def still_frame(
    picture: NDArray[np.uint8],
    orientation: Orientation,
    max_pixels: float | None = None,
    time_s: float = 0.0,
    sequence: int = 0,
) -> Frame:
    """A picture, uint8 (height, width, 3) BGR, as a frame of layout "i420"."""
    import cv2

    width, height = fit_size(picture.shape[1], picture.shape[0], max_pixels)
    picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    data = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
    data = orient_i420(data, width, height, orientation)
    if orientation.swaps_sides:
        width, height = height, width
    return Frame(time_s, data, "i420", width, height, sequence)


def _is_still(container: Any) -> bool:
    """Return whether this is a still image; a photograph may contain smaller versions of itself."""
    import av

    name = container.format.name
    if name != "image2" and not name.endswith("_pipe"):
        return False
    pictures = (packet for packet in container.demux(video=0) if packet.size)
    try:
        return sum(1 for _ in islice(pictures, MAX_STILL_PICTURES + 1)) <= MAX_STILL_PICTURES
    except (av.error.FFmpegError, OSError):
        return True


def complete_s(item: Frame | AudioBlock) -> float:
    """Return the media time at which an item is complete, in seconds."""
    return item.time_s if isinstance(item, Frame) else item.end_s


def together(
    streams: Iterable[Iterator[Frame | AudioBlock]], key: Callable[[Frame | AudioBlock], float]
) -> Iterator[Frame | AudioBlock]:
    """The items of several streams in the order of `key`.

    Raises:
        MediaError: the first of those with which streams ended, after all items.
    """
    errors: list[MediaError] = []

    def kept(stream: Iterator[Frame | AudioBlock]) -> Iterator[Frame | AudioBlock]:
        try:
            yield from stream
        except MediaError as error:
            errors.append(error)

    yield from merge(*map(kept, streams), key=key)
    if errors:
        raise errors[0]


def read_sound(path: Path | str, max_s: float = MAX_SOUND_S) -> NDArray[np.float32]:
    """Read the audio of a file as the voice and speech stages receive it.

    Sample i is the sound at i / 16000 s of media time: holes and a late start are silence.

    Returns:
        float32 (n,), -1 to 1, 16 kHz, all channels mixed down to one.

    Raises:
        MediaError: unreadable, cut off, without sound, or longer than `max_s`.
    """
    heard = hear(path, max_s)
    if heard.error:
        raise heard.error
    return heard.samples


@dataclass(frozen=True, slots=True)
class Heard:
    """Audio of a file as far as it can be read.

    Attributes:
        samples: as `read_sound` returns them, at least one.
        notes: what was lost or left out.
        error: why the rest is missing; None when there is none.
    """

    samples: NDArray[np.float32]
    notes: list[str]
    error: MediaError | None


def hear(path: Path | str, max_s: float = MAX_SOUND_S) -> Heard:
    """Read the audio of a file that may be truncated.

    Raises:
        MediaError: unreadable, without sound, or longer than `max_s`.
    """
    reader = MediaReader(path, video=False)
    if not reader.info.has_audio:
        raise MediaError(tr("{path}: contains no audio", path=path), tr("use a file with an audio track"))
    parts: list[NDArray[np.int16]] = []
    count = 0
    cut: MediaError | None = None
    blocks = reader.blocks()
    while True:
        try:
            block = next(blocks, None)
        except MediaError as error:
            if not parts:
                raise
            cut = error
            break
        if block is None:
            break
        if block.end_s > max_s:
            raise MediaError(
                tr("{path}: more than {max_s:.0f} s of audio", path=path, max_s=max_s),
                tr("cut it into shorter files"),
            )
        hole = max(0, round(block.time_s * SAMPLE_RATE_HZ) - count)
        parts += [np.zeros(hole, np.int16), block.samples]
        count += hole + len(block.samples)
    samples = (np.concatenate(parts) / np.float32(INT16_SCALE)).astype(np.float32)
    return Heard(samples, reader.notes.texts, cut)


def read_image(path: Path | str, notes: Notes | None = None) -> NDArray[np.uint8]:
    """Read a still picture, upright according to its EXIF orientation; the first of an animated one.

    Args:
        path: the file.
        notes: receives a remark if the file holds more pictures.

    Returns:
        uint8 (height, width, 3), OpenCV's channel order (blue, green, red).

    Raises:
        MediaError: unreadable, no picture, or beyond 8192 x 8192 pixels.
    """
    path = Path(path)
    check_file(path)
    if path.stat().st_size > MAX_IMAGE_BYTES:
        raise MediaError(tr("{path}: too large for an image", path=path), tr("use a JPEG or PNG file"))
    encoded = path.read_bytes()
    picture = decode_image(encoded, str(path))
    if notes is not None and is_animated(encoded):
        notes.add(tr("animated: only the first frame is used"))
    return picture


def decode_image(encoded: bytes, name: str) -> NDArray[np.uint8]:
    """Decode a picture from the bytes of its file, as `read_image`; `name` is for error messages."""
    import cv2

    # By bytes and not by path: OpenCV's own file access does not know every character and logs to stderr.
    # The header is looked at first: a few bytes may unpack to gigabytes.
    width, height = imagesize.get(BytesIO(encoded))
    if width <= 0 or height <= 0:
        raise MediaError(tr("{name}: not a readable image", name=name), tr("use a JPEG or PNG file"))
    if width * height > MAX_PIXELS:
        raise MediaError(
            tr("{name}: {width} x {height} pixels is too large", name=name, width=width, height=height),
            tr("scale it down first"),
        )
    try:
        picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        picture = first_picture(encoded)
    if picture is None:
        raise MediaError(tr("{name}: not a readable image", name=name), tr("use a JPEG or PNG file"))
    return np.asarray(picture, dtype=np.uint8)
