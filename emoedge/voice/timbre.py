"""Functionals of voice quality and spectrum: tense or breathy, bright or dark, and how that changes.

Source: eGeMAPS (Eyben et al. 2016) for the choice of the voice-quality measures.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.contours import (
    FFT,
    FRAMES_PER_SECOND,
    MFCCS,
    SAMPLE_RATE,
    Contours,
    band_bins,
    dct_matrix,
)
from emoedge.voice.statistics import (
    Floats,
    Mask,
    Named,
    correlation,
    deviation,
    mean,
    percentiles,
    steps,
)

TILT_BANDS_HZ: Final = {"tilt_low": (50, 500), "tilt_mid": (500, 1500), "tilt_high": (1000, 4000)}
SHARE_BANDS_HZ: Final = {
    "alpha": ((50, 1000), (1000, 5000)),
    "f1_band": ((500, 1000), (100, 500)),
    "f2_band": ((1000, 2200), (100, 1000)),
    "sibilance": ((4000, 7500), (100, 4000)),
}
"""Bands whose levels are compared: the first less the second."""
TO_DB: Final = np.float32(10 / np.log(10))
"""numpy's natural logarithm of float32 is several times as fast as its decimal one."""


def _db(power: Floats) -> Floats:
    return np.log(power) * TO_DB


@cache
def _tilt_matrix() -> Floats:
    """Turns levels (n, bins up to 5 kHz) into the slopes of the TILT_BANDS_HZ, dB per kHz: (bins, 3)."""
    matrix = np.zeros((band_bins(0, 5000).stop, len(TILT_BANDS_HZ)), dtype=np.float32)
    for column, band_hz in enumerate(TILT_BANDS_HZ.values()):
        band = band_bins(*band_hz)
        axis = np.arange(band.start, band.stop) * (SAMPLE_RATE / FFT / 1000)
        axis -= axis.mean()
        matrix[band, column] = axis / (axis @ axis)
    return matrix


