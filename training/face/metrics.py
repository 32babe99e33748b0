"""Scores of a seven-class classifier, with confidence intervals by bootstrap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logsumexp

from emoedge.emotions import EMOTION_COUNT

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]

BOOTSTRAP = 1000
BINS = 15
"""Equal-width bins of the expected calibration error (Guo et al. 2017, arXiv:1706.04599)."""


def accuracy(predicted: Labels, labels: Labels) -> float:
    """Return the share of correct rows."""
    return float(np.mean(predicted == labels))


def recalls(predicted: Labels, labels: Labels) -> list[float]:
    """Return the recall of each class; NaN where a class has no rows."""
    hit = predicted == labels
    return [
        float(hit[labels == c].mean()) if (labels == c).any() else float("nan") for c in range(EMOTION_COUNT)
    ]


def macro_recall(predicted: Labels, labels: Labels) -> float:
    """Return the unweighted mean recall of the classes present."""
    return float(np.nanmean(recalls(predicted, labels)))


def macro_f1(predicted: Labels, labels: Labels) -> float:
    """Return the unweighted mean F1 of the classes present."""
    scores = []
    for c in range(EMOTION_COUNT):
        true = np.sum((predicted == c) & (labels == c))
        wrong = np.sum((predicted == c) != (labels == c))
        if (labels == c).any():
            scores.append(2 * true / (2 * true + wrong))
    return float(np.mean(scores))


def interval(
    score: Callable[[Labels, Labels], float], predicted: Labels, labels: Labels, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval over rows, drawn within each class."""
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == c) for c in range(EMOTION_COUNT) if (labels == c).any()]
    draws = []
    for _ in range(BOOTSTRAP):
        rows = np.concatenate([rng.choice(group, len(group)) for group in groups])
        draws.append(score(predicted[rows], labels[rows]))
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def confusion(predicted: Labels, labels: Labels) -> NDArray[np.int64]:
    """Return counts (7, 7): true class by row, predicted class by column."""
    table = np.zeros((EMOTION_COUNT, EMOTION_COUNT), np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table


def reliability(probabilities: NDArray[np.float32], labels: Labels) -> list[tuple[float, float, int]]:
    """Return (mean confidence, accuracy, rows) of each non-empty bin of the top probability."""
    top = probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == labels
    bins = np.minimum((top * BINS).astype(int), BINS - 1)
    return [
        (float(top[bins == b].mean()), float(hit[bins == b].mean()), int((bins == b).sum()))
        for b in range(BINS)
        if (bins == b).any()
    ]


def calibration_error(probabilities: NDArray[np.float32], labels: Labels) -> float:
    """Return the expected calibration error of the top probability."""
    parts = reliability(probabilities, labels)
    return sum(abs(confidence - hits) * rows for confidence, hits, rows in parts) / len(labels)


TEMPERATURE_BOUNDS = (0.3, 4.0)


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """Return the temperature with the lowest negative log-likelihood, which is convex in its inverse."""
    exact = logits.astype(np.float64)
    given = exact[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        sharpness = np.exp(-log_temperature)
        return float(np.mean(logsumexp(sharpness * exact, axis=1) - sharpness * given))

    found = minimize_scalar(
        loss, bounds=np.log(TEMPERATURE_BOUNDS), method="bounded", options={"xatol": 1e-5}
    )
    return float(np.exp(found.x))


AIMS = (0.87, 0.78)
"""Target accuracy and macro recall of the model."""

RARE = 0.03
"""Classes with a smaller share than this (disgust and fear in FER+) get their own offset."""

DRAWS = 200
"""Number of draws that `fit_bias` averages: with two dozen disgusted faces the best offset depends on single
rows."""


SOFTNESS = 0.05
"""Width in logits of the soft border between hit and miss in `fit_bias`. Without it, single rows decide
between points of the grid; ten times as much blurs the rare classes."""


def hit_degrees(logits: NDArray[np.floating], labels: Labels) -> NDArray[np.float64]:
    """Return soft hits (N,) in [0, 1]: 0.5 where the label ties with the best other class.

    With hard hits and misses the search for the balance is a search over steps, and the best point depends on
    rows that are within rounding of the border.
    """
    exact = logits.astype(np.float64)
    rows = np.arange(len(labels))
    given = exact[rows, labels]
    exact[rows, labels] = -np.inf
    return np.asarray(expit((given - exact.max(axis=1)) / SOFTNESS))


def headroom(recall: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the distance of accuracy and macro recall above `AIMS` in standard errors, the smaller of both.

    The accuracy is estimated from all rows, the macro recall depends on the few rows of the rarest class. In
    these units, distances that look equally safe on one set are about equally safe on the next.

    Args:
        recall: (..., classes).
        rows: (classes,), number of rows of each class.

    Returns:
        (...).
    """
    least = 0.5 / rows  # a recall of 0 or 1 on a few rows is not certain
    bounded = np.clip(recall, least, 1 - least)
    accuracy_error = np.sqrt(AIMS[0] * (1 - AIMS[0]) / rows.sum())
    recall_error = np.sqrt(np.sum(bounded * (1 - bounded) / rows, axis=-1)) / len(rows)
    return np.minimum(
        (recall @ rows / rows.sum() - AIMS[0]) / accuracy_error,
        (recall.mean(axis=-1) - AIMS[1]) / recall_error,
    )


def fit_bias(logits: Logits, labels: Labels, draws: int = DRAWS, seed: int = 0) -> NDArray[np.float32]:
    """Shift the balance between frequent and rare classes.

    Two strengths: one for ``-log(prior)`` over all classes (Menon et al. 2021, arXiv:2007.07314), one for the
    rare classes; seven free values would be fitted to two dozen disgusted faces. Chosen for the most
    ``headroom``, in the mean over draws of the rows within each class.

    Returns:
        (7,) offsets with mean zero.
    """
    prior = np.bincount(labels, minlength=EMOTION_COUNT) / len(labels)
    overall = -np.log(np.maximum(prior, 1e-4))
    rare = (prior < RARE).astype(np.float64)
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == c) for c in range(EMOTION_COUNT) if prior[c]]
    drawn = [rng.choice(group, (draws, len(group))) for group in groups]
    rows = np.array([len(group) for group in groups])

    def gain(offset: NDArray[np.float64]) -> float:
        degree = hit_degrees(np.asarray(logits + offset), labels)
        recall = np.stack([degree[chosen].mean(axis=1) for chosen in drawn], axis=1)
        return float(headroom(recall, rows).mean())

    grid = [a * overall + b * rare for a in np.arange(0, 0.21, 0.025) for b in np.arange(0, 1.01, 0.1)]
    bias = max(grid, key=gain)
    return np.asarray(bias - bias.mean(), np.float32)
