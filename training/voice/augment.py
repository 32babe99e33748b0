"""Effects of microphones, rooms and lines on speech, applied at random to training clips.

All are synthetic: coloured noise, babble mixed from other clips, rooms as decaying noise, band limits, speed,
smaller and larger speakers, clipping.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfilt

from emoedge.voice.contours import MIN_SAMPLES, SAMPLE_RATE

Samples = NDArray[np.float32]


def coloured_noise(rng: np.random.Generator, length: int, exponent: float) -> Samples:
    """Return noise of unit power: exponent 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE), 20.0)
    noise = np.fft.irfft(spectrum * frequency ** (-exponent / 2), length)
    return (noise / (noise.std() + 1e-12)).astype(np.float32)


def babble(rng: np.random.Generator, length: int, voices: Sequence[NDArray[np.int16]]) -> Samples:
    """Return five voices at once, unit power."""
    total = np.zeros(length, dtype=np.float32)
    for index in rng.integers(len(voices), size=5):
        voice = voices[index].astype(np.float32)
        total += np.resize(np.roll(voice, rng.integers(len(voice))), length) / (voice.std() + 1.0)
    return total / (total.std() + 1e-12)


def add_noise(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """Add unit-power noise at a signal-to-noise ratio over the whole clip."""
    scale = float(np.sqrt(np.mean(samples**2))) * 10 ** (-snr_db / 20)
    return samples + noise * np.float32(scale)


def reverberate(rng: np.random.Generator, samples: Samples, rt60_s: float, direct_db: float) -> Samples:
    """Simulate a room: the direct sound plus a tail of noise that falls by 60 dB in rt60_s seconds.

    Args:
        rng: generator of the tail.
        samples: float (n,).
        rt60_s: reverberation time.
        direct_db: power of the direct sound relative to the tail.
    """
    length = int(rt60_s * SAMPLE_RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return fftconvolve(samples, tail)[: len(samples)].astype(np.float32)


def band_limit(samples: Samples, low_hz: float, high_hz: float) -> Samples:
    """Simulate a line of limited bandwidth (telephone: 300 to 3400 Hz)."""
    sections = butter(4, (low_hz, min(high_hz, 7900.0)), "bandpass", fs=SAMPLE_RATE, output="sos")
    return sosfilt(sections, samples).astype(np.float32)


def colour(samples: Samples, db_per_octave: float) -> Samples:
    """Simulate a microphone with a linear slope around 1 kHz, at most 12 dB either way."""
    spectrum = np.fft.rfft(samples)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE), 50.0) / 1000)
    gain = 10 ** (np.clip(db_per_octave * octaves, -12, 12) / 20)
    return np.fft.irfft(spectrum * gain, len(samples)).astype(np.float32)


def speed(samples: Samples, factor: float) -> Samples:
    """Change speed and pitch; faster and higher for factors above one."""
    return np.asarray(
        soxr.resample(samples, SAMPLE_RATE * factor, SAMPLE_RATE, quality="LQ"), dtype=np.float32
    )


STRETCH_WINDOW = 480
"""Window of 30 ms: at least two periods of a deep voice."""
STRETCH_REACH = 160
"""Maximum shift of a window in samples to fit its neighbour: a period of 100 Hz."""


def stretch(samples: Samples, factor: float) -> Samples:
    """Slow down by a factor without changing the pitch.

    Each overlapping window is shifted so that it continues the previous one.

    Source: Verhelst & Roelands 1993, WSOLA.
    """
    hop = STRETCH_WINDOW // 2
    fade = np.hanning(STRETCH_WINDOW + 1)[:-1].astype(np.float32)
    count = max(1, int(len(samples) * factor) // hop - 1)
    padded = np.pad(samples, (STRETCH_REACH, STRETCH_WINDOW + hop + 2 * STRETCH_REACH))
    result = np.zeros((count + 1) * hop, dtype=np.float32)
    place = STRETCH_REACH
    for number in range(count):
        wanted = STRETCH_REACH + int(number * hop / factor)
        if number:
            template = padded[place + hop : place + hop + STRETCH_WINDOW]
            around = padded[wanted - STRETCH_REACH : wanted + STRETCH_REACH + STRETCH_WINDOW]
            fit = np.correlate(around, template, "valid")
            place = wanted - STRETCH_REACH + int(np.argmax(fit))
        result[number * hop : number * hop + STRETCH_WINDOW] += padded[place : place + STRETCH_WINDOW] * fade
    return result


def resize(samples: Samples, factor: float) -> Samples:
    """Simulate a smaller speaker for factors above one: higher pitch and formants, same tempo."""
    return stretch(speed(samples, factor), factor)


def crop(
    rng: np.random.Generator, samples: NDArray[Any], shortest_s: float, longest_s: float
) -> NDArray[Any]:
    """Return a part of a clip, similar to the windows on the device."""
    shortest = int(shortest_s * SAMPLE_RATE)
    if len(samples) <= shortest:
        return samples
    length = int(rng.integers(shortest, min(len(samples), int(longest_s * SAMPLE_RATE)) + 1))
    start = int(rng.integers(len(samples) - length + 1))
    return samples[start : start + length]


def record(rng: np.random.Generator, samples: Samples, voices: Sequence[NDArray[np.int16]]) -> Samples:
    """Apply a random room, microphone, noise and line, in place of those of the studio."""
    if rng.random() < 0.35:
        samples = reverberate(rng, samples, rng.uniform(0.15, 0.8), rng.uniform(0.0, 12.0))
    if rng.random() < 0.5:
        samples = colour(samples, rng.uniform(-3.0, 3.0))
    if rng.random() < 0.5:
        voiced_noise = rng.random() < 0.3
        noise = (
            babble(rng, len(samples), voices)
            if voiced_noise
            else coloured_noise(rng, len(samples), rng.uniform(0.0, 2.0))
        )
        samples = add_noise(samples, noise, rng.uniform(3.0, 30.0))
    if rng.random() < 0.3:
        samples = band_limit(samples, rng.choice([60.0, 120.0, 300.0]), rng.uniform(3300.0, 7500.0))
    if rng.random() < 0.1:
        limit = np.quantile(np.abs(samples), rng.uniform(0.98, 0.999))
        samples = np.clip(samples, -limit, limit)
    return samples


def distort(
    rng: np.random.Generator, clip: NDArray[np.int16], voices: Sequence[NDArray[np.int16]]
) -> NDArray[np.float32]:
    """Apply one random, realistic distortion: float32 samples around [-1, 1], at least MIN_SAMPLES."""
    samples = clip.astype(np.float32) / np.float32(32768)
    kind = rng.random()
    if kind < 0.3:
        samples = speed(samples, rng.uniform(0.92, 1.08))
    elif kind < 0.6:
        samples = resize(samples, rng.uniform(1.1, 1.35))
    elif kind < 0.75:
        samples = resize(samples, rng.uniform(0.82, 0.95))
    size = rng.random()
    if size < 0.3:
        samples = crop(rng, samples, 1.2, 4.0)
    elif size < 0.45:
        samples = crop(rng, samples, 0.35, 1.2)
    samples = record(rng, samples, voices)
    if len(samples) < MIN_SAMPLES:
        samples = np.pad(samples, (0, MIN_SAMPLES - len(samples)))
    return samples
