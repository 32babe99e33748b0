"""Judge whether a device delivers real data. Pure: items and times in, a verdict out."""

from __future__ import annotations

import math
import zlib
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from emoedge.frames import AudioBlock, Frame
from emoedge.high_pass import HighPass
from emoedge.translation import joined, tr

FROZEN_S: Final = 10.0
"""Seconds of equal pictures that count as frozen: sensor noise makes two equal pictures next to impossible,
and
a clip may show a still picture for some seconds."""
BLACK_S: Final = 10.0
SILENT_S: Final = 10.0
CLIPPING_S: Final = 10.0
LOW_SOUND_S: Final = 10.0
"""Seconds of audio over which offset and hum are measured: long enough that speech is not taken for an
offset."""
MAX_OFFSET: Final = 0.03
"""Share of full scale; ordinary converters stay below one percent."""
MIN_HUM_POWER: Final = 1e-4
"""Mean square, full scale 1 (-40 dBFS): weaker hum is drowned by ordinary speech."""
RATE_WINDOW: Final = 50

_SAMPLING: Final = 8  # every eighth pixel of every eighth row tells frozen and black as well as all of them
_BLACK_MEAN: Final = 24.0  # video black is 16
_BLACK_SPREAD: Final = 4.0  # a dark room still has noise and a lamp somewhere
_CLIPPED: Final = 32_700  # int16 full scale less a little for converters that stop short of it
_CLIPPED_FRACTION: Final = 0.01
"""Share of a block at full scale that is audible as distortion; single peaks are not."""

State = Literal["ok", "degraded", "failed", "off"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """State of a source; `reason` is empty when it is ok."""

    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PictureSummary:
    """Digest of a frame's pixels, and mean and standard deviation of its luma."""

    digest: int
    mean: float
    spread: float


def summarize_picture(frame: Frame) -> PictureSummary:
    """Return the summary of a frame."""
    pixels = frame.luma if frame.layout == "i420" else frame.data
    coarse = np.ascontiguousarray(pixels[::_SAMPLING, ::_SAMPLING])
    return PictureSummary(zlib.crc32(coarse.tobytes()), float(coarse.mean()), float(coarse.std()))


@dataclass(frozen=True, slots=True)
class SoundSummary:
    """Figures of a block of audio.

    Attributes:
        duration_s: length in seconds.
        silent: whether every sample is the same.
        clipping: whether it is audibly distorted.
        mean: of the samples; full scale is 1.
        power: mean square; full scale is 1.
        speech_power: mean square without what lies below speech.
    """

    duration_s: float
    silent: bool
    clipping: bool
    mean: float
    power: float
    speech_power: float

    @property
    def level_dbfs(self) -> float:
        """Level of the filtered audio, in dB relative to full scale; minus infinity for digital silence."""
        return 10 * math.log10(self.speech_power) if self.speech_power else -math.inf


def summarize_sound(block: AudioBlock, high_pass: HighPass) -> SoundSummary:
    """Return the summary of a block of a stream; `high_pass` has filtered the blocks before it."""
    samples = block.samples
    if not len(samples):
        return SoundSummary(0.0, silent=True, clipping=False, mean=0.0, power=0.0, speech_power=0.0)
    if block.gap_s > 0:
        high_pass.reset()
    wide = samples.astype(np.float32) / np.float32(32768)
    speech = high_pass(samples).astype(np.float32) / np.float32(32768)
    at_full_scale = float(np.mean((samples >= _CLIPPED) | (samples <= -_CLIPPED)))
    return SoundSummary(
        block.duration_s,
        silent=bool(samples.min() == samples.max()),
        clipping=at_full_scale > _CLIPPED_FRACTION,
        mean=float(wide.mean()),
        power=float(wide @ wide) / len(wide),
        speech_power=float(speech @ speech) / len(speech),
    )


@dataclass
class LowSound:
    """Finds an offset, and hum or rumble that dominates, in the latest LOW_SOUND_S of sound."""

    _heard: deque[SoundSummary] = field(default_factory=deque)
    _heard_s: float = 0.0

    def observe(self, summary: SoundSummary) -> None:
        """Take in one more block."""
        self._heard.append(summary)
        self._heard_s += summary.duration_s
        while self._heard_s - self._heard[0].duration_s >= LOW_SOUND_S:
            self._heard_s -= self._heard.popleft().duration_s

    @property
    def is_settled(self) -> bool:
        """Return whether enough sound was heard."""
        return self._heard_s >= LOW_SOUND_S

    @property
    def fault(self) -> str:
        """Fault of the audio so far; empty without one."""
        if not self._heard_s:
            return ""
        offset, power, speech_power = (
            sum(getattr(block, name) * block.duration_s for block in self._heard) / self._heard_s
            for name in ("mean", "power", "speech_power")
        )
        if abs(offset) > MAX_OFFSET:
            return tr("the sound has an offset of {offset:.1%} of full scale", offset=abs(offset))
        low_power = power - offset**2 - speech_power
        if low_power > max(speech_power, MIN_HUM_POWER):
            return tr("hum or rumble below 70 Hz is louder than everything else")
        return ""


LOW_SOUND_REMEDY: Final = tr("use another sound card, cable or power supply, or move the microphone")


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
        """Return the verdict on the pictures so far."""
        last_s = self.arrivals.last_s
        if last_s is None:
            return Verdict("degraded", tr("waiting for the first picture"))
        if self._black_since_s is not None and last_s - self._black_since_s >= BLACK_S:
            return Verdict("degraded", tr("the picture is black: open the lens cover or turn on a light"))
        if last_s - self._same_since_s >= FROZEN_S:
            return Verdict("degraded", tr("the picture is frozen: unplug the camera and plug it in again"))
        return Verdict("ok")


@dataclass
class SoundWatch:
    """Finds dead, overdriven and humming microphones. Times are seconds of one monotonic clock."""

    arrivals: Arrivals = field(default_factory=Arrivals)
    level_dbfs: float = -math.inf
    _low_sound: LowSound = field(default_factory=LowSound)
    _silent_s: float = 0.0
    _since_clipping_s: float = math.inf
    _clipped_blocks: int = 0

    def observe(self, now_s: float, summary: SoundSummary) -> None:
        """Take in one more block."""
        self.arrivals.add(now_s)
        self.level_dbfs = summary.level_dbfs
        self._low_sound.observe(summary)
        self._silent_s = self._silent_s + summary.duration_s if summary.silent else 0.0
        if summary.clipping:
            self._since_clipping_s = 0.0
            self._clipped_blocks += 1
        else:
            self._since_clipping_s += summary.duration_s
            if self._since_clipping_s > CLIPPING_S:
                self._clipped_blocks = 0

    def verdict(self) -> Verdict:
        """Return the verdict on the audio so far."""
        if self.arrivals.last_s is None:
            return Verdict("degraded", tr("waiting for the first audio"))
        if self._silent_s >= SILENT_S:
            return Verdict(
                "degraded", tr("digital silence: the microphone is muted or the wrong one is chosen")
            )
        if self._clipped_blocks >= 3:  # one loud knock is not a fault
            return Verdict("degraded", tr("the sound clips: lower the input level of the microphone"))
        if self._low_sound.is_settled and (fault := self._low_sound.fault):
            return Verdict("degraded", joined((fault, LOW_SOUND_REMEDY), ": "))
        return Verdict("ok")
