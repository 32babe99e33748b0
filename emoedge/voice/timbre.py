"""Functionals of voice quality and spectrum: tense or breathy, bright or dark, and how that changes.

Source: eGeMAPS (Eyben et al. 2016) for the choice of the voice-quality measures.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from emoedge.voice.contours import FFT, MFCCS, SAMPLE_RATE, Contours, Floats, Mask, band_bins, dct_matrix
from emoedge.voice.statistics import FRAMES_PER_SECOND, Named, correlation, percentiles


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


def quality_functionals(heard: Contours, voiced: Mask) -> Named:
    """Harmonicity, spectral tilts and harmonic differences of the voiced frames, in dB."""
    power = heard.power[voiced]
    floor = 1e-7 * float(power.max()) + 1e-20
    power = power + floor
    power_db = 10 * np.log10(power[:, band_bins(0, 5000)])
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
    named["f0_with_energy"] = correlation(pitch, heard.energy_db[voiced])
    named["f0_with_alpha"] = correlation(pitch, tracks["alpha"])
    return named


def spectrum_functionals(heard: Contours, voiced: Mask) -> Named:
    """Centre, width, change and flatness of the spectrum, and the cepstrum."""
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
        named[f"{name}_p90"] = percentiles(track, 90)[0]
    cepstrum = heard.log_mel @ dct_matrix()
    steps = np.abs(np.diff(cepstrum, axis=0))[loud[1:] & loud[:-1]]
    speed = steps.mean(axis=0) if len(steps) else np.zeros(MFCCS + 1)
    mean, std = cepstrum[voiced].mean(axis=0), cepstrum[voiced].std(axis=0)
    for index in range(1, MFCCS + 1):
        named[f"mfcc{index}_mean"] = float(mean[index])
        named[f"mfcc{index}_std"] = float(std[index])
        named[f"mfcc{index}_speed"] = float(speed[index])
    return named


FORMANT_BANDS: Final = ((250.0, 1000.0), (1000.0, 2600.0), (2200.0, 3800.0))
"""Where the first three formants mostly lie; the centre of gravity in each stands in for them (no root finding)."""


def formant_functionals(heard: Contours, voiced: Mask) -> Named:
    """Where the energy of the formant bands lies (in 100 Hz), and how the tilt follows the effort."""
    power = heard.power[voiced]
    named: Named = {}
    for number, (low, high) in enumerate(FORMANT_BANDS, 1):
        band = band_bins(low, high)
        # The root weighs weak harmonics up, as the ear does.
        weight = np.sqrt(power[:, band])
        axis = np.arange(band.start, band.stop, dtype=np.float32) * (SAMPLE_RATE / FFT / 100)
        track = (weight @ axis) / (weight.sum(axis=1) + 1e-20)
        named[f"formant{number}_mean"], named[f"formant{number}_std"] = (
            float(track.mean()),
            float(track.std()),
        )
    tilt = _band_db(power, 1000, 5000) - _band_db(power, 50, 1000)
    effort = heard.energy_db[voiced]
    strong = effort >= np.median(effort)
    named["tilt_with_effort"] = float(tilt[strong].mean() - tilt[~strong].mean()) if not strong.all() else 0.0
    return named


BAND_GROUPS: Final = ((0, 6), (6, 12), (12, 20), (20, 29), (29, 40))
"""Mel bands from about 60 to 400, to 900, to 1,900, to 3,700 and to 7,600 Hz."""


def modulation_functionals(heard: Contours) -> Named:
    """How fast the bands beat: shares of slow, syllabic and fast modulation (Wu, Falk & Chan 2011), and how much."""
    span = slice(int(np.argmax(heard.speech)), len(heard.speech) - int(np.argmax(heard.speech[::-1])))
    bands = np.stack([heard.log_mel[span, low:high].mean(axis=1) for low, high in BAND_GROUPS])
    bands = bands - bands.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(bands * np.hanning(bands.shape[1]), 512, axis=1)) ** 2
    frequency = np.fft.rfftfreq(512, 1 / FRAMES_PER_SECOND)
    parts = [
        spectrum[:, (frequency >= low) & (frequency < high)].sum(axis=1)
        for low, high in ((1.0, 4.0), (4.0, 10.0), (10.0, 30.0))
    ]
    total = np.sum(parts, axis=0) + 1e-9
    named: Named = {}
    for number in range(len(BAND_GROUPS)):
        named[f"band{number + 1}_syllabic"] = float(parts[1][number] / total[number])
        named[f"band{number + 1}_fast"] = float(np.log(parts[2][number] / total[number] + 1e-4))
        named[f"band{number + 1}_std"] = float(bands[number].std())
    return named
