"""Subtitle track of an MP4: 3GPP timed text (TS 26.245), which FFmpeg calls mov_text.

The subtitles of a segment are known at its end. FFmpeg's muxer would have to be given them together with the
video, so their track is added to the finished file: its samples and a new index are appended.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from emoedge.files import sync_data, write_all
from emoedge.record.mp4_boxes import HEADER, boxes, find
from emoedge.record.timeline import Cue

SUBTITLE_HZ: Final = 1000
"""Time base of the track."""
SAMPLE_ENTRY: Final = b"tx3g"
"""Type of the description of the samples, of which a file has one if it has such a track."""
MAX_OFFSET: Final = 0xFFFFFFFF
"""Highest position of a sample in bytes: offsets have 32 bits (8.7.5)."""
_ASS_HEADER: Final = (
    b"[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, "
    b"SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, "
    b"ScaleX, ScaleY, Spacing, "
    b"Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,0\n\n"
    b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)
"""Style from which FFmpeg's mov_text encoder makes the sample description."""


def add_subtitle_stream(container: Any) -> Any:
    """Add the track to a PyAV output container."""
    stream = container.add_stream("mov_text")
    stream.codec_context.subtitle_header = _ASS_HEADER
    stream.time_base = Fraction(1, SUBTITLE_HZ)
    return stream


def subtitle_packets(cues: Sequence[Cue], end_s: float) -> Iterator[Any]:
    """Samples of the track (a 16 bit length and UTF-8) up to `end_s`, with empty ones between the cues."""
    import av

    at_ms, end_ms = 0, round(end_s * SUBTITLE_HZ)
    spans = [(round(cue.start_s * 1000), round(cue.end_s * 1000), cue.text.encode()) for cue in cues]
    for start_ms, stop_ms, text in [*spans, (end_ms, end_ms, b"")]:
        for from_ms, to_ms, content in ((at_ms, start_ms, b""), (start_ms, stop_ms, text)):
            if to_ms <= from_ms:
                continue
            packet = av.Packet(struct.pack(">H", len(content)) + content)
            packet.pts = packet.dts = from_ms
            packet.duration, packet.time_base = to_ms - from_ms, Fraction(1, SUBTITLE_HZ)
            yield packet
        at_ms = max(at_ms, stop_ms)


def add_subtitles(path: Path, cues: Sequence[Cue], end_s: float) -> None:
    """Add a subtitle track to an ordinary MP4 whose index comes after the media, where it has none yet.

    The new index takes the place of the old one by four bytes that are written last. Until then, and after
    an error, players find the old one.

    Args:
        path: the file.
        cues: the subtitles, in order and without overlap.
        end_s: length of the file in seconds.

    Raises:
        OSError: the file cannot be read or written.
        ValueError: it is not such a file, or it has 4 GB or more.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        found = {box.kind: box for box in reversed(list(boxes(file)))}
        old, media = found.get(b"moov"), found.get(b"mdat")
        if old is None or media is None or old.begin < media.begin:
            raise ValueError("MP4 without an index after the media")
        file.seek(old.begin)
        index = file.read(old.end - old.begin)
        if SAMPLE_ENTRY in index:
            return
        alone = _alone(cues, end_s)
        if old.end + len(alone) > MAX_OFFSET:
            raise ValueError("no subtitles in an MP4 of 4 GB or more")
        try:
            os.truncate(path, old.end)  # a crash may have left part of a new index
            os.lseek(descriptor, old.end, os.SEEK_SET)
            write_all(descriptor, _appendix(index, alone, old.end))
            sync_data(descriptor)
        except OSError:
            os.truncate(path, old.end)
            raise
        os.lseek(descriptor, old.begin + HEADER // 2, os.SEEK_SET)
        write_all(descriptor, b"free")
        sync_data(descriptor)


def _alone(cues: Sequence[Cue], end_s: float) -> bytes:
    """An MP4 of nothing but the track."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = add_subtitle_stream(container)
        for packet in subtitle_packets(cues, end_s):
            packet.stream = stream
            container.mux(packet)
    return buffer.getvalue()


def _appendix(index: bytes, alone: bytes, at: int) -> bytes:
    """What is appended to a file at `at`: the samples of a track, and an index of the file with that track.

    Args:
        index: the `moov` box of the file.
        alone: an MP4 of the track alone.
        at: where the result begins in the file.
    """
    samples, track = find(alone, b"mdat"), find(alone, b"moov", b"trak")
    new = bytearray(alone[track.begin : track.end])
    tracks = [box for box in boxes(io.BytesIO(index), HEADER, len(index)) if box.kind == b"trak"]
    # The number of a track is the fourth field of its header (8.3.2), that of the next one the last of the
    # movie's (8.2.2). Both are the short form, which FFmpeg writes for anything but centuries.
    header = find(bytes(new), b"trak", b"tkhd")
    struct.pack_into(">I", new, header.content + 12, len(tracks) + 1)
    offsets = find(bytes(new), b"trak", b"mdia", b"minf", b"stbl", b"stco")
    (count,) = struct.unpack_from(">I", new, offsets.content + 4)
    for place in range(offsets.content + 8, offsets.content + 8 + 4 * count, 4):
        (offset,) = struct.unpack_from(">I", new, place)
        struct.pack_into(">I", new, place, offset - samples.begin + at)
    whole = bytearray(index[: tracks[-1].end] + new + index[tracks[-1].end :])
    struct.pack_into(">I", whole, 0, len(whole))
    struct.pack_into(">I", whole, find(index, b"moov", b"mvhd").end - 4, len(tracks) + 2)
    return alone[samples.begin : samples.end] + bytes(whole)
