"""Buffer of the latest seconds of audio."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock


class History:
    """Keeps the latest seconds of audio contiguous without moving them at every block.

    Args:
        seconds: kept at least.
    """

    def __init__(self, seconds: float) -> None:
        self._kept = int(seconds * SAMPLE_RATE_HZ)
        self._samples = np.zeros(0, dtype=np.int16)
        self._count = 0
        self.end_s = 0.0
        """Time after the last sample, seconds."""

    def clear(self) -> None:
        """Discard the audio but keep the time."""
        self._count = 0

    def add(self, block: AudioBlock) -> None:
        """Take in the next block."""
        count = len(block.samples)
        if self._count + count > len(self._samples):
            kept = self._samples[max(0, self._count - self._kept) : self._count].copy()
            if len(kept) + count > len(self._samples):
                self._samples = np.zeros(2 * (self._kept + count), dtype=np.int16)
            self._samples[: len(kept)] = kept
            self._count = len(kept)
        self._samples[self._count : self._count + count] = block.samples
        self._count += count
        self.end_s = block.end_s

    def between(self, start_s: float, end_s: float) -> NDArray[np.int16]:
        """Audio between two times, int16 (n,), as far as kept; a view that the next block may change."""
        origin_s = self.end_s - self._count / SAMPLE_RATE_HZ
        first = max(0, round((start_s - origin_s) * SAMPLE_RATE_HZ))
        last = min(self._count, max(first, round((end_s - origin_s) * SAMPLE_RATE_HZ)))
        return self._samples[first:last]
