"""Answers of a network to clips, and their figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, EMOTIONS
from training.voice import metrics
from training.voice.data import Corpus


@dataclass(frozen=True)
class Answers:
    """Answers to clips: probabilities (n, 7), labels (n,), speakers (n,), speech found (n,).

    A clip without speech found has all its probability on a wrong label, so that it counts as an error.
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    speaker: NDArray[np.str_]
    found: NDArray[np.bool_]

    def of(self, speakers: list[str]) -> Answers:
        """Return the answers to clips of some speakers."""
        mine = np.isin(self.speaker, speakers)
        return Answers(self.probabilities[mine], self.labels[mine], self.speaker[mine], self.found[mine])

    def uar(self) -> float:
        """Return the unweighted average recall."""
        return metrics.uar(self.probabilities, self.labels)

    def summary(self) -> dict[str, Any]:
        """Return all figures for JSON."""
        measures = {"uar": metrics.uar, "accuracy": metrics.accuracy, "macro_f1": metrics.macro_f1}
        result: dict[str, Any] = {"clips": len(self.labels), "no_voice": int(np.sum(~self.found))}
        for name, measure in measures.items():
            low, high = metrics.speaker_interval(measure, self.probabilities, self.labels, self.speaker)
            result[name] = [
                round(value, 4) for value in (measure(self.probabilities, self.labels), low, high)
            ]
        result["recall"] = {}
        recalls = metrics.recalls(self.probabilities, self.labels)
        for kind, name in enumerate(EMOTIONS):

            def one(
                probabilities: NDArray[np.floating], labels: NDArray[np.int64], kind: int = kind
            ) -> float:
                return float(metrics.recalls(probabilities, labels)[kind])

            low, high = metrics.speaker_interval(
                one, self.probabilities, self.labels, self.speaker, rounds=200
            )
            result["recall"][name] = [round(float(value), 3) for value in (recalls[kind], low, high)]
        found = self.found
        result["calibration_error"] = round(
            metrics.calibration_error(self.probabilities[found], self.labels[found]), 4
        )
        result["confusion"] = metrics.confusion(self.probabilities, self.labels).tolist()
        return result


def collect(corpus: Corpus, clips: Iterable[int], rows: Sequence[NDArray[np.float32] | None]) -> Answers:
    """Collect answers from one row, or None, per clip."""
    indices = np.array(list(clips))
    labels = corpus.emotion[indices]
    wrong = np.eye(EMOTION_COUNT, dtype=np.float32)[(labels + 1) % EMOTION_COUNT]
    found = np.array([row is not None for row in rows])
    probabilities = np.stack([w if row is None else row for row, w in zip(rows, wrong, strict=True)])
    return Answers(probabilities, labels, corpus.speaker[indices], found)
