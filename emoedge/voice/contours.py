"""Contours of a stretch of speech every 10 ms: spectrum, energy, pitch and voicing.

Floors and thresholds are relative to the stretch itself, so that gain changes nothing but ``energy_db``. Only
numpy and one transform of OpenCV are used, and the same samples always give the same contours, whatever
blocks they came in.

Source: Boersma 1993, "Accurate short-term analysis of the fundamental frequency", for the autocorrelation
    pitch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.statistics import Floats, Mask, percentiles

SAMPLE_RATE: Final = 16_000
"""Hz. Every part of the voice path works at this rate; capture resamples."""
HOP: Final = 160
"""Samples between frames: 10 ms, fine enough for syllables (about 150 ms)."""
FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP
WINDOW: Final = 640
"""Samples in a frame: 40 ms holds three periods of a 75 Hz voice, so that one transform serves pitch and
spectrum."""
FFT: Final = 1024
"""Transform length: zero padding leaves lags up to 384 samples (42 Hz) free of circular wrap."""
BINS: Final = FFT // 2
"""Bins of a spectrum that are kept; the last one, at half the sample rate, holds nothing of a voice."""
BLOCK_FRAMES: Final = 32
"""Frames transformed at a time: their buffers stay in the cache, and no page is fetched from the system for
them."""
MELS: Final = 40
MEL_RANGE_HZ: Final = (60.0, 7600.0)
F0_RANGE_HZ: Final = (65.0, 520.0)
F0_BAND_HZ: Final = (60.0, 2000.0)
"""Only the lower harmonics enter the autocorrelation: hiss does not hide the pitch there."""
VOICING_THRESHOLD: Final = 0.45
"""Normalised autocorrelation above which a frame counts as voiced (Boersma's default)."""
FLOOR: Final = 1e-6
"""Spectral floor, as a fraction of the strongest mel band of the stretch: 60 dB below the peak."""
SPEECH_RANGE_DB: Final = 30.0
"""Frames weaker than the loud ones (95th percentile) by more than this are pauses."""
MIN_SAMPLES: Final = 4_000
"""0.25 s: less than this holds no syllable."""
MFCCS: Final = 13
LEVEL_BAND_HZ: Final = (80.0, 7600.0)
"""Band whose power is the energy of a frame."""
SHARE_BANDS_HZ: Final = {
    "alpha": ((50, 1000), (1000, 5000)),
    "f1_band": ((500, 1000), (100, 500)),
    "f2_band": ((1000, 2200), (100, 1000)),
    "sibilance": ((4000, 7500), (100, 4000)),
}
"""Bands whose levels are compared: the first less the second."""
TO_DB: Final = np.float32(10 / np.log(10))
"""numpy's natural logarithm of float32 is several times as fast as its decimal one."""


@dataclass(frozen=True)
class Contours:
    """Contours of a stretch; every array has n frames of HOP samples.

    Attributes:
        mel: float32 (n, MELS), mel power above a floor relative to the peak of the stretch.
        log_mel: its natural logarithm.
        cepstrum: float32 (n, MFCCS + 1).
        power: float32 (n, BINS), power spectrum of the Hann-windowed frame.
        bands: float32 (n, 8), power in the first bands of SHARE_BANDS_HZ, then in the second ones.
        energy_db: float32 (n,), frame power in dB relative to full scale.
        f0_st: float32 (n,), pitch in semitones above 100 Hz; meaningful where voiced.
        harmonicity: float32 (n,), normalised autocorrelation at the pitch lag, in [0, 1].
        voiced: bool (n,).
        speech: bool (n,), loud enough to be speech and not a pause.
    """

    mel: Floats
    log_mel: Floats
    cepstrum: Floats
    power: Floats
    bands: Floats
    energy_db: Floats
    f0_st: Floats
    harmonicity: Floats
    voiced: Mask
    speech: Mask


def as_samples(samples: NDArray[np.integer | np.floating]) -> Floats:
    """Mono samples (n,) as float32 in [-1, 1]; int16 is scaled, floats are taken as they are.

    Raises:
        ValueError: not one-dimensional, of another integer type, or not finite.
    """
    if samples.ndim != 1:
        raise ValueError(f"expected mono samples of shape (n,), got {samples.shape}")
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(32768)
    if not np.issubdtype(samples.dtype, np.floating):
        raise ValueError(f"expected int16 or float samples, got {samples.dtype}")
    if not np.all(np.isfinite(samples)):
        raise ValueError("samples must be finite")
    return samples.astype(np.float32)


@cache
def _hann() -> Floats:
    return np.hanning(WINDOW + 1)[:-1].astype(np.float32)


@cache
def _mel_matrix() -> Floats:
    """Triangular filters (BINS, MELS) on the HTK mel scale, unit area so that white noise is flat."""

    def to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 2595.0 * np.log10(1.0 + hertz / 700.0)

    low, high = to_mel(np.array(MEL_RANGE_HZ))
    edges_mel = np.linspace(low, high, MELS + 2)
    edges = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins = np.arange(BINS)[:, None] * (SAMPLE_RATE / FFT)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    return (filters / np.maximum(filters.sum(axis=0), 1e-9)).astype(np.float32)


@cache
def _sum_matrix() -> Floats:
    """Sums of a spectrum: mel bands, LEVEL_BAND_HZ, first and second of SHARE_BANDS_HZ: (BINS, 49)."""
    bands = [LEVEL_BAND_HZ, *(pair[side] for side in (0, 1) for pair in SHARE_BANDS_HZ.values())]
    matrix = np.zeros((BINS, len(bands)), dtype=np.float32)
    for column, band_hz in enumerate(bands):
        matrix[band_bins(*band_hz), column] = 1
    return np.hstack([_mel_matrix(), matrix])


@cache
def dct_matrix() -> Floats:
    """Orthonormal DCT-II (MELS, MFCCS + 1)."""
    grid = np.pi / MELS * (np.arange(MELS)[:, None] + 0.5) * np.arange(MFCCS + 1)
    matrix = np.cos(grid) * np.sqrt(2.0 / MELS)
    matrix[:, 0] /= np.sqrt(2.0)
    return matrix.astype(np.float32)


@cache
def _window_autocorrelation() -> Floats:
    spectrum = np.abs(np.fft.rfft(_hann(), FFT)) ** 2
    correlation = np.fft.irfft(spectrum, FFT)
    return (correlation / correlation[0]).astype(np.float32)


@cache
def _lag_cosines(lags: int) -> Floats:
    """From F0_BAND_HZ to the autocorrelation over the window's own, at half the sample rate: (bins, lags)."""
    bins = np.arange(BINS)[band_bins(*F0_BAND_HZ)]
    cosines = np.cos(2 * np.pi / BINS * np.outer(bins, np.arange(lags)))
    return (cosines / _window_autocorrelation()[: 2 * lags : 2]).astype(np.float32)


@cache
def _lag_cost(shortest: int, longest: int) -> Floats:
    """Cost of long lags; it keeps the first of equal peaks: no octave errors downwards (Boersma, eq. 24)."""
    return (0.02 * np.log2(np.arange(shortest, longest + 1) / shortest)).astype(np.float32)


def band_bins(low_hz: float, high_hz: float) -> slice:
    """Transform bins of a frequency band."""
    return slice(round(low_hz * FFT / SAMPLE_RATE), round(high_hz * FFT / SAMPLE_RATE) + 1)


def _power_spectrum(samples: Floats) -> Floats:
    """Power of the windowed frames, (frames, BINS)."""
    import cv2

    count = 1 + (len(samples) - WINDOW) // HOP
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP][:count]
    power = np.empty((count, BINS), dtype=np.float32)
    frames = np.zeros((min(count, BLOCK_FRAMES), FFT), dtype=np.float32)
    spectrum = np.empty_like(frames)
    for first in range(0, count, BLOCK_FRAMES):
        block = power[first : first + BLOCK_FRAMES]
        rows = len(block)
        np.multiply(windows[first : first + rows], _hann(), out=frames[:rows, :WINDOW])
        # OpenCV's transform takes a fifteenth of the time of numpy's and is loaded for the face anyway. Its
        # rows are packed: real 0, real 1, imaginary 1, … , real FFT / 2.
        packed = cv2.dft(frames[:rows], spectrum[:rows], flags=cv2.DFT_ROWS)
        # All rows in one go: where one ends and the next begins, the magnitude is nonsense and replaced.
        np.abs(packed.reshape(-1)[1:-1].view(np.complex64), out=block.reshape(-1)[1:])
        block[:, 0] = packed[:, 0]
        np.square(block, out=block)
    return power


