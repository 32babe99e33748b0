"""Remux of a fragmented MP4 into an ordinary one with a subtitle track, and its repair after a cut.

Only for a file that was not closed: a power cut or a full disk leaves it fragmented. The streams are copied,
not encoded again. The index lies at the end, as in `mux.py`.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from emoedge.errors import RecordingError
from emoedge.record.mp4_boxes import boxes
from emoedge.record.mux import SyncedFile, close_dead
from emoedge.record.subtitle_track import SUBTITLE_HZ, add_subtitle_stream, subtitle_packets
from emoedge.record.timeline import MAX_S, Cue
from emoedge.translation import tr

logger = logging.getLogger(__name__)

SYNC_BYTES: Final = 4 * 1024 * 1024
"""Bytes between two syncs, so that no single wait for a slow card is long."""
MAX_HEAD_S: Final = 86_400.0
"""Seconds beyond which the length in a file's header is not trusted and the video is measured."""


class GaveUpError(RecordingError):
    """The time ran out before the copy was complete."""


def remux(
    source: Path,
    target: Path,
    cues: Sequence[Cue],
    duration_s: float,
    give_up: Callable[[], bool] = lambda: False,
) -> None:
    """Copy video and audio of a fragmented MP4 into an ordinary one with a subtitle track.

    Args:
        source: complete, or cut off anywhere; what can be read is copied.
        target: a new file.
        cues: the subtitles, in order and without overlap.
        duration_s: length of the source.
        give_up: called between packets; true to stop.

    Raises:
        RecordingError: there is nothing to play in the source (GaveUpError: `give_up` said so).
        OSError: the target cannot be written.
    """
    import av

    try:
        incoming = av.open(str(source))
    except av.error.FFmpegError as error:
        raise RecordingError(
            tr("nothing to play in {name}: {error}", name=source.name, error=error),
            tr("delete the file; it was damaged before it could be finished"),
        ) from error
    output = SyncedFile(target)
    try:
        with incoming:
            _copy(source, incoming, output, deque(subtitle_packets(cues, duration_s)), give_up)
    finally:
        output.close()


def _copy(
    source: Path, incoming: Any, output: SyncedFile, subtitles: deque[Any], give_up: Callable[[], bool]
) -> None:
    import av

    streams = [stream for stream in incoming.streams if stream.type in ("video", "audio")]
    outgoing = av.open(output, "w", format="mp4", options={"video_track_timescale": "90000"})
    synced = 0
    try:
        copies = {stream.index: outgoing.add_stream_from_template(stream) for stream in streams}
        subtitle_stream = add_subtitle_stream(outgoing)
        for packet in _packets(incoming, streams, source):
            _check(give_up)
            time_s = float(packet.pts * packet.time_base)
            while subtitles and subtitles[0].pts <= time_s * SUBTITLE_HZ:
                _mux_as(outgoing, subtitles.popleft(), subtitle_stream)
            _mux_as(outgoing, packet, copies[packet.stream.index])
            if output.size - synced > SYNC_BYTES:
                output.sync_new()
                synced = output.size
        outgoing.close()
    except BaseException:
        output.dead = True
        close_dead(outgoing)
        raise


def _check(give_up: Callable[[], bool]) -> None:
    if give_up():
        raise GaveUpError("no time left to finish the segment")


def _mux_as(outgoing: Any, packet: Any, stream: Any) -> None:
    packet.stream = stream
    outgoing.mux(packet)


def _packets(incoming: Any, streams: list[Any], path: Path) -> Iterator[Any]:
    """Yield the packets up to the end or to the first damage, which is where a cut file ends.

    Raises OSError when the disk is at fault.
    """
    import av

    packets = incoming.demux(streams)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.error.FFmpegError as error:
            _read_through(path)
            logger.info("segment is cut off: %s", error)
            return
        if packet.dts is not None and packet.size and not packet.is_corrupt:
            yield packet


def length_of(path: Path) -> float:
    """Length in seconds as the head of a media file says, at most `MAX_S`; an impossible one is measured.

    Raises:
        OSError: the disk cannot be read.
    """
    import av

    try:
        with av.open(str(path)) as container:
            length_s = (container.duration or 0) / 1e6  # AV_TIME_BASE
    except (av.error.FFmpegError, IndexError):
        length_s = 0.0
    if not 0 < length_s <= MAX_HEAD_S:
        length_s = measure(path)
    return min(length_s, MAX_S)


def measure(path: Path) -> float:
    """Length in seconds of a media file, or of the readable part of a damaged one; 0.0 without any.

    Raises:
        OSError: the disk cannot be read. Such a file may be whole.
    """
    import av

    try:
        with av.open(str(path)) as container:
            streams = [stream for stream in container.streams if stream.type in ("video", "audio")]
            return max(
                (
                    float((packet.pts + (packet.duration or 0)) * packet.time_base)
                    for packet in _packets(container, streams, path)
                ),
                default=0.0,
            )
    except (av.error.FFmpegError, IndexError) as error:
        _read_through(path)
        logger.info("%s cannot be read: %s", path.name, error)
        return 0.0


def _read_through(path: Path) -> None:
    """Raise OSError if it is the disk, and not the content of a file, that keeps FFmpeg from reading it."""
    with path.open("rb") as file:
        while file.read(SYNC_BYTES):
            pass


def trim(path: Path) -> None:
    """Cut a fragmented MP4 back to its last whole fragment; raises OSError.

    A full disk or a power cut leaves half a fragment, at which players fail.
    """
    with path.open("rb") as file:
        whole = max((box.end for box in boxes(file) if box.kind == b"mdat"), default=0)
    if whole < path.stat().st_size:
        os.truncate(path, whole)
