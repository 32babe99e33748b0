"""The clip that is played: a given one, or the demo's, going round until it is long enough."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from emoedge.errors import MediaError
from emoedge.translation import tr

DEMO_BEGIN_S: Final = 5.0
"""In the demo's clip the person has come into the picture by then: a first result is a face."""

EARLY_S: Final = 1e-3
"""Rounding of time stamps."""


def looped(clip: Path, target: Path, seconds: float, begin_s: float = 0.0) -> Path:
    """Repeat a clip up to a length by copying its packets without decoding.

    Args:
        clip: MP4, MOV or Matroska with a picture, a sound track, or both.
        target: file to write (.mp4).
        seconds: length wanted; the last round may be cut at a packet.
        begin_s: where the first round begins; a key frame should be near.

    Raises:
        MediaError: there is nothing to repeat.
    """
    import av

    with av.open(str(target), "w") as output:
        streams: dict[int, Any] = {}
        last_s: dict[int, float] = {}
        offset_s = -begin_s
        while offset_s < seconds:
            with av.open(str(clip)) as source:
                if not streams:
                    chosen = [*source.streams.video[:1], *source.streams.audio[:1]]
                    streams = {stream.index: output.add_stream_from_template(stream) for stream in chosen}
                length_s = _copy_round(source, output, streams, last_s, offset_s, seconds)
            if length_s <= 0:
                raise MediaError(
                    tr("{clip}: contains nothing to repeat", clip=clip), tr("use a clip with video or audio")
                )
            offset_s += length_s
    return target


def _copy_round(
    source: Any,
    output: Any,
    streams: dict[int, Any],
    last_s: dict[int, float],
    offset_s: float,
    until_s: float,
) -> float:
    """Copy the packets of one round that fall between 0 and the end; the length of the round, seconds.

    `last_s` is where each stream has come to: sound overlaps by its encoder's padding, and that is left out.
    """
    extent = _Extent(min(streams))
    begun: set[int] = set()
    for packet in source.demux([source.streams[index] for index in streams]):
        if packet.dts is None or packet.pts is None:
            continue
        base, index = packet.time_base, packet.stream.index
        extent.note(index, packet)
        if float(packet.pts * base) + offset_s >= -EARLY_S and packet.is_keyframe:
            begun.add(index)
        at_s = float(packet.dts * base) + offset_s
        if index in begun and last_s.get(index, float("-inf")) + EARLY_S < at_s < until_s:
            last_s[index] = at_s
            shift = round(offset_s / base)
            packet.dts += shift
            packet.pts += shift
            packet.stream = streams[index]
            output.mux(packet)
    # The video decides: audio is padded by its encoder and would drift from loop to loop.
    return extent.length_s


class _Extent:
    """From the first to the end of the last packet of one stream, whatever time the first one has.

    Args:
        index: of the stream; others are ignored.
    """

    def __init__(self, index: int) -> None:
        self._index = index
        self._times_s: list[float] = []
        self._packet_s = float("inf")

    def note(self, index: int, packet: Any) -> None:
        """One more packet."""
        if index == self._index:
            self._times_s.append(float(packet.pts * packet.time_base))
            if packet.duration:  # the stated duration of the last frame of a file is often too long
                self._packet_s = min(self._packet_s, float(packet.duration * packet.time_base))

    @property
    def length_s(self) -> float:
        """Seconds; 0 without packets."""
        if not self._times_s:
            return 0.0
        return max(self._times_s) - min(self._times_s) + (self._packet_s if self._packet_s < 1e9 else 0.0)