def _peaks(correlation: Floats, rows: NDArray[np.intp], best: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Lag in samples (parabolic) and height of the peaks at some places of a correlation (n, lags)."""
    places = rows * correlation.shape[1] + best
    left, middle, right = (correlation.take(places + shift) for shift in (-1, 0, 1))
    tilt, curvature = left - right, left - 2 * middle + right
    offset = np.where(curvature < -1e-6, 0.5 * tilt / np.minimum(curvature, -1e-6), 0.0)
    offset = np.clip(offset, -0.5, 0.5)
    height = middle - 0.25 * tilt * offset
    return (best + offset).astype(np.float32), np.clip(height, 0.0, 1.0).astype(np.float32)


def _pitch(power: Floats, speech: Mask) -> tuple[Floats, Floats, Mask]:
    """Pitch (semitones above 100 Hz), harmonicity and voicing of each frame.

    Two passes: the median of the first narrows the range of the second to an octave below and one and a half
    above, which removes most octave errors without a search over paths (Hirst 2011).
    """
    import cv2

    rate = SAMPLE_RATE // 2
    shortest, longest = int(rate / F0_RANGE_HZ[1]), int(rate / F0_RANGE_HZ[0])
    correlation = power[:, band_bins(*F0_BAND_HZ)] @ _lag_cosines(longest + 2)
    # Contiguous: the AVX2 of emulators (QEMU 7.2) fails in numpy's maximum of every n-th number.
    correlation /= np.maximum(np.ascontiguousarray(correlation[:, :1]), 1e-20)
    merit = correlation[:, shortest : longest + 1] - _lag_cost(shortest, longest)
    best = merit.argmax(axis=1) + shortest
    lag, height = _peaks(correlation, np.arange(len(best)), best)
    sure = speech & (height > 0.6)
    if np.count_nonzero(sure) >= 5:
        median = percentiles(lag[sure], 50)[0]
        low, high = max(shortest, int(median / 2.8)), min(longest, int(median * 2.0))
        again = ((best < low) | (best > high)).nonzero()[0]
        if len(again):
            nearer = merit[again, low - shortest : high + 1 - shortest].argmax(axis=1) + low
            lag[again], height[again] = _peaks(correlation, again, nearer)
    voiced = speech & (height > VOICING_THRESHOLD)
    f0_st = 12.0 * np.log2(rate / lag / 100.0)
    # A median of 5 by 5 of one row, which OpenCV repeats: of five.
    return cv2.medianBlur(f0_st.astype(np.float32)[None], 5)[0], height, voiced


def contours(samples: NDArray[np.integer | np.floating]) -> Contours:
    """The frame contours of a stretch of at least MIN_SAMPLES mono samples at 16 kHz.

    Raises:
        ValueError: too short, not mono, or not int16 or finite float.
    """
    signal = as_samples(samples)
    if len(signal) < MIN_SAMPLES:
        raise ValueError(f"a stretch needs {MIN_SAMPLES} samples, got {len(signal)}")
    signal -= signal.mean()
    power = _power_spectrum(signal)
    sums = power @ _sum_matrix()
    mel, total, bands = sums[:, :MELS], sums[:, MELS], sums[:, MELS + 1 :]
    mel = mel + np.float32(FLOOR * max(float(mel.max()), 1e-20))
    # Parseval with the energy of the Hann window (3/8): mean square of the frame.
    mean_square = np.maximum(total * np.float32(2 / (FFT * WINDOW * 0.375)), np.float32(FLOOR * 1e-9))
    energy_db = np.log(mean_square) * TO_DB
    speech = energy_db > percentiles(energy_db, 95)[0] - SPEECH_RANGE_DB
    f0_st, harmonicity, voiced = _pitch(power, speech)
    log_mel = np.log(mel)
    cepstrum = log_mel @ dct_matrix()
    return Contours(mel, log_mel, cepstrum, power, bands, energy_db, f0_st, harmonicity, voiced, speech)
