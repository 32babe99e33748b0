"""Synthetic emotional speech for the demonstration clip: espeak-ng says the words, WORLD changes the way.

The changes are those by which acted emotion is described (Murray and Arnott 1993; Banse and Scherer 1996;
Schröder 2001): height, range and line of the pitch, tempo, loudness, brightness, breath and tremor. WORLD
(Morise et al. 2016) takes the speech apart into pitch, spectral envelope and aperiodicity and puts it
together again. Needs espeak-ng, and `pip install pyworld scipy "setuptools<81"`.
"""

from __future__ import annotations

import io
import subprocess
import wave
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import pyworld
import soxr
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import fftconvolve

Floats = NDArray[np.float64]

RATE: Final = 16_000
LEVEL_DBFS: Final = -22.0
"""Level of calm speech at arm's length from a microphone."""
VOICE: Final = ("-v", "es+f2", "-s", "140", "-p", "30")
FRAME_MS: Final = 5.0
PITCH_HZ: Final = 100.0
"""Zero of the pitch scale."""
SMOOTH_FRAMES: Final = 2.0
CONTRAST: Final = 0.8
"""espeak-ng moves between sounds faster and further than a human mouth."""
ECHO_S: Final = 0.35
"""Reverberation time of the room."""
ECHO_AFTER_S: Final = 0.008
ECHO: Final = 0.35
SILENCE: Final = 0.003
TREMOR_HZ: Final = 5.5


