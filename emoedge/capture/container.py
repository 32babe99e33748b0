"""Open media files through PyAV safely: only regular files, only formats that people record in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emoedge.capture.integrity import flac_duration_s, missing_bytes
from emoedge.capture.notes import Notes
from emoedge.capture.sound_header import MendedFile, find_sound
from emoedge.config.sources import NETWORK_SCHEMES
from emoedge.errors import MediaError
from emoedge.translation import joined, tr

if TYPE_CHECKING:
    import av

_FORMATS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,wav,w64,mp3,aac,flac,aiff,"
    "au,caf,amr,ac3,eac3,wv,tta,mxf,gif,mjpeg,h264,hevc,m4v,ivf,nut,dv,yuv4mpegpipe,"
    "image2,jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe"
)
"""A list, because FFmpeg knows formats that play text files as pictures (tty) or fetch what a playlist
names from anywhere (hls, concat): nothing that a path from outside should lead to."""

_REMEDY: Final = tr("use a video, audio or image file that ffprobe can read")
_CUT_REMEDY: Final = tr("copy or record it again")
_MAX_FAILED_READS: Final = 2000
"""Maximum number of consecutive failed reads before the rest of a file is given up."""
FLAC_SLACK_S: Final = 0.05
"""The last packet of a FLAC file may have no length of its own."""
_JOINABLE: Final = frozenset(("mpegts", "aac", "mp3"))
"""Formats that can be joined and left anywhere: an incomplete end is normal in them."""
_KINDS: Final = {"audio": "sound", "video": "picture"}


def check_file(path: Path) -> None:
    """Raise MediaError unless `path` is a readable, non-empty regular file."""
    scheme, colon, _ = str(path).partition(":/")
    if colon and scheme.lower() in NETWORK_SCHEMES:  # the rest may hold a password
        raise MediaError(
            tr("{scheme}://…: an address, not a file", scheme=scheme),
            tr("run: emoedge replay ADDRESS --seconds 60"),
        )
    try:
        if not path.exists():
            raise MediaError(tr("{path}: no such file", path=path), tr("check the path"))
        if not path.is_file():
            raise MediaError(tr("{path}: not a file", path=path), tr("use the path of a media file"))
        with path.open("rb") as file:
            empty = not file.read(1)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        what = joined((str(path), str(reason)), ": ")
        raise MediaError(what, tr("check the path and its permissions")) from error
    if empty:
        raise MediaError(tr("{path}: empty file", path=path), _REMEDY)


def open_container(path: Path) -> Any:
    """Open the PyAV container of a media file.

    Raises:
        MediaError: missing, unreadable, empty, or no media.
    """
    import av

    check_file(path)
    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
    try:
        with path.open("rb") as file:
            sound = find_sound(file, path.stat().st_size)
        source: Any = f"file:{path.absolute()}"
        if sound is not None and sound.unknown:
            source = MendedFile(path, sound)
        return av.open(source, options=options, metadata_errors="ignore")
    except (av.error.FFmpegError, OSError, ValueError) as error:
        missing = missing_bytes(path)
        if missing:
            raise MediaError(
                tr("{path}: cut off: {missing} bytes are missing", path=path, missing=missing), _CUT_REMEDY
            ) from error
        raise MediaError(tr("{path}: not a readable media file, or cut off", path=path), _REMEDY) from error


def decoded(container: Any, stream: Any, path: Path, notes: Notes) -> Iterator[av.AudioFrame | av.VideoFrame]:
    """Yield all decoded frames of one stream in presentation order; other streams can no longer be read.

    Packets that cannot be decoded are left out and noted.

    Raises:
        MediaError: nothing can be decoded, or, after all that can, the rest of the file is missing.
    """
    import av
    from av.stream import Discard

    for other in container.streams:  # unused streams need not be read
        if other.index != stream.index:
            other.discard = Discard.all
    packets = _Packets(container, stream, path)
    any_decoded = False
    lost: list[float] = []
    for packet in packets:
        try:
            frames = packet.decode()
        except av.error.EOFError:
            continue
        except av.error.FFmpegError:
            # Before the first frame a decoder may lack its key frame, for any number of packets. An empty
            # packet repeats a picture (Theora), which some decoders refuse.
            if any_decoded and packet.size:
                lost.append(_time_s(container, packet))
            continue
        any_decoded = any_decoded or bool(frames)
        yield from frames
    kind = _KINDS[stream.type]
    _note_losses(notes, packets, lost, kind)
    reason = packets.cut or _missing(path)
    if reason:
        raise MediaError(tr("{path}: cut off: {reason}", path=path, reason=reason), _CUT_REMEDY)
    if not any_decoded:
        raise MediaError(tr("{path}: its {kind} cannot be decoded", path=path, kind=kind), _REMEDY)


def _note_losses(notes: Notes, packets: _Packets, lost_s: list[float], kind: str) -> None:
    if lost_s:
        notes.add(
            tr(
                "damaged: {count} of {count2} packets of its {kind} cannot be decoded, the first "
                "at {lost_s:.1f} s",
                count=len(lost_s),
                count2=packets.count,
                kind=kind,
                lost_s=lost_s[0],
            )
        )
    if packets.errors:
        notes.add(
            tr("damaged: {errors} places of its {kind} cannot be read", errors=packets.errors, kind=kind)
        )


def _missing(path: Path) -> str:
    missing = missing_bytes(path)
    return tr("{missing} bytes are missing", missing=missing) if missing else ""


def _time_s(container: Any, packet: Any) -> float:
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None or packet.time_base is None:
        return 0.0
    return float(stamp * packet.time_base) - (container.start_time or 0) / 1e6


class _Packets:
    """The packets of one stream, past places that cannot be read.

    Attributes:
        count: packets so far.
        errors: places that could not be read, with packets behind them.
        cut: why the end is missing, empty where it is not; known at the end.
    """

    def __init__(self, container: Any, stream: Any, path: Path) -> None:
        self._path = path
        self._container = container
        self._stream = stream
        self.count = self.errors = 0
        self.cut = ""

    def __iter__(self) -> Iterator[Any]:
        import av

        in_a_row, last, failure = 0, None, ""
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size:
                        self.errors += bool(in_a_row)
                        in_a_row, last = 0, packet
                        self.count += 1
                    yield packet
                break
            except (av.error.FFmpegError, OSError) as error:
                in_a_row += 1
                failure = str(error.strerror)
                if in_a_row > _MAX_FAILED_READS:
                    break
        if not _JOINABLE & set(self._container.format.name.split(",")):
            if in_a_row:
                self.cut = failure
            elif last is not None and last.is_corrupt:
                self.cut = tr("its last packet is incomplete")
            elif self._more_listed(last) or (last is not None and self._more_announced(last)):
                self.cut = tr("its header announces more data than it contains")

    def _more_listed(self, last: Any) -> bool:
        """Return whether the file's index lists packets after the last one read; None without an index."""
        if "mov" not in self._container.format.name or (last is not None and last.dts is None):
            return False
        entries = self._stream.index_entries
        return bool(entries) and (last is None or entries[-1].timestamp > last.dts)

    def _more_announced(self, last: Any) -> bool:
        """Return whether the header of a FLAC file announces more than the last packet read."""
        if self._container.format.name != "flac" or last.pts is None:
            return False
        announced_s = flac_duration_s(self._path)
        end_s = float((last.pts + (last.duration or 0)) * last.time_base)
        return announced_s is not None and announced_s - end_s > FLAC_SLACK_S
