"""Small statistics of contours that the functionals are made of.

A stretch is a few hundred frames, for which most of numpy's own functions spend more time on their arguments
than on the values; these do not.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

MIN_VOICED_FRAMES: Final = 5
"""With fewer voiced frames the loud ones stand in for them: whispered or very noisy speech."""

Named = dict[str, float]


def mean(values: NDArray[np.floating]) -> float:
    """Arithmetic mean of values (n,), n >= 1, in a third of the time of numpy's method."""
    return float(np.add.reduce(values)) / len(values)


def deviation(values: Floats) -> float:
    """Standard deviation (of the population) of values (n,), n >= 1."""
    centred = values - np.float32(mean(values))
    return float(np.sqrt(centred @ centred / len(values)))


def steps(values: Floats) -> Floats:
    """Differences of neighbours, along the first axis."""
    return values[1:] - values[:-1]


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
    return mean(values), deviation(values), low, high


def slope(times: Floats, values: Floats) -> float:
    """Least-squares slope in units a second; 0 for a single moment."""
    centred = times - np.float32(mean(times))
    variance = float(centred @ centred)
    return float(centred @ (values - np.float32(mean(values)))) / variance if variance > 1e-6 else 0.0


def run_bounds(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First frame of each run of True, and the first after it."""
    bounded = np.zeros(len(mask) + 2, dtype=bool)
    bounded[1:-1] = mask
    edges = np.flatnonzero(bounded[1:] != bounded[:-1])
    return edges[::2], edges[1::2]


def edge_padded(values: Floats, count: int) -> Floats:
    """Values with the first and the last repeated `count` times more."""
    return np.concatenate((np.repeat(values[:1], count), values, np.repeat(values[-1:], count)))


def smooth(values: Floats, frames: int) -> Floats:
    """Moving average over an odd number of frames, edges repeated."""
    kernel = np.full(frames, 1 / frames, np.float32)
    return np.convolve(edge_padded(values, frames // 2), kernel, mode="valid").astype(np.float32)


def correlation(first: Floats, second: Floats) -> float:
    """Pearson's coefficient; 0 where one of them is constant."""
    first, second = first - np.float32(mean(first)), second - np.float32(mean(second))
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / scale if scale > 1e-6 else 0.0
