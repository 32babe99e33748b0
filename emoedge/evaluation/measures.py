"""Accuracy, recall, calibration and their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, INDEX, Emotion
from emoedge.evaluation.answers import Answer

BOOTSTRAPS: Final = 1000
"""Draws behind an interval."""
BINS: Final = 10
"""Of the calibration error, with equally many answers each. Bins of equal width would hold a handful each
where a set is small, and measure chance."""
NO_OPINION: Final = -1
"""In place of the index of an emotion: no answer."""

Indices = NDArray[np.intp]


def interval(statistic: Callable[[Indices], float], count: int, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a statistic of row indices (n,) out of `count` rows."""
    rng = np.random.default_rng(seed)
    values = [statistic(rng.integers(count, size=count)) for _ in range(BOOTSTRAPS)]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def macro_recall(truth: Indices, said: Indices) -> float:
    """Mean recall of the classes that occur; no answer counts as wrong."""
    return float(np.mean([np.mean(said[truth == label] == label) for label in np.unique(truth)]))


def confusion(truth: Indices, said: Indices) -> NDArray[np.int64]:
    """Counts (7, 8): label by row, answer by column, no answer in the last one."""
    table = np.zeros((EMOTION_COUNT, EMOTION_COUNT + 1), np.int64)
    np.add.at(table, (truth, said), 1)  # NO_OPINION is the last column
    return table


def calibration_error(right: NDArray[np.bool_], confidence: NDArray[np.float64]) -> float:
    """Expected calibration error of answers (n,), n >= 1, over BINS bins with equally many."""
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(BINS, len(confidence)))
    gaps = [abs(right[part].mean() - confidence[part].mean()) * len(part) / len(right) for part in parts]
    return float(np.sum(gaps))


def chance_calibration_error(confidence: NDArray[np.float64], draws: int = 200) -> float:
    """Mean calibration error of perfectly calibrated answers of these confidences (n,)."""
    rng = np.random.default_rng(0)
    drawn = [calibration_error(rng.random(len(confidence)) < confidence, confidence) for _ in range(draws)]
    return float(np.mean(drawn))


@dataclass(frozen=True, eq=False)
class Scores:
    """Figures of one method.

    Attributes:
        clips, answered: number of clips, and of those with an answer.
        accuracy, macro_recall: 0..1, no answer is wrong; the intervals are 95 %, by drawing clips with
            replacement.
        calibration_error, by_chance: of the answers given, and what perfect calibration would show with so
            few; None without an answer.
        overconfidence: mean confidence less the share of right ones, of the answers given; None without one.
        confusion: counts (7, 8), see confusion().
    """

    clips: int
    answered: int
    accuracy: float
    accuracy_95: tuple[float, float]
    macro_recall: float
    macro_recall_95: tuple[float, float]
    calibration_error: float | None
    by_chance: float | None
    overconfidence: float | None
    confusion: NDArray[np.int64]


def score(labels: Sequence[Emotion], answers: Sequence[Answer]) -> Scores:
    """Compare answers with labels, one each, at least one."""
    truth = np.array([INDEX[label] for label in labels], np.intp)
    said = np.array(
        [NO_OPINION if answer.emotion is None else INDEX[answer.emotion] for answer in answers], np.intp
    )
    given = said != NO_OPINION
    right = (said == truth)[given]
    confidence = np.array([answer.confidence for answer in answers], np.float64)[given]
    some = bool(len(right))
    return Scores(
        clips=len(truth),
        answered=int(given.sum()),
        accuracy=float(np.mean(said == truth)),
        accuracy_95=interval(lambda rows: float(np.mean(said[rows] == truth[rows])), len(truth)),
        macro_recall=macro_recall(truth, said),
        macro_recall_95=interval(lambda rows: macro_recall(truth[rows], said[rows]), len(truth)),
        calibration_error=calibration_error(right, confidence) if some else None,
        by_chance=chance_calibration_error(confidence) if some else None,
        overconfidence=float(confidence.mean() - right.mean()) if some else None,
        confusion=confusion(truth, said),
    )
