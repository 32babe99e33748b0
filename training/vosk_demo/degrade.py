"""Degrade clean synthetic speech to resemble that of a microphone or of a clip's audio track.

Level, noise, tilt, room and a lossy codec, all drawn from one seeded generator; none
of it moves the speech in time by more than a millisecond or two.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from .espeak import RATE

CODEC_SHARE = 0.3
"""Share of sentences that go through AAC: the demonstration clip's own codec."""


@dataclass(frozen=True)
class Placed:
    """A degraded sound (float32, -1…1, 16 kHz) and the start of the speech in it, in seconds."""

    samples: np.ndarray
    offset_s: float


def pad(samples: np.ndarray, before_s: float, after_s: float) -> np.ndarray:
    """Return the sound with silence before and after."""
    return np.pad(samples, (round(before_s * RATE), round(after_s * RATE)))


def noise(rng: np.random.Generator, count: int, colour: float) -> np.ndarray:
    """Return `count` samples of unit-power noise whose power falls as 1/f**colour."""
    size = 1 << max(1, (count - 1).bit_length())
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 50.0)
    shaped = np.fft.irfft(spectrum / frequency ** (colour / 2))[:count]
    return shaped / (np.sqrt(np.mean(shaped**2)) + 1e-9)


def tilt(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """Return the sound with a smooth random frequency response of a few decibels."""
    spectrum = np.fft.rfft(samples)
    points = np.linspace(0, RATE / 2, 6)
    gain_db = np.interp(np.fft.rfftfreq(len(samples), 1 / RATE), points, rng.uniform(-5, 5, 6))
    return np.fft.irfft(spectrum * 10 ** (gain_db / 20), len(samples))


def room(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """Return the sound with a short, weak, synthetic reverberation after the direct path."""
    length = round(rng.uniform(0.05, 0.25) * RATE)
    decay = np.exp(-6.9 * np.arange(length) / length)
    tail = rng.standard_normal(length) * decay
    tail *= rng.uniform(0.1, 0.6) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    size = len(samples) + length
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)
    return wet[: len(samples)]


def through_aac(samples: np.ndarray, bit_rate: int) -> np.ndarray:
    """Return the sound after AAC encoding and decoding, in step with the original."""
    import av

    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)[None, :]
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    file.seek(0)
    result = np.zeros(len(samples), np.float32)
    with av.open(file) as container:
        for frame in container.decode(audio=0):
            block = frame.to_ndarray()[0]
            start = round(frame.pts * float(frame.time_base) * RATE)
            first, last = max(start, 0), min(start + len(block), len(result))
            if last > first:
                result[first:last] = block[first - start : last - start]
    return result


def degrade(rng: np.random.Generator, speech: np.ndarray) -> Placed:
    """Return one random degradation of clean speech, with silence around it."""
    before, after = rng.uniform(0.1, 0.7), rng.uniform(0.2, 0.7)
    sound = pad(speech, before, after)
    if rng.random() < 0.5:
        sound = tilt(rng, sound)
    if rng.random() < 0.3:
        sound = room(rng, sound)
    level = 10 ** (rng.uniform(-38, -14) / 20)
    sound = sound * level / (np.sqrt(np.mean(speech**2)) + 1e-9)
    if rng.random() < 0.8:
        snr_db = rng.uniform(8, 45)
        sound = sound + noise(rng, len(sound), rng.uniform(0, 2)) * level * 10 ** (-snr_db / 20)
    if rng.random() < CODEC_SHARE:
        sound = through_aac(sound, int(rng.choice([48000, 64000, 96000])))
    return Placed(np.clip(sound, -1, 1).astype(np.float32), before)
