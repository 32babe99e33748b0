"""Figures of merit: recall, calibration, and intervals that respect speakers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from emoedge.emotions import EMOTION_COUNT
from emoedge.voice.classify import LEAST_SPREAD, Calibration

SEARCH: dict[str, Any] = {"method": "L-BFGS-B", "jac": "3-point", "options": {"ftol": 1e-13, "gtol": 1e-7}}
"""Tolerance for four digits: temperature and spread can compensate each other, where the loss is flat."""

Labels = NDArray[np.int64]
Probs = NDArray[np.floating]


def recalls(probabilities: Probs, labels: Labels) -> NDArray[np.float64]:
    """Return the recall of each class (7,), NaN for classes without a clip."""
    predicted = probabilities.argmax(axis=1)
    with np.errstate(invalid="ignore"):
        hits = np.array(
            [np.sum(predicted[labels == kind] == kind) for kind in range(EMOTION_COUNT)], dtype=float
        )
        return hits / np.bincount(labels, minlength=EMOTION_COUNT)


def uar(probabilities: Probs, labels: Labels) -> float:
    """Return the unweighted average recall over the classes that occur."""
    return float(np.nanmean(recalls(probabilities, labels)))


def accuracy(probabilities: Probs, labels: Labels) -> float:
    """Return the share of correct answers."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def macro_f1(probabilities: Probs, labels: Labels) -> float:
    """Return the mean F1 over the classes that occur."""
    predicted = probabilities.argmax(axis=1)
    scores = []
    for kind in np.unique(labels):
        hit = np.sum((predicted == kind) & (labels == kind))
        scores.append(2 * hit / (np.sum(predicted == kind) + np.sum(labels == kind)))
    return float(np.mean(scores))


def confusion(probabilities: Probs, labels: Labels) -> NDArray[np.int64]:
    """Return counts (7 true, 7 predicted)."""
    table = np.zeros((EMOTION_COUNT, EMOTION_COUNT), dtype=np.int64)
    np.add.at(table, (labels, probabilities.argmax(axis=1)), 1)
    return table


def reliability(probabilities: Probs, labels: Labels, bins: int = 10) -> list[tuple[float, float, int]]:
    """Return mean top probability, accuracy and number of clips for each non-empty bin of equal width."""
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    slot = np.minimum((top * bins).astype(int), bins - 1)
    return [
        (float(top[slot == b].mean()), float(right[slot == b].mean()), int(np.sum(slot == b)))
        for b in range(bins)
        if np.any(slot == b)
    ]


def calibration_error(probabilities: Probs, labels: Labels) -> float:
    """Return the expected calibration error over ten bins (Guo et al. 2017)."""
    return sum(abs(c - a) * n for c, a, n in reliability(probabilities, labels)) / len(labels)


BOUNDS = ((-2.0, 2.0), (-1.5, 0.5), (-1.5, 0.5), (0.0, 1.0), (0.0, 5.0), (0.0, 1.0))
"""Bounds of the fields of Calibration: short or one-sided input never raises the confidence."""
PULL = 1e-3
"""Weight of the squares of the fields: without evidence in the data they stay at zero."""


def fit_calibration(
    logits: NDArray[np.floating],
    labels: Labels,
    terms: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
) -> Calibration:
    """Return the calibration with the lowest negative log-likelihood.

    Args:
        logits: (n, 7).
        labels: (n,).
        terms: (n, 4), see calibration_terms().
        weights: weights of the rows, (n,); equal by default.
    """
    share = np.full(len(labels), 1 / len(labels)) if weights is None else weights / weights.sum()
    logits = logits.astype(np.float64)
    spread = np.log(np.maximum(logits.std(axis=1), LEAST_SPREAD))
    design = np.column_stack([np.ones(len(labels)), terms, spread])
    rows = np.arange(len(labels))

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scaled = logits * np.exp(-design @ parameters)[:, None]
        total = logsumexp(scaled, axis=1)
        chances = np.exp(scaled - total[:, None])
        # d(loss) / d(logarithm of the temperature) of each row.
        slope = scaled[rows, labels] - (chances * scaled).sum(axis=1)
        value = share @ (total - scaled[rows, labels]) + PULL * parameters @ parameters
        return float(value), (share * slope) @ design + 2 * PULL * parameters

    found = minimize(loss, np.zeros(6), bounds=BOUNDS, **(SEARCH | {"jac": True})).x
    return Calibration(*(round(float(value), 3) for value in found))


def speaker_interval(
    measure: Callable[[Probs, Labels], float],
    probabilities: Probs,
    labels: Labels,
    speaker: NDArray[np.str_],
    rounds: int = 500,
) -> tuple[float, float]:
    """Return the 95 % interval from drawing speakers with replacement."""
    rng = np.random.default_rng(0)
    groups = [np.flatnonzero(speaker == name) for name in np.unique(speaker)]
    values = []
    for _ in range(rounds):
        drawn = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        values.append(measure(probabilities[drawn], labels[drawn]))
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
