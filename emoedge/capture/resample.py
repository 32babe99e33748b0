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
from emoedge.translation import tr

GATHERED_S: Final = 0.2
"""Seconds of audio given to the resampler at a time: a call costs as much as 50 ms of audio."""

RATES_HZ: Final = (1_000, 1_000_000)
"""Accepted sample rates: any other one in a damaged header could make the resampler use gigabytes."""


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
        """Whether a call is worthwhile."""
        return self._count >= self._enough

    def fits(self, time_s: float) -> bool:
        """Return whether audio of this time continues where the collected audio ended."""
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


class SoundBlocks:
    """Makes blocks of decoded sound, whose rate, channels and format may change at any frame.

    Args:
        clock: gives the times.
        notes: receives remarks about audio left out.
    """

    def __init__(self, clock: StreamClock, notes: Notes) -> None:
        self._clock = clock
        self._notes = notes
        self._builder = BlockBuilder()
        self._gathered: _Gathered | None = None
        self._kind: tuple[Any, ...] = ()

    def push(self, frame: Any) -> Iterator[AudioBlock]:
        """Take in a decoded frame.

        Raises:
            MediaError: its sample rate is not one that devices record with.
        """
        kind = (frame.sample_rate, frame.layout.name, frame.format.name)
        time_s = self._clock.sound_time(frame)
        if kind != self._kind:  # a resampler cannot change
            yield from self._build(end=True)
            self._gathered = None
            if not RATES_HZ[0] <= frame.sample_rate <= RATES_HZ[1]:
                name = self._notes.name
                raise MediaError(
                    tr(
                        "{name}: audio with {sample_rate} samples per second",
                        name=name,
                        sample_rate=frame.sample_rate,
                    ),
                    tr("copy or record it again"),
                )
            downmix = Downmix(frame.layout, self._notes) if frame.layout.nb_channels > 1 else None
            self._gathered, self._kind = _Gathered(frame.sample_rate, downmix), kind
        assert self._gathered is not None
        if not self._gathered.fits(time_s):
            yield from self._build()
        self._gathered.add(frame, time_s)
        if self._gathered.full:
            yield from self._build()

    def flush(self) -> Iterator[AudioBlock]:
        """Return the rest at the end."""
        yield from self._build(end=True)
        yield from self._builder.flush()

    def _build(self, *, end: bool = False) -> Iterator[AudioBlock]:
        if self._gathered is not None:
            for time_s, samples in self._gathered.resampled(end=end):
                yield from self._builder.push(time_s, samples)


def sound_blocks(frames: Iterator[Any], clock: StreamClock, notes: Notes) -> Iterator[AudioBlock]:
    """Decoded sound of any kind as blocks; an error comes after all that was decoded before it."""
    blocks = SoundBlocks(clock, notes)
    try:
        for frame in frames:
            yield from blocks.push(frame)
    except MediaError:
        yield from blocks.flush()
        raise
    yield from blocks.flush()
