"""Position of each audio sample on the timeline of a segment. Pure.

A microphone's crystal and the clock that stamps its blocks do not agree exactly, and stamps jitter.
Blocks are simply joined while they stay within DRIFT_S of their stamps; beyond that the track is set
right by silence or by leaving out what overlaps, so picture and sound never part by more than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock

DRIFT_S: Final = 0.03
"""Below the 40 ms at which lip sync is noticed (ITU-R BT.1359: +45/-125 ms detectable)."""
MAX_SILENCE_S: Final = 3600.0
"""Maximum length of a segment; a block stamped further ahead has a wrong stamp."""


@dataclass
class SoundTrack:
    """Places blocks on a gapless track that starts at `start_s`.

    Attributes:
        start_s: time of the first sample, on the source's clock.
        written: samples placed so far.
        silence_s: silence put in where sound was missing, seconds.
        left_out_s: sound left out because something was already in its place, seconds.
    """

    start_s: float
    written: int = 0
    silence_s: float = 0.0
    left_out_s: float = 0.0

    def place(self, block: AudioBlock) -> NDArray[np.int16]:
        """Samples to append, int16 (n,): silence for a gap, then what of the block is new."""
        want = round((block.time_s - self.start_s) * SAMPLE_RATE_HZ)
        drift = want - self.written
        samples = block.samples
        missing = 0
        known_gap = block.gap_s > 0 or self.written == 0
        if drift > 0 and (known_gap or drift > DRIFT_S * SAMPLE_RATE_HZ):
            missing = min(drift, int(MAX_SILENCE_S * SAMPLE_RATE_HZ))
            self.silence_s += missing / SAMPLE_RATE_HZ
        elif drift < -DRIFT_S * SAMPLE_RATE_HZ or (drift < 0 and self.written == 0):
            overlap = min(-drift, len(samples))
            samples = samples[overlap:]
            if self.written:
                self.left_out_s += overlap / SAMPLE_RATE_HZ
        self.written += missing + len(samples)
        return np.concatenate((np.zeros(missing, dtype=np.int16), samples)) if missing else samples