@cache
def _band_matrix() -> Floats:
    """Turns power (n, FFT // 2 + 1) into that of the SHARE_BANDS_HZ, all first ones, then all second ones."""
    bands = [pair[side] for side in (0, 1) for pair in SHARE_BANDS_HZ.values()]
    matrix = np.zeros((FFT // 2 + 1, len(bands)), dtype=np.float32)
    for column, band_hz in enumerate(bands):
        matrix[band_bins(*band_hz), column] = 1
    return matrix


def _band_differences_db(power: Floats) -> Floats:
    """Levels of the first less those of the second of SHARE_BANDS_HZ: (pairs, n)."""
    first, second = np.split((power @ _band_matrix()).T, 2)
    return _db((first + 1e-20) / (second + 1e-20))


def _harmonic_db(power_db: Floats, f0_hz: Floats, number: int) -> Floats:
    """Level of a harmonic: the strongest of five bins around it."""
    centre = np.rint(f0_hz * number * FFT / SAMPLE_RATE).astype(np.int64)
    around = np.clip(centre[:, None] + np.arange(-2, 3), 0, power_db.shape[1] - 1)
    return np.asarray(np.take_along_axis(power_db, around, axis=1).max(axis=1), dtype=np.float32)


def _means_and_stds(tracks: dict[str, Floats]) -> Named:
    """``name_mean`` and ``name_std`` of tracks of the same length."""
    values = np.stack(list(tracks.values()))
    mean, std = values.mean(axis=1).tolist(), values.std(axis=1).tolist()
    named: Named = {}
    for name, m, s in zip(tracks, mean, std, strict=True):
        named[f"{name}_mean"], named[f"{name}_std"] = m, s
    return named


def quality_functionals(heard: Contours, voiced: Mask) -> Named:
    """Harmonicity, spectral tilts and harmonic differences of the voiced frames, in dB."""
    power = heard.power[voiced]
    power += 1e-7 * float(power.max()) + 1e-20
    power_db = _db(power[:, band_bins(0, 5000)])
    f0_hz = (100.0 * 2.0 ** (heard.f0_st[voiced] / 12.0)).astype(np.float32)
    harmonicity = np.clip(heard.harmonicity[voiced], 0.01, 0.995)
    peak_high = power_db[:, band_bins(2000, 5000)].max(axis=1)
    h1 = _harmonic_db(power_db, f0_hz, 1)
    share = dict(zip(SHARE_BANDS_HZ, _band_differences_db(power), strict=True))
    tilt = dict(zip(TILT_BANDS_HZ, (power_db @ _tilt_matrix()).T, strict=True))
    tracks: dict[str, Floats] = {
        "hnr": _db(harmonicity / (1 - harmonicity)),
        "alpha": share["alpha"],
        "hammarberg": power_db[:, band_bins(50, 2000)].max(axis=1) - peak_high,
        **tilt,
        "h1_h2": h1 - _harmonic_db(power_db, f0_hz, 2),
        "h1_a3": h1 - power_db[:, band_bins(2200, 3600)].max(axis=1),
        "f1_band": share["f1_band"],
        "f2_band": share["f2_band"],
        "sibilance": share["sibilance"],
    }
    named = _means_and_stds(tracks)
    shimmer = steps(heard.energy_db)[voiced[1:] & voiced[:-1]]
    named["shimmer"] = mean(np.abs(steps(shimmer))) if len(shimmer) > 1 else 0.0
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
    flux = np.sqrt((steps(share) ** 2).sum(axis=1)) if len(share) > 1 else np.zeros(1, np.float32)
    entropy = -(share * np.log(share + 1e-12)).sum(axis=1)
    rolloff = (np.cumsum(share, axis=1) < 0.85).sum(axis=1).astype(np.float32)
    tracks = {"centroid": centroid, "width": width, "flux": flux, "entropy": entropy, "rolloff": rolloff}
    named: Named = {}
    for name, track in tracks.items():
        named[f"{name}_mean"], named[f"{name}_std"] = mean(track), deviation(track)
        named[f"{name}_p90"] = percentiles(track, 90)[0]
    cepstrum = heard.log_mel @ dct_matrix()
    changes = np.abs(steps(cepstrum))[loud[1:] & loud[:-1]]
    speeds = (changes.mean(axis=0) if len(changes) else np.zeros(MFCCS + 1)).tolist()
    voice = cepstrum[voiced]
    means, stds = voice.mean(axis=0).tolist(), voice.std(axis=0).tolist()
    for index in range(1, MFCCS + 1):
        named[f"mfcc{index}_mean"] = means[index]
        named[f"mfcc{index}_std"] = stds[index]
        named[f"mfcc{index}_speed"] = speeds[index]
    return named


FORMANT_BANDS: Final = ((250.0, 1000.0), (1000.0, 2600.0), (2200.0, 3800.0))
"""Where the first three formants mostly lie; the centre of gravity in each stands in for them (no root
finding)."""


@cache
def _formant_matrix() -> Floats:
    """Matrix from roots of power (n, bins up to 3.8 kHz) to sums over FORMANT_BANDS: (bins, 6)."""
    count = len(FORMANT_BANDS)
    matrix = np.zeros((band_bins(0, FORMANT_BANDS[-1][1]).stop, 2 * count), dtype=np.float32)
    for column, band_hz in enumerate(FORMANT_BANDS):
        band = band_bins(*band_hz)
        matrix[band, column] = 1
        matrix[band, count + column] = np.arange(band.start, band.stop) * (SAMPLE_RATE / FFT / 100)
    return matrix


def formant_functionals(heard: Contours, voiced: Mask) -> Named:
    """Return where the energy of the formant bands lies (in 100 Hz), and how the tilt follows the effort."""
    power = heard.power[voiced]
    # The root weighs weak harmonics up, as the ear does.
    weight, moment = np.split((np.sqrt(power[:, : len(_formant_matrix())]) @ _formant_matrix()).T, 2)
    centres = moment / (weight + 1e-20)
    named = _means_and_stds({f"formant{number}": track for number, track in enumerate(centres, 1)})
    tilt = -_band_differences_db(power)[0]
    effort = heard.energy_db[voiced]
    strong = effort >= percentiles(effort, 50)[0]
    named["tilt_with_effort"] = 0.0 if strong.all() else mean(tilt[strong]) - mean(tilt[~strong])
    return named


BAND_GROUPS: Final = ((0, 6), (6, 12), (12, 20), (20, 29), (29, 40))
"""Mel bands from about 60 to 400, to 900, to 1,900, to 3,700 and to 7,600 Hz."""


BEAT_HZ: Final = ((1.0, 4.0), (4.0, 10.0), (10.0, 30.0))


@cache
def _beat_matrix() -> NDArray[np.float64]:
    """Sums of a modulation spectrum over the bands of BEAT_HZ: (257, 3)."""
    frequency = np.fft.rfftfreq(512, 1 / FRAMES_PER_SECOND)[:, None]
    low, high = np.array(BEAT_HZ).T
    return ((frequency >= low) & (frequency < high)).astype(np.float64)


def modulation_functionals(heard: Contours) -> Named:
    """Modulation of the bands: shares of slow, syllabic and fast (Wu, Falk & Chan 2011), and depth."""
    span = slice(int(np.argmax(heard.speech)), len(heard.speech) - int(np.argmax(heard.speech[::-1])))
    bands = np.stack([heard.log_mel[span, low:high].mean(axis=1) for low, high in BAND_GROUPS])
    bands = bands - bands.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(bands * np.hanning(bands.shape[1]), 512, axis=1)) ** 2
    slow, syllabic, fast = (spectrum @ _beat_matrix()).T
    total = slow + syllabic + fast + 1e-9
    tracks = (syllabic / total).tolist(), np.log(fast / total + 1e-4).tolist(), bands.std(axis=1).tolist()
    named: Named = {}
    for number, values in enumerate(zip(*tracks, strict=True), 1):
        for name, value in zip(("syllabic", "fast", "std"), values, strict=True):
            named[f"band{number}_{name}"] = value
    return named
