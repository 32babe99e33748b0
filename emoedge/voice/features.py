"""The feature vector of one stretch of speech: the one function for training and for the device.

Contours (see contours.py) become functionals: means, spreads, percentiles, slopes and rhythm of pitch, energy, voice
quality, spectrum and cepstrum. All but ``LEVEL_FEATURE`` are invariant to gain; the level is only ever used relative
to the speaker's own running mean, where a constant gain cancels.

Sources: eGeMAPS (Eyben et al. 2016) for the choice of the voice-quality measures, de Jong & Wempe 2009 for syllable
nuclei from the energy envelope.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.contours import (
    FFT,
    HOP,
    MFCCS,
    SAMPLE_RATE,
    VOICING_THRESHOLD,
    Contours,
    Floats,
    Mask,
    band_bins,
    contours,
    dct_matrix,
)

FEATURE_VERSION: Final = 1
"""Raised with every change that moves a value: model and features must agree."""
LEVEL_FEATURE: Final = "level_db"
FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP
MIN_VOICED_FRAMES: Final = 5
"""With fewer voiced frames the loud ones stand in for them: whispered or very noisy speech."""

Named = dict[str, float]


def _percentiles(values: Floats, *percents: float) -> list[float]:
    """numpy.percentile with linear interpolation, ten times faster for a few hundred values."""
    ordered = np.sort(values)
    places = np.array(percents) / 100 * (len(ordered) - 1)
    below = places.astype(np.int64)
    above = np.minimum(below + 1, len(ordered) - 1)
    return [float(value) for value in ordered[below] + (places - below) * (ordered[above] - ordered[below])]


def _spread(values: Floats) -> tuple[float, float, float, float]:
    """Mean, standard deviation, 10th and 90th percentile."""
    low, high = _percentiles(values, 10, 90)
    return float(values.mean()), float(values.std()), low, high


def _slope(times: Floats, values: Floats) -> float:
    """Least-squares slope in units a second; 0 for a single moment."""
    centred = times - times.mean()
    variance = float(centred @ centred)
    return float(centred @ (values - values.mean())) / variance if variance > 1e-6 else 0.0


def _runs(mask: Mask) -> NDArray[np.int64]:
    """Lengths of the runs of True, in frames."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return np.asarray(edges[1::2] - edges[::2])


