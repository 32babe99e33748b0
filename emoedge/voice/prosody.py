"""Functionals of pitch, energy and rhythm: how high, how loud, how fast, and along which line.

Source: de Jong & Wempe 2009 for syllable nuclei from the energy envelope.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.contours import FRAMES_PER_SECOND, TO_DB, Contours
from emoedge.voice.statistics import (
    MIN_VOICED_FRAMES,
    Floats,
    Frames,
    Mask,
    Named,
    centred,
    mean,
    moved,
    percentiles_sorted,
    run_bounds,
    slope,
    smooth,
    steps,
)

LEVEL_FEATURE: Final = "level_db"
"""The one functional that depends on the gain."""


def pitch_functionals(heard: Contours, voiced: Frames) -> Named:
    """Height, spread, direction and speed of the pitch, in semitones and seconds."""
    pitch = heard.f0_st.take(voiced.index)
    rest, centre, std = centred(pitch)
    low, middle, high = percentiles_sorted(np.sort(pitch), 10, 50, 90)
    moves = steps(heard.f0_st).take(voiced.pairs)
    # Steps above 4 semitones in 10 ms are tracking errors or new syllables, not intonation.
    moves = moves[np.abs(moves) < 4.0]
    moves = moves if len(moves) else np.zeros(1, np.float32)
    rise, fall = moved(moves)
    third = max(1, len(pitch) // 3)
    first, peak, last = (int(voiced.index[place]) for place in (0, int(pitch.argmax()), -1))
    return {
        "f0_mean": centre,
        "f0_std": std,
        "f0_p10": low,
        "f0_p50": middle,
        "f0_p90": high,
        "f0_range": high - low,
        "f0_skew": float(rest * rest @ rest) / len(rest) / (std**3 + 1.0),
        "f0_slope": min(max(slope(voiced.index, rest, FRAMES_PER_SECOND), -15.0), 15.0),
        "f0_end": mean(rest[-third:]),
        "f0_start": mean(rest[:third]),
        "f0_speed": (rise - fall) * FRAMES_PER_SECOND,
        "f0_rise": rise * FRAMES_PER_SECOND,
        "f0_jerk": mean(np.abs(steps(moves))) if len(moves) > 1 else 0.0,
        "f0_peak_at": (peak - first) / max(float(last - first), 0.1 * FRAMES_PER_SECOND),
    }


def energy_functionals(heard: Contours, speech: Frames) -> Named:
    """Level, and the energy of the loud frames relative to it, in dB."""
    energy = heard.energy_db.take(speech.index)
    level = float(np.log(mean(np.exp(energy / TO_DB))) * TO_DB)
    rest, centre, std = centred(energy)
    low, middle, high = percentiles_sorted(np.sort(energy), 10, 50, 90)
    moves = steps(heard.energy_db).take(speech.pairs)
    moves = moves if len(moves) else np.zeros(1, np.float32)
    rise, fall = moved(moves)
    third = max(1, len(energy) // 3)
    return {
        LEVEL_FEATURE: level,
        "energy_mean": centre - level,
        "energy_std": std,
        "energy_p10": low - level,
        "energy_p50": middle - level,
        "energy_p90": high - level,
        "energy_slope": min(max(slope(speech.index, rest, FRAMES_PER_SECOND), -30.0), 30.0),
        "energy_end": mean(rest[-third:]),
        "energy_start": mean(rest[:third]),
        "energy_rise": rise,
        "energy_fall": fall,
        "energy_rise_p90": percentiles_sorted(np.sort(moves), 90)[0],
    }


MODULATION_HZ: Final = ((1.0, 2.5), (2.5, 4.5), (4.5, 7.0), (7.0, 12.0))
"""Bands of the energy envelope: phrase, stress, syllable, and faster than syllables (tremor, trills)."""


BEATS: Final = 512
"""Length of the transform of an envelope: five seconds."""


@lru_cache(16)
def hanning(length: int) -> NDArray[np.float64]:
    """A window of some frames."""
    return np.hanning(length)


def beat_matrix(bands_hz: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Sums of the squares of real and imaginary parts of an envelope's transform over bands: (514, bands)."""
    frequency = np.repeat(np.fft.rfftfreq(BEATS, 1 / FRAMES_PER_SECOND), 2)[:, None]
    low, high = np.array(bands_hz).T
    return ((frequency >= low) & (frequency < high)).astype(np.float64)


