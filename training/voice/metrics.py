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
"""To the fourth digit: temperature and spread can stand in for one another, and the loss is flat along that
line."""

Labels = NDArray[np.int64]
Probs = NDArray[np.floating]


def recalls(probabilities: Probs, labels: Labels) -> NDArray[np.float64]:
    """Recall of each class (7,), NaN for classes without a clip."""
    predicted = probabilities.argmax(axis=1)
    with np.errstate(invalid="ignore"):
        hits = np.array(
            [np.sum(predicted[labels == kind] == kind) for kind in range(EMOTION_COUNT)], dtype=float
        )
        return hits / np.bincount(labels, minlength=EMOTION_COUNT)


def uar(probabilities: Probs, labels: Labels) -> float:
    """Unweighted average recall over the classes that occur."""
    return float(np.nanmean(recalls(probabilities, labels)))


def accuracy(probabilities: Probs, labels: Labels) -> float:
    """Share of correct answers."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def macro_f1(probabilities: Probs, labels: Labels) -> float:
    """Mean F1 over the classes that occur."""
    predicted = probabilities.argmax(axis=1)
    scores = []
    for kind in np.unique(labels):
        hit = np.sum((predicted == kind) & (labels == kind))
        scores.append(2 * hit / (np.sum(predicted == kind) + np.sum(labels == kind)))
    return float(np.mean(scores))


def confusion(probabilities: Probs, labels: Labels) -> NDArray[np.int64]:
    """Counts (7 true, 7 predicted)."""
    table = np.zeros((EMOTION_COUNT, EMOTION_COUNT), dtype=np.int64)
    np.add.at(table, (labels, probabilities.argmax(axis=1)), 1)
    return table


def reliability(probabilities: Probs, labels: Labels, bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean top probability, accuracy and number of clips for each occupied bin of equal width."""
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    slot = np.minimum((top * bins).astype(int), bins - 1)
    return [
        (float(top[slot == b].mean()), float(right[slot == b].mean()), int(np.sum(slot == b)))
        for b in range(bins)
        if np.any(slot == b)
    ]


def calibration_error(probabilities: Probs, labels: Labels) -> float:
    """Expected calibration error over ten bins (Guo et al. 2017)."""
    return sum(abs(c - a) * n for c, a, n in reliability(probabilities, labels)) / len(labels)


def fit_calibration(
    logits: NDArray[np.floating], labels: Labels, counts: NDArray[np.floating]
) -> dict[str, Calibration]:
    """The calibration for strangers ("alone") and for people "known" with the least negative log-likelihood.

    Args:
        logits: (n, 7).
        labels: (n,).
        counts: utterances of the speaker heard before, (n,); see VoiceModel.calibration() for what lies in
            between.
    """
    share = 1.0 / (1.0 + counts)
    logits = logits.astype(np.float64)
    spread = np.log(np.maximum(logits.std(axis=1), LEAST_SPREAD))
    rows = np.arange(len(labels))

    def loss(parameters: NDArray[np.float64]) -> float:
        known, alone, power = parameters
        scaled = logits * np.exp(-(known + (alone - known) * share + power * spread))[:, None]
        return float((logsumexp(scaled, axis=1) - scaled[rows, labels]).mean())

    bounds = [(-2, 2), (-2, 2), (0, 1)]
    known, alone, power = minimize(loss, np.zeros(3), bounds=bounds, **SEARCH).x
    power = round(float(power), 4)
    return {
        "alone": Calibration(round(float(np.exp(alone)), 4), power),
        "known": Calibration(round(float(np.exp(known)), 4), power),
    }


def speaker_interval(
    measure: Callable[[Probs, Labels], float],
    probabilities: Probs,
    labels: Labels,
    speaker: NDArray[np.str_],
    rounds: int = 500,
) -> tuple[float, float]:
    """95 % interval by drawing speakers with replacement."""
    rng = np.random.default_rng(0)
    groups = [np.flatnonzero(speaker == name) for name in np.unique(speaker)]
    values = []
    for _ in range(rounds):
        drawn = np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])
        values.append(measure(probabilities[drawn], labels[drawn]))
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)
