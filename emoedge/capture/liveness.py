"""Whether what a device delivers is alive: pure, what arrived and the time in, a verdict out."""

from __future__ import annotations

import math
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from emoedge.types import Frame, SoundBlock

FROZEN_S: Final = 10.0
"""The noise of a sensor makes two equal pictures next to impossible; ten seconds also spare a clip that holds still."""
BLACK_S: Final = 10.0
SILENT_S: Final = 10.0
CLIPPING_S: Final = 10.0
RATE_WINDOW: Final = 50

_SAMPLING: Final = 8  # every eighth pixel of every eighth row tells frozen and black as well as all of them
_BLACK_MEAN: Final = 24.0  # video black is 16
_BLACK_SPREAD: Final = 4.0  # a dark room still has noise and a lamp somewhere
_CLIPPED: Final = 32_700  # int16 full scale less a little for converters that stop short of it
_CLIPPED_FRACTION: Final = 0.01
"""So much of a block at full scale is heard as distortion; single peaks are not."""

State = Literal["ok", "degraded", "failed", "off"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say of a source; `reason` is empty when ok."""

    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PictureSummary:
    """What liveness needs of a frame: a digest of its pixels, mean and standard deviation of the luma."""

    digest: int
    mean: float
    spread: float


def summarize_picture(frame: Frame) -> PictureSummary:
    """A coarse look at a frame."""
    pixels = frame.data[: frame.height : _SAMPLING, : frame.width : _SAMPLING]
    coarse = np.ascontiguousarray(pixels)
    return PictureSummary(zlib.crc32(coarse.tobytes()), float(coarse.mean()), float(coarse.std()))


@dataclass(frozen=True, slots=True)
class SoundSummary:
    """What liveness needs of a block: its length, whether it is digital silence, whether it clips, its level."""

    duration_s: float
    silent: bool
    clipping: bool
    level_dbfs: float


def summarize_sound(block: SoundBlock) -> SoundSummary:
    """A coarse look at a block."""
    samples = block.samples
    if not len(samples):
        return SoundSummary(0.0, silent=True, clipping=False, level_dbfs=-math.inf)
    wide = samples.astype(np.float32)
    power = float(np.mean(wide * wide))
    at_full_scale = float(np.mean((samples >= _CLIPPED) | (samples <= -_CLIPPED)))
    return SoundSummary(
        block.duration_s,
        silent=power == 0.0,
        clipping=at_full_scale > _CLIPPED_FRACTION,
        level_dbfs=20 * math.log10(math.sqrt(power) / 32768) if power else -math.inf,
    )


@dataclass
class Arrivals:
    """Counts what arrives, and how fast."""

    count: int = 0
    last_s: float | None = None
    _times_s: deque[float] = field(default_factory=lambda: deque(maxlen=RATE_WINDOW))

    def add(self, now_s: float) -> None:
        """One more item at `now_s`."""
        self.count += 1
        self.last_s = now_s
        self._times_s.append(now_s)

    def rate_hz(self, now_s: float) -> float:
        """Items a second over the last RATE_WINDOW items; falls when nothing comes any more."""
        if len(self._times_s) < 2:
            return 0.0
        span_s = max(now_s, self._times_s[-1]) - self._times_s[0]
        return (len(self._times_s) - 1) / span_s if span_s > 0 else 0.0


@dataclass
class PictureWatch:
    """Finds frozen and black pictures. Times are seconds of one monotonic clock."""

    arrivals: Arrivals = field(default_factory=Arrivals)
    _digest: int | None = None
    _same_since_s: float = 0.0
    _black_since_s: float | None = None

    def observe(self, now_s: float, summary: PictureSummary) -> None:
        """Take in one more frame."""
        self.arrivals.add(now_s)
        if summary.digest != self._digest:
            self._digest = summary.digest
            self._same_since_s = now_s
        black = summary.mean <= _BLACK_MEAN and summary.spread <= _BLACK_SPREAD
        if not black:
            self._black_since_s = None
        elif self._black_since_s is None:
            self._black_since_s = now_s

    def verdict(self) -> Verdict:
        """What the pictures up to the last one say."""
        last_s = self.arrivals.last_s
        if last_s is None:
            return Verdict("degraded", "waiting for the first picture")
        if self._black_since_s is not None and last_s - self._black_since_s >= BLACK_S:
            return Verdict("degraded", "the picture is black: open the lens cover or turn on a light")
        if last_s - self._same_since_s >= FROZEN_S:
            return Verdict("degraded", "the picture is frozen: unplug the camera and plug it in again")
        return Verdict("ok")


@dataclass
class SoundWatch:
    """Finds dead and overdriven microphones. Times are seconds of one monotonic clock."""

    arrivals: Arrivals = field(default_factory=Arrivals)
    level_dbfs: float = -math.inf
    _silent_s: float = 0.0
    _since_clipping_s: float = math.inf
    _clipped_blocks: int = 0

    def observe(self, now_s: float, summary: SoundSummary) -> None:
        """Take in one more block."""
        self.arrivals.add(now_s)
        self.level_dbfs = summary.level_dbfs
        self._silent_s = self._silent_s + summary.duration_s if summary.silent else 0.0
        if summary.clipping:
            self._since_clipping_s = 0.0
            self._clipped_blocks += 1
        else:
            self._since_clipping_s += summary.duration_s
            if self._since_clipping_s > CLIPPING_S:
                self._clipped_blocks = 0

    def verdict(self) -> Verdict:
        """What the sound up to the last block says."""
        if self.arrivals.last_s is None:
            return Verdict("degraded", "waiting for the first sound")
        if self._silent_s >= SILENT_S:
            return Verdict("degraded", "digital silence: the microphone is muted or the wrong one is chosen")
        if self._clipped_blocks >= 3:  # one loud knock is no fault
            return Verdict("degraded", "the sound clips: lower the input level of the microphone")
        return Verdict("ok")
