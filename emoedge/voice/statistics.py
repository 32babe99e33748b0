"""Small statistics of contours that the functionals are made of."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.contours import HOP, SAMPLE_RATE, Floats, Mask

FRAMES_PER_SECOND: Final = SAMPLE_RATE / HOP

MIN_VOICED_FRAMES: Final = 5
"""With fewer voiced frames the loud ones stand in for them: whispered or very noisy speech."""

Named = dict[str, float]


def percentiles(values: Floats, *percents: float) -> list[float]:
    """numpy.percentile with linear interpolation, ten times faster for a few hundred values."""
    ordered = np.sort(values)
    places = np.array(percents) / 100 * (len(ordered) - 1)
    below = places.astype(np.int64)
    above = np.minimum(below + 1, len(ordered) - 1)
    return [float(value) for value in ordered[below] + (places - below) * (ordered[above] - ordered[below])]


def spread(values: Floats) -> tuple[float, float, float, float]:
    """Mean, standard deviation, 10th and 90th percentile."""
    low, high = percentiles(values, 10, 90)
    return float(values.mean()), float(values.std()), low, high


def slope(times: Floats, values: Floats) -> float:
    """Least-squares slope in units a second; 0 for a single moment."""
    centred = times - times.mean()
    variance = float(centred @ centred)
    return float(centred @ (values - values.mean())) / variance if variance > 1e-6 else 0.0


def run_bounds(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First frame of each run of True, and the first after it."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return edges[::2], edges[1::2]


def smooth(values: Floats, frames: int) -> Floats:
    """Moving average over an odd number of frames, edges repeated."""
    padded = np.pad(values, frames // 2, mode="edge")
    return np.convolve(padded, np.full(frames, 1 / frames, np.float32), mode="valid").astype(np.float32)


def correlation(first: Floats, second: Floats) -> float:
    """Pearson's coefficient; 0 where one of them is constant."""
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale > 1e-6 else 0.0