@dataclass(frozen=True, slots=True)
class Style:
    """Way of speaking.

    Attributes:
        height: median pitch, semitones above PITCH_HZ.
        expand: factor of the pitch range.
        slope: change of the pitch from beginning to end, semitones.
        arch: height of the middle of the pitch line over its ends, semitones.
        final: rise of the pitch over the last third, semitones.
        tremor: slow fluctuation of the pitch, semitones.
        jitter: irregularity of the pitch, semitones.
        tempo: factor.
        tract: factor of the formants; above 1 as with spread lips.
        tilt: brightness, dB per octave.
        effort: additional tilt where the pitch is four semitones above its mean, dB per octave.
        swell: change of the loudness from beginning to end, dB.
        accent: loudness per semitone above the mean pitch, dB.
        breath: added share of noise at 4 kHz and above.
        gain: loudness against calm speech, dB.
    """

    height: float
    expand: float
    slope: float
    arch: float
    final: float
    tremor: float
    jitter: float
    tempo: float
    tract: float
    tilt: float
    effort: float
    swell: float
    accent: float
    breath: float
    gain: float


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Speech taken apart, a row for each FRAME_MS.

    Attributes:
        pitch: semitones above PITCH_HZ, relative to their median; gaps are bridged, (n,).
        voiced: bool (n,).
        envelope: logarithm of the power, (n, bins).
        noise: aperiodicity 0..1, (n, bins).
    """

    pitch: Floats
    voiced: NDArray[np.bool_]
    envelope: Floats
    noise: Floats


@lru_cache(maxsize=64)
def read_aloud(sentence: str) -> Parts:
    """Return a sentence as espeak-ng says it, without the silence around it."""
    command = ["espeak-ng", *VOICE, "--stdout", sentence]
    sound = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(sound)) as reader:
        rate = reader.getframerate()
        samples = np.frombuffer(reader.readframes(reader.getnframes()), np.int16)
    speech = soxr.resample(samples.astype(np.float64) / 32768, rate, RATE)
    loud = np.flatnonzero(np.abs(speech) > SILENCE)
    speech = speech[max(0, loud[0] - RATE // 40) : loud[-1] + RATE // 20]
    pitch_hz, times_s = pyworld.harvest(speech, RATE, f0_floor=70, f0_ceil=400, frame_period=FRAME_MS)
    envelope = pyworld.cheaptrick(speech, pitch_hz, times_s, RATE)
    noise = pyworld.d4c(speech, pitch_hz, times_s, RATE)
    voiced = pitch_hz > 0
    pitch = np.interp(np.arange(len(pitch_hz)), np.flatnonzero(voiced), semitones(pitch_hz[voiced]))
    return Parts(pitch - np.median(pitch), voiced, np.log(envelope + 1e-12), noise)


def semitones(pitch_hz: Floats) -> Floats:
    """Return pitches in semitones above PITCH_HZ."""
    return 12 * np.log2(pitch_hz / PITCH_HZ)


def speak(sentence: str, style: Style) -> Floats:
    """Return a sentence spoken in a style: float64 mono at RATE, with the echo of the room."""
    parts = read_aloud(sentence)
    count = len(parts.pitch)
    place = np.linspace(0.0, count - 1.0, round(count / style.tempo))
    along = place / (count - 1.0)
    pitch = pitch_line(gaussian_filter1d(np.interp(place, np.arange(count), parts.pitch), 4.0), along, style)
    envelope = envelope_of(between(parts.envelope, place), pitch - pitch.mean(), along, style)
    frequency = frequencies(parts.noise.shape[1])
    noise = warped(between(parts.noise, place), style.tract)
    noise = np.clip(noise + style.breath * np.clip(frequency / 4000, 0.0, 1.0), 1e-3, 1.0)
    voiced = parts.voiced[np.rint(place).astype(int)]
    pitch_hz = np.where(voiced, PITCH_HZ * 2 ** (pitch / 12), 0.0)
    speech = in_room(pyworld.synthesize(pitch_hz, np.exp(envelope), noise, RATE, FRAME_MS))
    level = np.sqrt(np.mean(speech[np.abs(speech) > 0.01 * np.abs(speech).max()] ** 2))
    return speech * (10 ** ((LEVEL_DBFS + style.gain) / 20) / level)


def pitch_line(read: Floats, along: Floats, style: Style) -> Floats:
    """Return the pitch of a style in semitones, from that of espeak-ng (n,) and the place 0..1 (n,)."""
    uneven = gaussian_filter1d(np.random.default_rng(1).standard_normal(len(read)), 1.0)
    tremor = np.sin(2 * np.pi * TREMOR_HZ * np.arange(len(read)) * FRAME_MS / 1000)
    return (
        style.height
        + style.expand * read
        + style.slope * (along - 0.5)
        + style.arch * (1 / 3 - (2 * along - 1) ** 2)
        + style.final * np.clip((along - 0.65) / 0.35, 0.0, 1.0) ** 2
        + style.tremor * tremor
        + style.jitter * uneven
    )


def envelope_of(envelope: Floats, above: Floats, along: Floats, style: Style) -> Floats:
    """Return the envelope (n, bins) of a style; `above` is the pitch over its mean, (n,)."""
    db = np.log(10) / 10
    octaves = np.log2(np.maximum(frequencies(envelope.shape[1]), 100.0) / 1000)
    shaped = warped(gaussian_filter1d(envelope, SMOOTH_FRAMES, axis=0), style.tract)
    shaped = shaped + db * np.outer(style.tilt + style.effort * above / 4, octaves)
    shaped = shaped + db * (style.swell * (along - 0.5) + style.accent * above)[:, None]
    mean = shaped.mean(axis=0)
    return np.ascontiguousarray(mean + CONTRAST * (shaped - mean))


def frequencies(bins: int) -> Floats:
    """Return the frequencies of the bins of an envelope, Hz."""
    return np.linspace(0.0, RATE / 2, bins)


def between(rows: Floats, place: Floats) -> Floats:
    """Return rows (n, bins) interpolated at places 0..n−1."""
    before = np.floor(place).astype(int)
    share = (place - before)[:, None]
    return rows[before] * (1 - share) + rows[np.minimum(before + 1, len(rows) - 1)] * share


def warped(rows: Floats, factor: float) -> Floats:
    """Return rows (n, bins) with every frequency multiplied by a factor."""
    place = np.minimum(np.arange(rows.shape[1]) / factor, rows.shape[1] - 1.0)
    return np.ascontiguousarray(between(rows.T, place).T)


def in_room(speech: Floats) -> Floats:
    """Return speech with the echo of a small room, longer by ECHO_S."""
    length = round(ECHO_S * RATE)
    echo = np.random.default_rng(3).standard_normal(length) * 10 ** (-3 * np.arange(length) / length)
    echo[: round(ECHO_AFTER_S * RATE)] = 0.0
    whole = np.concatenate([speech, np.zeros(length - 1)])
    return whole + ECHO * fftconvolve(speech, echo / np.sqrt(np.sum(echo**2)))
