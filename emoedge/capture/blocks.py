"""Cut timed chunks of audio of any size into blocks of one length; holes in time become marked gaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock

BLOCK_S: Final = 0.1
BLOCK_SAMPLES: Final = round(BLOCK_S * SAMPLE_RATE_HZ)

TOLERANCE_S: Final = 0.04
"""Seconds by which time stamps may disagree with the count of samples before a correction: MPEG and Matroska
stamps jitter by a few milliseconds, and lips and sound visibly part at 40 ms."""


class BlockBuilder:
    """Cuts timed chunks into blocks of `BLOCK_SAMPLES`.

    Within the tolerance the count of samples is the clock, so blocks join exactly. A chunk that
    comes later than the count says ends the present block early and makes a gap; one that comes
    earlier (overlap) loses its head, so that the time never goes back.
    """

    def __init__(self, tolerance_s: float = TOLERANCE_S) -> None:
        self._tolerance_s = tolerance_s
        self._start_s: float | None = None
        self._pending: list[NDArray[np.int16]] = []
        self._count = 0
        self._gap_s = 0.0

    @property
    def end_s(self) -> float | None:
        """Time after the last sample received, in seconds; None before the first."""
        return None if self._start_s is None else self._start_s + self._count / SAMPLE_RATE_HZ

    def push(self, time_s: float | None, samples: NDArray[np.int16]) -> Iterator[AudioBlock]:
        """Take in a chunk whose first sample was captured at `time_s` (None: right after the last one)."""
        end_s = self.end_s
        if end_s is None:
            self._start_s = time_s or 0.0
        elif time_s is not None and time_s - end_s > self._tolerance_s:
            yield from self.flush()
            self._gap_s += time_s - end_s
            self._start_s = time_s
        elif time_s is not None and end_s - time_s > self._tolerance_s:
            samples = samples[round((end_s - time_s) * SAMPLE_RATE_HZ) :]
        if len(samples):
            self._pending.append(samples)
            self._count += len(samples)
        yield from self._whole_blocks()

    def flush(self) -> Iterator[AudioBlock]:
        """Return the rest as one shorter block."""
        if self._count:
            rest = np.concatenate(self._pending)
            self._pending = []
            yield self._emit(rest)

    def _whole_blocks(self) -> Iterator[AudioBlock]:
        if self._count < BLOCK_SAMPLES:
            return
        joined = np.concatenate(self._pending)
        whole = len(joined) // BLOCK_SAMPLES * BLOCK_SAMPLES
        self._pending = [joined[whole:]] if len(joined) > whole else []
        for start in range(0, whole, BLOCK_SAMPLES):
            yield self._emit(joined[start : start + BLOCK_SAMPLES])

    def _emit(self, samples: NDArray[np.int16]) -> AudioBlock:
        assert self._start_s is not None
        block = AudioBlock(self._start_s, samples, self._gap_s)
        self._gap_s = 0.0
        self._count -= len(samples)
        self._start_s += len(samples) / SAMPLE_RATE_HZ
        return block
