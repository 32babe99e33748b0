"""Functionals of pitch, energy and rhythm: how high, how loud, how fast, and along which line.

Source: de Jong & Wempe 2009 for syllable nuclei from the energy envelope.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.contours import FRAMES_PER_SECOND, Contours, dct_matrix
from emoedge.voice.statistics import (
    MIN_VOICED_FRAMES,
    Floats,
    Mask,
    Named,
    edge_padded,
    mean,
    percentiles,
    run_bounds,
    slope,
    smooth,
    spread,
    steps,
)

LEVEL_FEATURE: Final = "level_db"
"""The one functional that depends on the gain."""


def pitch_functionals(heard: Contours, voiced: Mask) -> Named:
    """Height, spread, direction and speed of the pitch, in semitones and seconds."""
    times = (np.flatnonzero(voiced) / FRAMES_PER_SECOND).astype(np.float32)
    pitch = heard.f0_st[voiced]
    centre, std, low, high = spread(pitch)
    moves = steps(heard.f0_st)[voiced[1:] & voiced[:-1]]
    # Steps above 4 semitones in 10 ms are tracking errors or new syllables, not intonation.
    moves = moves[np.abs(moves) < 4.0]
    moves = moves if len(moves) else np.zeros(1, np.float32)
    third = max(1, len(pitch) // 3)
    return {
        "f0_mean": centre,
        "f0_std": std,
        "f0_p10": low,
        "f0_p50": percentiles(pitch, 50)[0],
        "f0_p90": high,
        "f0_range": high - low,
        "f0_skew": mean((pitch - np.float32(centre)) ** 3) / (std**3 + 1.0),
        "f0_slope": float(np.clip(slope(times, pitch), -15, 15)),
        "f0_end": mean(pitch[-third:]) - centre,
        "f0_start": mean(pitch[:third]) - centre,
        "f0_speed": mean(np.abs(moves)) * FRAMES_PER_SECOND,
        "f0_rise": mean(np.maximum(moves, 0)) * FRAMES_PER_SECOND,
        "f0_jerk": mean(np.abs(steps(moves))) if len(moves) > 1 else 0.0,
        "f0_peak_at": float(times[np.argmax(pitch)] - times[0]) / max(float(times[-1] - times[0]), 0.1),
    }


def energy_functionals(heard: Contours) -> Named:
    """Level, and the energy of the loud frames relative to it, in dB."""
    loud = heard.speech
    level = 10 * np.log10(np.mean(10 ** (heard.energy_db[loud] / 10)))
    relative = heard.energy_db[loud] - level
    times = (np.flatnonzero(loud) / FRAMES_PER_SECOND).astype(np.float32)
    centre, std, low, high = spread(relative)
    moves = steps(heard.energy_db)[loud[1:] & loud[:-1]]
    moves = moves if len(moves) else np.zeros(1, np.float32)
    third = max(1, len(relative) // 3)
    return {
        LEVEL_FEATURE: float(level),
        "energy_mean": centre,
        "energy_std": std,
        "energy_p10": low,
        "energy_p50": percentiles(relative, 50)[0],
        "energy_p90": high,
        "energy_slope": float(np.clip(slope(times, relative), -30, 30)),
        "energy_end": mean(relative[-third:]) - centre,
        "energy_start": mean(relative[:third]) - centre,
        "energy_rise": mean(np.maximum(moves, 0)),
        "energy_fall": mean(np.minimum(moves, 0)),
        "energy_rise_p90": percentiles(moves, 90)[0],
    }


MODULATION_HZ: Final = ((1.0, 2.5), (2.5, 4.5), (4.5, 7.0), (7.0, 12.0))
"""Bands of the energy envelope: phrase, stress, syllable, and faster than syllables (tremor, trills)."""


@cache
def _modulation_matrix() -> NDArray[np.float64]:
    """Sums of a modulation spectrum over the bands of MODULATION_HZ and over 1 to 16 Hz: (257, 5)."""
    frequency = np.fft.rfftfreq(512, 1 / FRAMES_PER_SECOND)[:, None]
    low, high = np.array([*MODULATION_HZ, (1.0, 16.0)]).T
    return ((frequency >= low) & (frequency < high)).astype(np.float64)


def rhythm_functionals(heard: Contours, voiced: Mask) -> Named:
    """Voiced runs, pauses and syllables, in seconds and per second; how fast the envelope beats."""
    seconds = len(heard.speech) / FRAMES_PER_SECOND
    loud_share = float(heard.speech.mean())
    runs, pauses = (
        (ends - starts) / FRAMES_PER_SECOND
        for starts, ends in (run_bounds(voiced), run_bounds(~heard.speech))
    )
    envelope = smooth(np.maximum(heard.energy_db, heard.energy_db.max() - 40.0), 7)
    middle = envelope[1:-1]
    peaks = (middle > envelope[:-2]) & (middle >= envelope[2:]) & heard.speech[1:-1] & voiced[1:-1]
    # A nucleus stands 2 dB above the valley beside it: compare with the lowest point within 100 ms on each
    # side.
    valley = np.lib.stride_tricks.sliding_window_view(edge_padded(envelope, 10), 11).min(axis=1)
    prominent = envelope - np.maximum(valley[: len(envelope)], valley[10 : len(envelope) + 10]) > 2.0
    nuclei = np.count_nonzero(peaks & prominent[1:-1])
    spectrum = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(envelope)), 512)) ** 2
    *shares, total = (spectrum @ _modulation_matrix()).tolist()
    named = {
        "voiced_share": float(voiced.mean()) / max(loud_share, 0.05),
        "loud_share": loud_share,
        "voiced_runs": len(runs) / seconds,
        "voiced_run_mean": mean(runs) if len(runs) else 0.0,
        "voiced_run_max": float(runs.max()) if len(runs) else 0.0,
        "pauses": len(pauses) / seconds,
        "pause_max": float(pauses.max()) if len(pauses) else 0.0,
        "syllables": nuclei / max(seconds * loud_share, 0.25),
        "voicing_mean": mean(heard.harmonicity[heard.speech]),
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


def _shape(frames: NDArray[np.int64], values: Floats) -> Floats:
    """Cosine coefficients of a contour known at some frames, gaps bridged, stretched to unit length."""
    places = np.linspace(frames[0], frames[-1], SHAPE_POINTS)
    return np.interp(places, frames, values).astype(np.float32) @ _waves()


def melody_functionals(heard: Contours, voiced: Mask) -> Named:
    """Shape of the pitch and energy contours and of the voiced runs: accents, end of the phrase."""
    frames, loud = np.flatnonzero(voiced), np.flatnonzero(heard.speech)
    named = {f"f0_wave{i + 1}": float(v) for i, v in enumerate(_shape(frames, heard.f0_st[frames]))}
    energies = smooth(heard.energy_db, 9)[loud]
    named |= {f"energy_wave{i + 1}": float(v) for i, v in enumerate(_shape(loud, energies))}
    begin, end = run_bounds(voiced)
    long = end - begin >= MIN_VOICED_FRAMES
    begin, end = (begin[long], end[long]) if long.any() else (frames[:1], frames[-1:] + 1)
    # Sums of any run are differences of running sums.
    sums = np.concatenate(([0.0], np.cumsum(heard.f0_st, dtype=np.float64)))
    edge = np.minimum(3, end - begin)
    rises = (sums[end] - sums[end - edge] - sums[begin + edge] + sums[begin]) / edge
    heights = (sums[end] - sums[begin]) / (end - begin)
    tunes = [heard.f0_st[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)]
    centre = mean(heard.f0_st[voiced])
    return named | {
        "run_rise": mean(rises),
        "run_rise_std": float(rises.std()),
        "run_range": sum(float(tune.max() - tune.min()) for tune in tunes) / len(tunes),
        "run_height_std": float(heights.std()),
        "last_run_height": float(heights[-1]) - centre,
        "last_run_rise": float(rises[-1]),
        "first_run_height": float(heights[0]) - centre,
    }


def loudness_functionals(heard: Contours, voiced: Mask) -> Named:
    """Perceived loudness (cube root of mel power) relative to its mean, and what is not voiced."""
    mel = np.exp((heard.log_mel - heard.log_mel.max()) / 3.0)
    loudness = mel.sum(axis=1)
    loudness = loudness / np.float32(mean(loudness[heard.speech]) + 1e-12)
    low, middle, high = percentiles(loudness[heard.speech], 20, 50, 80)
    moves = steps(smooth(loudness, 5))
    unvoiced = heard.speech & ~voiced
    if np.count_nonzero(unvoiced) < MIN_VOICED_FRAMES:
        unvoiced = heard.speech
    shape = heard.log_mel[unvoiced] @ dct_matrix()[:, 1:5]
    named = {
        "loudness_p20": low,
        "loudness_p50": middle,
        "loudness_p80": high,
        "loudness_rise": mean(np.maximum(moves, 0)),
        "loudness_jump": float(np.abs(moves).max()),
    }
    return named | {f"unvoiced_mfcc{i + 1}": float(v) for i, v in enumerate(shape.mean(axis=0))}
