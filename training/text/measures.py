"""What the text model is measured by: F1, recall, calibration, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS
from emoedge.evaluation import measures
from emoedge.evaluation.measures import NO_OPINION, interval


@dataclass(frozen=True, eq=False)
class Answers:
    """What the model said about one set in one form.

    truth, said: int (n,), indices into EMOTIONS; NO_OPINION where it had none.
    confidence: float (n,), probability of what was said, 0 without an opinion.
    labels: the emotions that the set has.
    """

    truth: NDArray[np.intp]
    said: NDArray[np.intp]
    confidence: NDArray[np.float64]
    labels: tuple[int, ...]


def f1_scores(truth: NDArray[np.intp], said: NDArray[np.intp], labels: Sequence[int]) -> NDArray[np.float64]:
    """F1 of each label; 0 for one that is neither there nor said."""
    scores = []
    for label in labels:
        hits = np.sum((truth == label) & (said == label))
        scores.append(2 * hits / max(1, np.sum(truth == label) + np.sum(said == label)))
    return np.array(scores)


def recalls(truth: NDArray[np.intp], said: NDArray[np.intp], labels: Sequence[int]) -> NDArray[np.float64]:
    """Recall of each label."""
    return np.array([np.mean(said[truth == label] == label) for label in labels])


def calibration_error(answers: Answers) -> float:
    """Expected calibration error of the answers given."""
    given = answers.said != NO_OPINION
    return measures.calibration_error((answers.said == answers.truth)[given], answers.confidence[given])


def chance_calibration_error(answers: Answers) -> float:
    """Mean calibration error of a perfectly calibrated model with as many rows of this confidence."""
    return measures.chance_calibration_error(answers.confidence[answers.said != NO_OPINION])


def together(parts: Sequence[Answers]) -> Answers:
    """Several sets as one."""
    return Answers(
        truth=np.concatenate([part.truth for part in parts]),
        said=np.concatenate([part.said for part in parts]),
        confidence=np.concatenate([part.confidence for part in parts]),
        labels=tuple(range(len(EMOTIONS))),
    )


def metrics(answers: Answers) -> dict[str, Any]:
    """Everything the card says of one set in one form; no opinion counts as wrong."""
    truth, said, labels = answers.truth, answers.said, answers.labels
    f1 = f1_scores(truth, said, labels)
    union = sorted(set(truth) | set(said) - {NO_OPINION})
    return {
        "rows": len(truth),
        "macro_f1": round(float(f1.mean()), 4),
        "macro_f1_95": [
            round(bound, 4)
            for bound in interval(lambda i: float(f1_scores(truth[i], said[i], labels).mean()), len(truth))
        ],
        "macro_f1_of_labels_said": round(float(f1_scores(truth, said, union).mean()), 4),
        "uar": round(float(recalls(truth, said, labels).mean()), 4),
        "accuracy": round(float(np.mean(truth == said)), 4),
        "accuracy_95": [
            round(bound, 4) for bound in interval(lambda i: float(np.mean(truth[i] == said[i])), len(truth))
        ],
        "ece": round(calibration_error(answers), 4),
        "ece_by_chance": round(chance_calibration_error(answers), 4),
        "no_opinion": int(np.sum(said == NO_OPINION)),
        "f1": {EMOTIONS[label]: round(float(value), 3) for label, value in zip(labels, f1, strict=True)},
        "support": {EMOTIONS[label]: int(np.sum(truth == label)) for label in labels},
    }
