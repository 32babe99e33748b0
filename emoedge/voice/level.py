"""Level of the speech and its distance to the noise."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.frames import AudioBlock
from emoedge.observations import LEVEL_STEP_S, SoundLevel
from emoedge.voice.contours import SAMPLE_RATE, as_samples

FRAME: Final = round(SAMPLE_RATE * LEVEL_STEP_S)
"""20 ms: shorter than the gaps between syllables, in which the noise shows."""
MEMORY_S: Final = 8.0
"""The noise floor follows a fan that starts within this time, and outlasts a sentence without a pause."""
TOGETHER_S: Final = 1.0
"""Sound measured in one go: what it takes hardly depends on its length."""
FLOOR_PERCENTILE: Final = 8.0
"""Speech pauses for more than a tenth of the time, so the quietest frames are noise."""
FLOOR_BIAS_DB: Final = 1.0
"""The low percentile of frames of steady noise lies about this far below its mean."""
SILENCE_DBFS: Final = -100.0
"""Digital silence is reported as this."""
SNR_RANGE_DB: Final = (-10.0, 60.0)
FULL_SCALE_POWER: Final = 1 / 32768**2
"""From squares of int16 samples to those in which full scale is 1."""


def frame_powers(samples: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    """Mean square of each whole frame of mono samples; full scale is 1."""
    return _frame_powers(as_samples(samples).astype(np.float64))


def _frame_powers(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    frames = signal[: len(signal) // FRAME * FRAME].reshape(-1, FRAME)
    return np.asarray(np.add.reduce(frames * frames, axis=1)) / FRAME


def to_db(power: float) -> float:
    """Power relative to full scale in dB, at least SILENCE_DBFS."""
    return max(SILENCE_DBFS, 10.0 * math.log10(max(power, 1e-12)))


def noise_power(powers: NDArray[np.float64]) -> float:
    """Power of the noise under a mixture of speech and pauses, from frame powers (n,), n >= 1."""
    return float(np.percentile(powers, FLOOR_PERCENTILE)) * 10 ** (FLOOR_BIAS_DB / 10)


def snr_db(speech_power: float, noise: float) -> float:
    """Speech over noise in dB when `speech_power` still holds the noise; within SNR_RANGE_DB."""
    ratio = max(speech_power - noise, 1e-12) / max(noise, 1e-12)
    low, high = SNR_RANGE_DB
    return min(max(10.0 * math.log10(ratio), low), high)


def sound_level(block: AudioBlock) -> SoundLevel:
    """Level of each 20 ms of a block; a microphone's constant offset is not sound."""
    samples = block.samples
    if len(samples) < FRAME:
        return SoundLevel(block.time_s, ())
    signal = samples.astype(np.float64)
    signal -= float(np.add.reduce(signal)) / len(signal)
    powers = (_frame_powers(signal) * FULL_SCALE_POWER).tolist()
    return SoundLevel(block.time_s, tuple(map(to_db, powers)))


class NoiseFloor:
    """Noise floor of a stream through speech and pauses (after Martin 2001, minimum statistics)."""

    def __init__(self) -> None:
        self._powers: deque[float] = deque(maxlen=int(MEMORY_S * SAMPLE_RATE / FRAME))
        self._waiting: list[NDArray[np.int16]] = []
        self._waiting_samples = 0

    def feed(self, samples: NDArray[np.int16]) -> None:
        """Add the next samples, int16 (n,) at 16 kHz; they are kept, not copied, for up to TOGETHER_S."""
        self._waiting.append(samples)
        self._waiting_samples += len(samples)
        if self._waiting_samples >= TOGETHER_S * SAMPLE_RATE:
            self._measure()

    @property
    def power(self) -> float:
        """Noise power, full scale 1; 0 before anything was heard."""
        self._measure()
        return noise_power(np.array(self._powers)) if self._powers else 0.0

    def reset(self) -> None:
        """Discard everything measured so far."""
        self._powers.clear()
        self._waiting.clear()
        self._waiting_samples = 0

    def _measure(self) -> None:
        """Process the whole frames of the waiting samples."""
        if self._waiting_samples < FRAME:
            return
        joined = np.concatenate(self._waiting)
        whole = len(joined) // FRAME * FRAME
        self._powers.extend(frame_powers(joined[:whole]).tolist())
        self._waiting = [joined[whole:]]
        self._waiting_samples = len(joined) - whole
