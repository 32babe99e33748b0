"""Functionals of voice quality and spectrum: tense or breathy, bright or dark, and how that changes.

Source: eGeMAPS (Eyben et al. 2016) for the choice of the voice-quality measures.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.contours import (
    BINS,
    FFT,
    MELS,
    MFCCS,
    SAMPLE_RATE,
    SHARE_BANDS_HZ,
    TO_DB,
    Contours,
    band_bins,
)
from emoedge.voice.prosody import beat_matrix, beats
from emoedge.voice.statistics import (
    Floats,
    Frames,
    Named,
    centred,
    correlation,
    mean,
    moments,
    percentiles,
    steps,
)

TILT_BANDS_HZ: Final = {"tilt_low": (50, 500), "tilt_mid": (500, 1500), "tilt_high": (1000, 4000)}
TILT_BINS: Final = band_bins(50, 4000)
"""All of them."""
QUALITIES: Final = (
    "hnr",
    "alpha",
    "hammarberg",
    *TILT_BANDS_HZ,
    "h1_h2",
    "h1_a3",
    "f1_band",
    "f2_band",
    "sibilance",
)
FORMANTS: Final = ("formant1", "formant2", "formant3")
SHAPES: Final = ("centroid", "width", "flux", "entropy", "rolloff")


@cache
def _tilt_matrix() -> Floats:
    """Turns logarithms of power in TILT_BINS into the slopes of the TILT_BANDS_HZ, dB per kHz: (bins, 3)."""
    matrix = np.zeros((TILT_BINS.stop, len(TILT_BANDS_HZ)), dtype=np.float32)
    for column, band_hz in enumerate(TILT_BANDS_HZ.values()):
        band = band_bins(*band_hz)
        axis = np.arange(band.start, band.stop) * (SAMPLE_RATE / FFT / 1000)
        axis -= axis.mean()
        matrix[band, column] = axis / (axis @ axis)
    return matrix[TILT_BINS]


@cache
def _band_widths() -> Floats:
    """Bins in each of the bands of `Contours.bands`."""
    bands = [band_bins(*pair[side]) for side in (0, 1) for pair in SHARE_BANDS_HZ.values()]
    return np.array([band.stop - band.start for band in bands], dtype=np.float32)


@cache
def _mel_powers() -> Floats:
    """Number of each mel band, and its square: (MELS, 2)."""
    bands = np.arange(MELS, dtype=np.float32)
    return np.stack((bands, bands**2), axis=1)


def _band_differences(bands: Floats) -> Floats:
    """Logarithms of the first over the second of SHARE_BANDS_HZ, from Contours.bands (n, 8): (4, n)."""
    first, second = np.split(bands.T, 2)
    return np.asarray(np.log((first + np.float32(1e-20)) / (second + np.float32(1e-20))))


def _harmonics(power: Floats, pitch: Floats) -> Floats:
    """Power of the first two harmonics, (2, n): the strongest of five bins around each."""
    first_bin = np.exp2(pitch / np.float32(12.0)) * np.float32(100.0 * FFT / SAMPLE_RATE)
    centre = np.rint(np.outer((1, 2), first_bin)).astype(np.int64)
    places = np.minimum(centre[..., None] + np.arange(-2, 3), band_bins(0, 5000).stop - 1)
    places += np.arange(len(power))[:, None] * BINS
    return np.asarray(power.take(places).max(axis=2))


def _highest(power: Floats, low_hz: float, high_hz: float) -> Floats:
    """The strongest bin of a band in each frame."""
    return np.asarray(np.maximum.reduce(power[:, band_bins(low_hz, high_hz)], axis=1))


def _means_and_stds(names: Iterable[str], means: Floats, covariances: Floats) -> Named:
    """`name_mean` and `name_std` of the first rows of moments()."""
    named: Named = {}
    stds = np.sqrt(covariances.diagonal())
    for name, mean_of, std_of in zip(names, means.tolist(), stds.tolist(), strict=False):
        named[f"{name}_mean"], named[f"{name}_std"] = mean_of, std_of
    return named


def quality_functionals(heard: Contours, voiced: Frames, power: Floats) -> Named:
    """Harmonicity, spectral tilts and harmonic differences of the voiced frames, in dB.

    `power` is that of the voiced frames.
    """
    pitch, energy = heard.f0_st.take(voiced.index), heard.energy_db.take(voiced.index)
    floor = np.float32(1e-7 * float(power.max()) + 1e-20)
    harmonicity = np.clip(heard.harmonicity.take(voiced.index), 0.01, 0.995)
    shares = _band_differences(heard.bands.take(voiced.index, axis=0) + _band_widths() * floor)
    peaks = (_highest(power, 50, 2000), _highest(power, 2000, 5000), _highest(power, 2200, 3600))
    h1, h2, low, high, a3 = np.log(np.stack((*_harmonics(power, pitch), *peaks)) + floor)
    tilts = (np.log(power[:, TILT_BINS] + floor) @ _tilt_matrix()).T
    hnr = np.log(harmonicity / (1 - harmonicity))
    logarithms = np.stack((hnr, shares[0], low - high, *tilts, h1 - h2, h1 - a3, *shares[1:]))
    means, covariances = moments(np.concatenate((logarithms * TO_DB, pitch[None], energy[None])))
    named = _means_and_stds(QUALITIES, means, covariances)
    shimmer = steps(heard.energy_db).take(voiced.pairs)
    named["shimmer"] = mean(np.abs(steps(shimmer))) if len(shimmer) > 1 else 0.0
    place, count = len(QUALITIES), len(pitch)
    named["f0_with_energy"] = correlation(covariances, place, place + 1, count)
    named["f0_with_alpha"] = correlation(covariances, place, QUALITIES.index("alpha"), count)
    return named


def spectrum_functionals(heard: Contours, voiced: Frames, speech: Frames) -> Named:
    """Centre, width, change and flatness of the spectrum, and the cepstrum."""
    share = heard.mel.take(speech.index, axis=0)
    total = np.add.reduce(share, axis=1)
    share /= total[:, None]
    centroid, square = (share @ _mel_powers()).T
    width = np.sqrt(np.maximum(square - centroid**2, 0))
    changes = steps(share)
    flux = np.sqrt(np.einsum("ij,ij->i", changes, changes)) if len(share) > 1 else np.zeros(1, np.float32)
    entropy = np.log(total) - np.einsum("ij,ij->i", share, heard.log_mel.take(speech.index, axis=0))
    rolloff = np.add.reduce(np.cumsum(share, axis=1) < 0.85, axis=1, dtype=np.float32)
    named: Named = {}
    for name, track in zip(SHAPES, (centroid, width, flux, entropy, rolloff), strict=True):
        _rest, named[f"{name}_mean"], named[f"{name}_std"] = centred(track)
        named[f"{name}_p90"] = percentiles(track, 90)[0]
    cepstrum = heard.cepstrum
    speeds = (
        np.abs(steps(cepstrum).take(speech.pairs, axis=0)) if len(speech.pairs) else np.zeros((1, MFCCS + 1))
    )
    means, covariances = moments(cepstrum.take(voiced.index, axis=0).T)
    columns = means, np.sqrt(covariances.diagonal()), np.add.reduce(speeds, axis=0) / len(speeds)
    for index, values in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        if index:
            named[f"mfcc{index}_mean"], named[f"mfcc{index}_std"], named[f"mfcc{index}_speed"] = values
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


def formant_functionals(heard: Contours, voiced: Frames, power: Floats) -> Named:
    """Return where the energy of the formant bands lies (in 100 Hz), and how the tilt follows the effort.

    `power` is that of the voiced frames.
    """
    # The root weighs weak harmonics up, as the ear does.
    weight, moment = np.split((np.sqrt(power[:, : len(_formant_matrix())]) @ _formant_matrix()).T, 2)
    means, covariances = moments(moment / (weight + np.float32(1e-20)))
    named: Named = {}
    for number, (m, s) in enumerate(
        zip(means.tolist(), np.sqrt(covariances.diagonal()).tolist(), strict=True), 1
    ):
        named[f"formant{number}_mean"], named[f"formant{number}_std"] = m, s
    tilt = _band_differences(heard.bands.take(voiced.index, axis=0))[0] * -TO_DB
    effort = heard.energy_db.take(voiced.index)
    strong = effort >= percentiles(effort, 50)[0]
    named["tilt_with_effort"] = 0.0 if strong.all() else mean(tilt[strong]) - mean(tilt[~strong])
    return named


BAND_GROUPS: Final = ((0, 6), (6, 12), (12, 20), (20, 29), (29, 40))
"""Mel bands from about 60 to 400, to 900, to 1,900, to 3,700 and to 7,600 Hz."""


BEAT_HZ: Final = ((1.0, 4.0), (4.0, 10.0), (10.0, 30.0))


@cache
def _beat_matrix() -> NDArray[np.float64]:
    return beat_matrix(BEAT_HZ)


@cache
def _group_matrix() -> Floats:
    """Means of the mel bands of BAND_GROUPS: (5, MELS)."""
    matrix = np.zeros((len(BAND_GROUPS), MELS), dtype=np.float32)
    for row, (low, high) in enumerate(BAND_GROUPS):
        matrix[row, low:high] = 1 / (high - low)
    return matrix


def modulation_functionals(heard: Contours, speech: Frames) -> Named:
    """Modulation of the bands: shares of slow, syllabic and fast (Wu, Falk & Chan 2011), and depth."""
    bands = _group_matrix() @ heard.log_mel[speech.index[0] : speech.index[-1] + 1].T
    bands -= (np.add.reduce(bands, axis=1) / np.float32(bands.shape[1]))[:, None]
    slow, syllabic, fast = beats(bands, _beat_matrix()).T
    total = slow + syllabic + fast + 1e-9
    depth = np.sqrt(np.einsum("ij,ij->i", bands, bands) / bands.shape[1])
    tracks = (syllabic / total).tolist(), np.log(fast / total + 1e-4).tolist(), depth.tolist()
    named: Named = {}
    for number, values in enumerate(zip(*tracks, strict=True), 1):
        for name, value in zip(("syllabic", "fast", "std"), values, strict=True):
            named[f"band{number}_{name}"] = value
    return named
