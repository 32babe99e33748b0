"""Scores of a seven-class classifier, with confidence intervals by bootstrap."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, softmax

Logits = NDArray[np.float32]
Labels = NDArray[np.int64]

BOOTSTRAP = 1000
BINS = 15
"""Equal-width bins of the expected calibration error (Guo et al. 2017, arXiv:1706.04599)."""


def accuracy(predicted: Labels, labels: Labels) -> float:
    """Share of hits."""
    return float(np.mean(predicted == labels))


def recalls(predicted: Labels, labels: Labels) -> list[float]:
    """Recall of each class; NaN where a class has no rows."""
    hit = predicted == labels
    return [
        float(hit[labels == c].mean()) if (labels == c).any() else float("nan") for c in range(EMOTION_COUNT)
    ]


def macro_recall(predicted: Labels, labels: Labels) -> float:
    """Unweighted mean of the recalls of the classes present."""
    return float(np.nanmean(recalls(predicted, labels)))


def macro_f1(predicted: Labels, labels: Labels) -> float:
    """Unweighted mean F1 over the classes present."""
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
    """95 % percentile bootstrap interval over rows, drawn within each class."""
    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(labels == c) for c in range(EMOTION_COUNT) if (labels == c).any()]
    draws = []
    for _ in range(BOOTSTRAP):
        rows = np.concatenate([rng.choice(group, len(group)) for group in groups])
        draws.append(score(predicted[rows], labels[rows]))
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)


def confusion(predicted: Labels, labels: Labels) -> NDArray[np.int64]:
    """Counts (7, 7): true class by row, predicted by column."""
    table = np.zeros((EMOTION_COUNT, EMOTION_COUNT), np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table


def reliability(probabilities: NDArray[np.float32], labels: Labels) -> list[tuple[float, float, int]]:
    """(mean confidence, accuracy, rows) of each filled bin of the top probability."""
    top = probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == labels
    bins = np.minimum((top * BINS).astype(int), BINS - 1)
    return [
        (float(top[bins == b].mean()), float(hit[bins == b].mean()), int((bins == b).sum()))
        for b in range(BINS)
        if (bins == b).any()
    ]


def calibration_error(probabilities: NDArray[np.float32], labels: Labels) -> float:
    """Expected calibration error of the top probability."""
    parts = reliability(probabilities, labels)
    return sum(abs(confidence - hits) * rows for confidence, hits, rows in parts) / len(labels)


def fit_temperature(logits: Logits, labels: Labels) -> float:
    """The temperature with the lowest negative log-likelihood, to 1 %."""

    def loss(temperature: float) -> float:
        chosen = softmax(logits, temperature)[np.arange(len(labels)), labels]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    grid = np.exp(np.arange(np.log(0.3), np.log(4.0), 0.01))
    return float(min(grid, key=loss))


AIMS = (0.87, 0.78)
"""Accuracy and macro recall that the model is to reach."""

MARGIN = 0.01
"""``fit_bias`` keeps the accuracy this far above its aim: other faces than those it was fitted on cost about as much."""

RARE = 0.03
"""Classes with a smaller share than this (disgust and fear, in FER+) get an offset of their own."""


def fit_bias(logits: Logits, labels: Labels) -> NDArray[np.float32]:
    """Shift the balance between frequent and rare classes.

    Two strengths: one for ``-log(prior)`` over all classes (Menon et al. 2021, arXiv:2007.07314), one for the rare
    classes; seven free values would be fitted to two dozen disgusted faces. Chosen for the best macro recall among those
    with an accuracy of ``AIMS[0] + MARGIN``; where none has it, so that the smaller of accuracy and macro recall, each in
    shares of ``AIMS``, is largest.

    Returns:
        (7,) offsets with mean zero.
    """
    prior = np.bincount(labels, minlength=EMOTION_COUNT) / len(labels)
    overall = -np.log(np.maximum(prior, 1e-4))
    rare = (prior < RARE).astype(np.float64)

    def gain(strengths: tuple[float, float]) -> tuple[bool, float]:
        predicted = (logits + strengths[0] * overall + strengths[1] * rare).argmax(axis=1)
        hits, recall = accuracy(predicted, labels), macro_recall(predicted, labels)
        if hits >= AIMS[0] + MARGIN:
            return True, recall
        return False, min(hits / AIMS[0], recall / AIMS[1])

    grid = [(a, b) for a in np.arange(0, 0.31, 0.05) for b in np.arange(0, 1.21, 0.1)]
    best = max(grid, key=gain)
    bias = best[0] * overall + best[1] * rare
    return (bias - bias.mean()).astype(np.float32)
