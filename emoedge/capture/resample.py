"""Decoded sound of any rate and format as blocks of 16 kHz mono."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.capture.blocks import TOLERANCE_S, BlockBuilder
from emoedge.capture.downmix import Downmix, as_channels
from emoedge.capture.notes import Notes
from emoedge.capture.timestamps import StreamClock
from emoedge.errors import MediaError
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock

GATHERED_S: Final = 0.2
"""Sound given to the resampler at a time: a call costs as much as 50 ms of sound do."""


class _Gathered:
    """Decoded audio of one format, collected until resampling is worth a call."""

    def __init__(self, rate: int, downmix: Downmix | None) -> None:
        import av

        self._downmix = downmix
        self._fifo = av.AudioFifo()
        self._rate = rate
        self._enough = GATHERED_S * rate
        self._count = 0
        self._start_s = self._end_s = 0.0
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ)

    @property
    def full(self) -> bool:
        """Whether there is enough."""
        return self._count >= self._enough

    def fits(self, time_s: float) -> bool:
        """Whether sound of this time goes on where the sound before ended."""
        return not self._count or abs(time_s - self._end_s) <= TOLERANCE_S

    def add(self, frame: Any, time_s: float) -> None:
        """Take in a decoded frame."""
        if not self._count:
            self._start_s = time_s
        frame.pts = None
        self._fifo.write(frame)
        self._count += frame.samples
        self._end_s = self._start_s + self._count / self._rate

    def resampled(self, *, end: bool = False) -> Iterator[tuple[float, NDArray[np.int16]]]:
        """Collected audio, 16 kHz mono, with its start time; with `end`, the resampler's rest too."""
        frames = [self._fifo.read()] if self._count else []
        self._count = 0
        if self._downmix is not None:
            frames = [_one_channel(self._downmix.mixed(as_channels(frame)), self._rate) for frame in frames]
        for frame in frames:
            # The resampler takes its own delay off the stamps it is given.
            frame.time_base = Fraction(1, self._rate)
            frame.pts = round(self._start_s * self._rate)
        for frame in [*frames, None] if end else frames:
            for part in self._resampler.resample(frame):
                # The block builder joins chunks, which copies them out of the decoder's buffer.
                yield part.time, np.frombuffer(part.planes[0], np.int16, part.samples)


def _one_channel(samples: NDArray[np.float32], rate: int) -> Any:
    import av

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None, :], format="fltp", layout="mono")
    frame.sample_rate = rate
    return frame


def sound_blocks(frames: Iterator[Any], clock: StreamClock, notes: Notes) -> Iterator[AudioBlock]:
    """Decoded sound of any kind as blocks; when the file breaks, the error comes after what came before."""
    builder = BlockBuilder()
    try:
        for time_s, samples in _resampled(frames, clock, notes):
            yield from builder.push(time_s, samples)
    except MediaError:
        yield from builder.flush()
        raise
    yield from builder.flush()


def _resampled(
    frames: Iterator[Any], clock: StreamClock, notes: Notes
) -> Iterator[tuple[float, NDArray[np.int16]]]:
    """Decoded sound of any kind as 16 kHz mono, in pieces with the times of their first samples."""
    gathered: _Gathered | None = None
    kind: tuple[Any, ...] = ()
    try:
        for frame in frames:
            frame_kind = (frame.sample_rate, frame.layout.name, frame.format.name)
            time_s = clock.sound_time(frame)
            if frame_kind != kind and gathered:  # some streams change in the middle; a resampler cannot
                yield from gathered.resampled(end=True)
                gathered = None
            if gathered is None:
                downmix = Downmix(frame.layout, notes) if frame.layout.nb_channels > 1 else None
                gathered, kind = _Gathered(frame.sample_rate, downmix), frame_kind
            if not gathered.fits(time_s):
                yield from gathered.resampled()
            gathered.add(frame, time_s)
            if gathered.full:
                yield from gathered.resampled()
    except MediaError:
        if gathered:
            yield from gathered.resampled(end=True)
        raise
    if gathered:
        yield from gathered.resampled(end=True)
