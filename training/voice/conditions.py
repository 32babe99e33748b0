"""Degradations of the test clips (noise, line, room, gain), the same in every run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.voice.augment import add_noise, babble, band_limit, coloured_noise, reverberate

Samples = NDArray[np.float32]
Spoil = Callable[[np.random.Generator, Samples, Sequence[NDArray[np.int16]]], Samples]


def _pink(snr_db: float) -> Spoil:
    return lambda rng, samples, _: add_noise(samples, coloured_noise(rng, len(samples), 1.0), snr_db)


def _babble(snr_db: float) -> Spoil:
    return lambda rng, samples, voices: add_noise(samples, babble(rng, len(samples), voices), snr_db)


def _gain(gain_db: float) -> Spoil:
    # Loud recordings clip at +20 dB, as they would in a microphone turned up too far.
    return lambda _rng, samples, _voices: np.clip(
        samples * np.float32(10 ** (gain_db / 20)), -1.0, 32767 / 32768
    )


CONDITIONS: Final[dict[str, Spoil]] = {
    "as recorded": lambda _rng, samples, _voices: samples,
    "pink noise, SNR 20 dB": _pink(20.0),
    "pink noise, SNR 10 dB": _pink(10.0),
    "pink noise, SNR 5 dB": _pink(5.0),
    "pink noise, SNR 0 dB": _pink(0.0),
    "babble, SNR 10 dB": _babble(10.0),
    "telephone, 300 to 3400 Hz": lambda _rng, samples, _voices: band_limit(samples, 300.0, 3400.0),
    "room, RT60 0.5 s": lambda rng, samples, _voices: reverberate(rng, samples, 0.5, 3.0),
    "gain +20 dB": _gain(20.0),
    "gain -20 dB": _gain(-20.0),
}
"""Signal-to-noise ratio over the whole clip including pauses, so it is higher during speech."""


def spoil(
    condition: str, number: int, samples: NDArray[np.int16], voices: Sequence[NDArray[np.int16]]
) -> NDArray[np.int16]:
    """Return one clip under a condition, int16; the clip's number seeds the noise."""
    rng = np.random.default_rng((77, number))
    spoilt = CONDITIONS[condition](rng, samples.astype(np.float32) / np.float32(32768), voices)
    return np.clip(np.rint(spoilt * 32768), -32768, 32767).astype(np.int16)