def beats(envelopes: NDArray[np.floating], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power of envelopes (k, n) in the bands of a `beat_matrix`: (k, bands)."""
    spectrum = np.fft.rfft(envelopes * hanning(envelopes.shape[1]), BEATS, axis=1).view(np.float64)
    return np.asarray(np.square(spectrum, out=spectrum) @ matrix)


@cache
def _modulation_matrix() -> NDArray[np.float64]:
    """The bands of MODULATION_HZ, and 1 to 16 Hz."""
    return beat_matrix((*MODULATION_HZ, (1.0, 16.0)))


def _valleys(envelope: Floats) -> Floats:
    """The higher of the lowest points within 100 ms before and after each frame."""
    lowest = np.concatenate((np.full(10, envelope[0]), envelope, np.full(10, envelope[-1])))
    for reach in (1, 2, 4, 3):  # of 2, 4, 8 and 11 frames
        lowest = np.minimum(lowest[:-reach], lowest[reach:])
    return np.maximum(lowest[:-10], lowest[10:])


def rhythm_functionals(heard: Contours, voiced: Frames, speech: Frames) -> Named:
    """Voiced runs, pauses and syllables, in seconds and per second; how fast the envelope beats."""
    count = len(heard.speech)
    seconds, loud_share = count / FRAMES_PER_SECOND, len(speech) / count
    runs, pauses = (
        ((ends - starts) / FRAMES_PER_SECOND).tolist()
        for starts, ends in (run_bounds(voiced.mask), run_bounds(~heard.speech))
    )
    envelope = smooth(np.maximum(heard.energy_db, heard.energy_db.max() - np.float32(40.0)), 7)
    middle = envelope[1:-1]
    peaks = (middle > envelope[:-2]) & (middle >= envelope[2:]) & (heard.speech & voiced.mask)[1:-1]
    # A nucleus stands 2 dB above the valley beside it.
    nuclei = np.count_nonzero(peaks & (envelope - _valleys(envelope) > 2.0)[1:-1])
    *shares, total = beats((envelope - np.float32(mean(envelope)))[None], _modulation_matrix())[0].tolist()
    named = {
        "voiced_share": len(voiced) / count / max(loud_share, 0.05),
        "loud_share": loud_share,
        "voiced_runs": len(runs) / seconds,
        "voiced_run_mean": sum(runs) / len(runs) if runs else 0.0,
        "voiced_run_max": max(runs, default=0.0),
        "pauses": len(pauses) / seconds,
        "pause_max": max(pauses, default=0.0),
        "syllables": nuclei / max(seconds * loud_share, 0.25),
        "voicing_mean": mean(heard.harmonicity.take(speech.index)),
    }
    for (low, _), share in zip(MODULATION_HZ, shares, strict=True):
        named[f"modulation_{low:g}hz"] = share / (total + 1e-9)
    return named


SHAPE_POINTS: Final = 32
"""Points of a contour of unit length: finer than the fastest wave needs."""

SHAPE_WAVES: Final = 4


@cache
def _waves() -> Floats:
    """The first cosines over a contour, (SHAPE_POINTS, SHAPE_WAVES)."""
    grid = np.pi / SHAPE_POINTS * (np.arange(SHAPE_POINTS)[:, None] + 0.5) * np.arange(1, SHAPE_WAVES + 1)
    return (np.cos(grid) * (2.0 / SHAPE_POINTS)).astype(np.float32)


@cache
def _shape_places() -> NDArray[np.float64]:
    return np.linspace(0.0, 1.0, SHAPE_POINTS)


def _shape(frames: NDArray[np.intp], values: Floats) -> list[float]:
    """Cosine coefficients of a contour known at some frames, gaps bridged, stretched to unit length."""
    places = frames[0] + _shape_places() * (frames[-1] - frames[0])
    coefficients: list[float] = (np.interp(places, frames, values).astype(np.float32) @ _waves()).tolist()
    return coefficients


def melody_functionals(heard: Contours, voiced: Frames, speech: Frames) -> Named:
    """Shape of the pitch and energy contours and of the voiced runs: accents, end of the phrase."""
    pitch = heard.f0_st.take(voiced.index)
    named = {f"f0_wave{i}": value for i, value in enumerate(_shape(voiced.index, pitch), 1)}
    energies = smooth(heard.energy_db, 9).take(speech.index)
    named |= {f"energy_wave{i}": value for i, value in enumerate(_shape(speech.index, energies), 1)}
    begin, end = run_bounds(voiced.mask)
    long = end - begin >= MIN_VOICED_FRAMES
    begin, end = (begin[long], end[long]) if long.any() else (voiced.index[:1], voiced.index[-1:] + 1)
    length = end - begin
    # Sums of any run are differences of running sums.
    sums = np.concatenate(([0.0], np.cumsum(heard.f0_st, dtype=np.float64)))
    edge = np.minimum(3, length)
    ends, begins = sums.take(end), sums.take(begin)
    rises = (ends - sums.take(end - edge) - sums.take(begin + edge) + begins) / edge
    heights = (ends - begins) / length
    # Every second stretch between the bounds is a run; the one more value keeps the last bound inside.
    bounds, values = np.stack((begin, end), axis=1).ravel(), np.append(heard.f0_st, np.float32(0))
    ranges = np.maximum.reduceat(values, bounds)[::2] - np.minimum.reduceat(values, bounds)[::2]
    centre = mean(pitch)
    return named | {
        "run_rise": mean(rises),
        "run_rise_std": float(rises.std()),
        "run_range": mean(ranges),
        "run_height_std": float(heights.std()),
        "last_run_height": float(heights[-1]) - centre,
        "last_run_rise": float(rises[-1]),
        "first_run_height": float(heights[0]) - centre,
    }


def loudness_functionals(heard: Contours, voiced: Frames, speech: Frames) -> Named:
    """Perceived loudness (cube root of mel power) relative to its mean, and what is not voiced."""
    loudness = np.add.reduce(np.exp(heard.log_mel / np.float32(3.0)), axis=1)
    loud = loudness.take(speech.index)
    usual = mean(loud)
    low, middle, high = percentiles_sorted(np.sort(loud), 20, 50, 80)
    moves = steps(smooth(loudness, 5))
    named = {
        "loudness_p20": low / usual,
        "loudness_p50": middle / usual,
        "loudness_p80": high / usual,
        "loudness_rise": moved(moves)[0] / usual,
        "loudness_jump": float(np.abs(moves).max()) / usual,
    }
    shape = _unvoiced(heard.speech, voiced.mask) @ heard.cepstrum[:, 1:5]
    return named | {f"unvoiced_mfcc{i}": value for i, value in enumerate(shape.tolist(), 1)}


def _unvoiced(speech: Mask, voiced: Mask) -> Floats:
    """Weights (n,) of the loud frames that are not voiced, or of all loud ones; their sum is 1."""
    unvoiced = speech & ~voiced
    if np.count_nonzero(unvoiced) < MIN_VOICED_FRAMES:
        unvoiced = speech
    return unvoiced.astype(np.float32) / np.float32(np.count_nonzero(unvoiced))