def _smooth(values: Floats, frames: int) -> Floats:
    """Moving average over an odd number of frames, edges repeated."""
    padded = np.pad(values, frames // 2, mode="edge")
    return np.convolve(padded, np.full(frames, 1 / frames, np.float32), mode="valid").astype(np.float32)


def _pitch_functionals(heard: Contours, voiced: Mask) -> Named:
    times = (np.flatnonzero(voiced) / FRAMES_PER_SECOND).astype(np.float32)
    pitch = heard.f0_st[voiced]
    mean, std, low, high = _spread(pitch)
    pairs = voiced[1:] & voiced[:-1]
    steps = np.diff(heard.f0_st)[pairs]
    # Steps above 4 semitones in 10 ms are tracking errors or new syllables, not intonation.
    steps = steps[np.abs(steps) < 4.0]
    steps = steps if len(steps) else np.zeros(1, np.float32)
    third = max(1, len(pitch) // 3)
    return {
        "f0_mean": mean,
        "f0_std": std,
        "f0_p10": low,
        "f0_p50": float(np.median(pitch)),
        "f0_p90": high,
        "f0_range": high - low,
        "f0_skew": float(((pitch - mean) ** 3).mean() / (std**3 + 1.0)),
        "f0_slope": float(np.clip(_slope(times, pitch), -15, 15)),
        "f0_end": float(pitch[-third:].mean()) - mean,
        "f0_start": float(pitch[:third].mean()) - mean,
        "f0_speed": float(np.abs(steps).mean()) * FRAMES_PER_SECOND,
        "f0_rise": float(np.maximum(steps, 0).mean()) * FRAMES_PER_SECOND,
        "f0_jerk": float(np.abs(np.diff(steps)).mean()) if len(steps) > 1 else 0.0,
        "f0_peak_at": float(times[np.argmax(pitch)] - times[0]) / max(float(times[-1] - times[0]), 0.1),
    }


def _energy_functionals(heard: Contours) -> Named:
    loud = heard.speech
    level = 10 * np.log10(np.mean(10 ** (heard.energy_db[loud] / 10)))
    relative = heard.energy_db[loud] - level
    times = (np.flatnonzero(loud) / FRAMES_PER_SECOND).astype(np.float32)
    mean, std, low, high = _spread(relative)
    steps = np.diff(heard.energy_db)[loud[1:] & loud[:-1]]
    steps = steps if len(steps) else np.zeros(1, np.float32)
    third = max(1, len(relative) // 3)
    return {
        LEVEL_FEATURE: float(level),
        "energy_mean": mean,
        "energy_std": std,
        "energy_p10": low,
        "energy_p50": float(np.median(relative)),
        "energy_p90": high,
        "energy_slope": float(np.clip(_slope(times, relative), -30, 30)),
        "energy_end": float(relative[-third:].mean()) - mean,
        "energy_start": float(relative[:third].mean()) - mean,
        "energy_rise": float(np.maximum(steps, 0).mean()),
        "energy_fall": float(np.minimum(steps, 0).mean()),
        "energy_rise_p90": _percentiles(steps, 90)[0],
    }


@cache
def _tilt_axis(low_hz: float, high_hz: float) -> tuple[slice, Floats, float]:
    band = band_bins(low_hz, high_hz)
    axis = np.arange(FFT // 2 + 1, dtype=np.float32)[band] * (SAMPLE_RATE / FFT / 1000)
    axis -= axis.mean()
    return band, axis, float(axis @ axis)


def _tilt(power_db: Floats, low_hz: float, high_hz: float) -> Floats:
    """Slope of the spectrum in a band, dB per kHz, per frame."""
    band, axis, variance = _tilt_axis(low_hz, high_hz)
    return np.asarray(power_db[:, band] @ axis / variance, dtype=np.float32)


def _harmonic_db(power_db: Floats, f0_hz: Floats, number: int) -> Floats:
    """Level of a harmonic: the strongest of five bins around it."""
    centre = np.rint(f0_hz * number * FFT / SAMPLE_RATE).astype(np.int64)
    around = np.clip(centre[:, None] + np.arange(-2, 3), 0, power_db.shape[1] - 1)
    return np.asarray(np.take_along_axis(power_db, around, axis=1).max(axis=1), dtype=np.float32)


def _band_db(power: Floats, low_hz: float, high_hz: float) -> Floats:
    return 10 * np.log10(power[:, band_bins(low_hz, high_hz)].sum(axis=1) + 1e-20)


def _quality_functionals(heard: Contours, voiced: Mask) -> Named:
    power = heard.power[voiced]
    floor = 1e-7 * float(power.max()) + 1e-20
    power = power + floor
    power_db = 10 * np.log10(power)
    f0_hz = (100.0 * 2.0 ** (heard.f0_st[voiced] / 12.0)).astype(np.float32)
    harmonicity = np.clip(heard.harmonicity[voiced], 0.01, 0.995)
    peak_high = power_db[:, band_bins(2000, 5000)].max(axis=1)
    h1 = _harmonic_db(power_db, f0_hz, 1)
    tracks: dict[str, Floats] = {
        "hnr": 10 * np.log10(harmonicity / (1 - harmonicity)),
        "alpha": _band_db(power, 50, 1000) - _band_db(power, 1000, 5000),
        "hammarberg": power_db[:, band_bins(50, 2000)].max(axis=1) - peak_high,
        "tilt_low": _tilt(power_db, 50, 500),
        "tilt_mid": _tilt(power_db, 500, 1500),
        "tilt_high": _tilt(power_db, 1000, 4000),
        "h1_h2": h1 - _harmonic_db(power_db, f0_hz, 2),
        "h1_a3": h1 - power_db[:, band_bins(2200, 3600)].max(axis=1),
        "f1_band": _band_db(power, 500, 1000) - _band_db(power, 100, 500),
        "f2_band": _band_db(power, 1000, 2200) - _band_db(power, 100, 1000),
        "sibilance": _band_db(power, 4000, 7500) - _band_db(power, 100, 4000),
    }
    named: Named = {}
    for name, track in tracks.items():
        named[f"{name}_mean"], named[f"{name}_std"] = float(track.mean()), float(track.std())
    shimmer = np.diff(heard.energy_db)[voiced[1:] & voiced[:-1]]
    named["shimmer"] = float(np.abs(np.diff(shimmer)).mean()) if len(shimmer) > 1 else 0.0
    pitch = heard.f0_st[voiced]
    named["f0_with_energy"] = _correlation(pitch, heard.energy_db[voiced])
    named["f0_with_alpha"] = _correlation(pitch, tracks["alpha"])
    return named


def _correlation(first: Floats, second: Floats) -> float:
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale > 1e-6 else 0.0


def _spectrum_functionals(heard: Contours, voiced: Mask) -> Named:
    loud = heard.speech
    mel = np.exp(heard.log_mel[loud])
    share = mel / mel.sum(axis=1, keepdims=True)
    bands = np.arange(share.shape[1], dtype=np.float32)
    centroid = share @ bands
    width = np.sqrt(np.maximum(share @ bands**2 - centroid**2, 0))
    flux = np.sqrt((np.diff(share, axis=0) ** 2).sum(axis=1)) if len(share) > 1 else np.zeros(1, np.float32)
    entropy = -(share * np.log(share + 1e-12)).sum(axis=1)
    rolloff = (np.cumsum(share, axis=1) < 0.85).sum(axis=1).astype(np.float32)
    named: Named = {}
    for name, track in {
        "centroid": centroid,
        "width": width,
        "flux": flux,
        "entropy": entropy,
        "rolloff": rolloff,
    }.items():
        named[f"{name}_mean"], named[f"{name}_std"] = float(track.mean()), float(track.std())
        named[f"{name}_p90"] = _percentiles(track, 90)[0]
    cepstrum = heard.log_mel @ dct_matrix()
    steps = np.abs(np.diff(cepstrum, axis=0))[loud[1:] & loud[:-1]]
    speed = steps.mean(axis=0) if len(steps) else np.zeros(MFCCS + 1)
    mean, std = cepstrum[voiced].mean(axis=0), cepstrum[voiced].std(axis=0)
    for index in range(1, MFCCS + 1):
        named[f"mfcc{index}_mean"] = float(mean[index])
        named[f"mfcc{index}_std"] = float(std[index])
        named[f"mfcc{index}_speed"] = float(speed[index])
    return named


MODULATION_HZ: Final = ((1.0, 2.5), (2.5, 4.5), (4.5, 7.0), (7.0, 12.0))
"""Bands of the energy envelope: phrase, stress, syllable, and faster than syllables (tremor, trills)."""


def _rhythm_functionals(heard: Contours, voiced: Mask) -> Named:
    seconds = len(heard.speech) / FRAMES_PER_SECOND
    loud_share = float(heard.speech.mean())
    runs = _runs(voiced) / FRAMES_PER_SECOND
    pauses = _runs(~heard.speech) / FRAMES_PER_SECOND
    envelope = _smooth(np.maximum(heard.energy_db, heard.energy_db.max() - 40.0), 7)
    middle = envelope[1:-1]
    peaks = (middle > envelope[:-2]) & (middle >= envelope[2:]) & heard.speech[1:-1] & voiced[1:-1]
    # A nucleus stands 2 dB above the valley beside it: compare with the lowest point within 100 ms on each side.
    valley = np.lib.stride_tricks.sliding_window_view(np.pad(envelope, 10, mode="edge"), 11).min(axis=1)
    prominent = envelope - np.maximum(valley[: len(envelope)], valley[10 : len(envelope) + 10]) > 2.0
    nuclei = np.count_nonzero(peaks & prominent[1:-1])
    spectrum = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(envelope)), 512)) ** 2
    frequency = np.fft.rfftfreq(512, 1 / FRAMES_PER_SECOND)
    total = float(spectrum[(frequency >= 1) & (frequency < 16)].sum()) + 1e-9
    named = {
        "voiced_share": float(voiced.mean()) / max(loud_share, 0.05),
        "loud_share": loud_share,
        "voiced_runs": len(runs) / seconds,
        "voiced_run_mean": float(runs.mean()) if len(runs) else 0.0,
        "voiced_run_max": float(runs.max()) if len(runs) else 0.0,
        "pauses": len(pauses) / seconds,
        "pause_max": float(pauses.max()) if len(pauses) else 0.0,
        "syllables": nuclei / max(seconds * loud_share, 0.25),
        "voicing_mean": float(heard.harmonicity[heard.speech].mean()),
    }
    for low, high in MODULATION_HZ:
        share = float(spectrum[(frequency >= low) & (frequency < high)].sum()) / total
        named[f"modulation_{low:g}hz"] = share
    return named


def named_features(heard: Contours) -> Named:
    """All functionals by name, in their fixed order."""
    voiced = heard.voiced
    if np.count_nonzero(voiced) < MIN_VOICED_FRAMES:
        voiced = heard.speech & (
            heard.harmonicity >= min(VOICING_THRESHOLD, float(np.median(heard.harmonicity)))
        )
    if np.count_nonzero(voiced) < MIN_VOICED_FRAMES:
        voiced = heard.speech
    return (
        _pitch_functionals(heard, voiced)
        | _energy_functionals(heard)
        | _quality_functionals(heard, voiced)
        | _spectrum_functionals(heard, voiced)
        | _rhythm_functionals(heard, voiced)
    )


@cache
def feature_names() -> tuple[str, ...]:
    """Names of the values of the feature vector, in order."""
    noise = np.random.default_rng(0).standard_normal(SAMPLE_RATE) * 0.1
    return tuple(named_features(contours(noise)))


def features(samples: NDArray[np.integer | np.floating]) -> Floats:
    """The feature vector of a stretch: float32 (len(feature_names()),), finite, not normalised.

    Args:
        samples: mono int16, or float in [-1, 1], at 16 kHz, at least contours.MIN_SAMPLES long.

    Raises:
        ValueError: see contours().
    """
    vector = np.fromiter(named_features(contours(samples)).values(), dtype=np.float32)
    return np.nan_to_num(vector, nan=0.0, posinf=0.0, neginf=0.0)
