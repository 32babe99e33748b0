"""Opening media files through PyAV, safely: only real files, only formats that people record in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emoedge.capture.convert import MAX_PIXELS
from emoedge.capture.integrity import check_whole
from emoedge.errors import MediaError

if TYPE_CHECKING:
    import av

_FORMATS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,wav,w64,mp3,aac,flac,aiff,"
    "au,caf,amr,gif,mjpeg,h264,hevc,m4v,ivf,nut,dv,yuv4mpegpipe,"
    "image2,jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe"
)
"""A list, because FFmpeg knows formats that play text files as pictures (tty) or fetch what a playlist
names from anywhere (hls, concat): nothing that a path from outside should lead to."""

_REMEDY: Final = "give a video, sound or picture file that ffprobe can read"
_MAX_BAD_PACKETS: Final = 3
"""So many packets in a row may be undecodable (a scratch, a tag at the end of an MP3) before it is an error.
"""


def check_file(path: Path) -> None:
    """Raise MediaError unless `path` is a readable, non-empty regular file."""
    try:
        if not path.exists():
            raise MediaError(f"{path}: no such file", "check the path")
        if not path.is_file():
            raise MediaError(f"{path}: not a file", "give the path of a media file")
        with path.open("rb") as file:
            empty = not file.read(1)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"{path}: {reason}", "check the path and its permissions") from error
    if empty:
        raise MediaError(f"{path}: empty file", _REMEDY)


def open_container(path: Path) -> Any:
    """The PyAV container of a whole media file.

    Raises:
        MediaError: missing, unreadable, empty, cut off, or no media.
    """
    import av

    check_file(path)
    check_whole(path)
    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
    try:
        return av.open(f"file:{path.absolute()}", options=options, metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path}: not a readable media file, or cut off", _REMEDY) from error


def video_stream(container: Any) -> Any | None:
    """The first moving picture; cover art of a song does not count."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            if stream.width * stream.height > MAX_PIXELS:
                raise MediaError(
                    f"{container.name}: picture of {stream.width} x {stream.height} pixels is too large",
                    "scale it down first",
                )
            return stream
    return None


def audio_stream(container: Any) -> Any | None:
    """The first sound track that has channels and a rate."""
    for stream in container.streams.audio:
        if stream.codec_context is not None and stream.codec_context.sample_rate:
            return stream
    return None


def decoded(container: Any, stream: Any, path: Path) -> Iterator[av.AudioFrame | av.VideoFrame]:
    """All decoded frames of one stream in presentation order; other streams can no longer be read.

    Raises:
        MediaError: nothing can be decoded, decoding breaks, or the last packet is cut.
    """
    import av
    from av.stream import Discard

    for other in container.streams:  # unused streams need not be read
        if other.index != stream.index:
            other.discard = Discard.all
    bad_in_a_row = 0
    any_decoded = False
    for packet in _packets(container, stream, path):
        try:
            frames = packet.decode()
        except av.error.EOFError:
            continue
        except av.error.FFmpegError as error:
            bad_in_a_row += 1
            # Before the first frame a decoder may lack its key frame, for any number of packets.
            if any_decoded and bad_in_a_row > _MAX_BAD_PACKETS:
                raise MediaError(f"{path}: damaged: {error.strerror}", "copy or record it again") from error
            continue
        if frames:
            bad_in_a_row = 0
            any_decoded = True
            yield from frames
    if not any_decoded:
        raise MediaError(f"{path}: its {stream.type} cannot be decoded", _REMEDY)


def _packets(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    import av

    cut = False
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.error.FFmpegError, OSError) as error:
            raise MediaError(
                f"{path}: cut off or damaged: {error.strerror}", "copy or record it again"
            ) from error
        if packet is None:
            break
        if packet.size:
            cut = bool(packet.is_corrupt)
        yield packet
    # In a transport stream "corrupt" says that a packet before it was lost, which is everyday life there.
    if cut and "mpegts" not in container.format.name:
        raise MediaError(f"{path}: cut off: its last packet is not whole", "copy or record it again")
