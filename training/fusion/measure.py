"""Macro recall and calibration of both fusion methods, with parts missing, wrong or degraded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.config import FusionSettings
from emoedge.emotions import EMOTION_COUNT, EMOTIONS
from emoedge.fusion.learned import MODALITIES, SUBSETS, LearnedFusion
from emoedge.fusion.rule import Decision, fuse_weighted
from emoedge.observations import Modality
from emoedge.outcomes import ModalityOpinion
from training.fusion.cases import WRONG, Cases, Opinions, draw, present_in

SEED: Final = 7
BINS: Final = 10


@dataclass(frozen=True)
class Answers:
    """Answers of a method to n cases: class (n,) or -1, confidence (n,), and true class (n,)."""

    said: NDArray[np.int64]
    confidence: NDArray[np.float64]
    labels: NDArray[np.int64]

    def recall(self) -> float:
        """Return the macro recall; an answer of -1 is wrong."""
        return float(np.mean([np.mean(self.said[self.labels == c] == c) for c in range(EMOTION_COUNT)]))

    def reliability(self) -> list[tuple[float, float, int]]:
        """Return mean confidence, share of right answers and number of cases in each non-empty bin."""
        slot = np.minimum((self.confidence * BINS).astype(int), BINS - 1)
        right = self.said == self.labels
        return [
            (float(self.confidence[slot == b].mean()), float(right[slot == b].mean()), int(np.sum(slot == b)))
            for b in range(BINS)
            if np.any(slot == b)
        ]

    def calibration_error(self) -> float:
        """Return the expected calibration error of the decision's confidence (Guo et al. 2017)."""
        return sum(abs(c - a) * n for c, a, n in self.reliability()) / len(self.labels)


def collect(decisions: list[Decision], labels: NDArray[np.int64]) -> Answers:
    """Convert decisions to arrays."""
    said = [-1 if d.emotion is None else EMOTIONS.index(d.emotion) for d in decisions]
    return Answers(np.array(said), np.array([d.confidence for d in decisions]), labels)


def by_rule(cases: Cases) -> Answers:
    """Return the weighted rule with its default weight and margin."""
    return collect(rule_decisions(cases), cases.labels)


def rule_decisions(cases: Cases) -> list[Decision]:
    """Return the answers of the weighted rule."""
    decisions = []
    for present, probabilities in zip(cases.present, cases.probabilities.astype(np.float32), strict=True):
        face, voice, text = (p if there else None for there, p in zip(present, probabilities, strict=True))
        decisions.append(fuse_weighted(face, voice, text))
    return decisions


def by_pool(fusion: LearnedFusion, cases: Cases) -> Answers:
    """Return the shipped code with the fitted coefficients."""
    return collect(pool_decisions(fusion, cases), cases.labels)


def pool_decisions(fusion: LearnedFusion, cases: Cases) -> list[Decision]:
    """Return the answers of the pool."""
    margin = FusionSettings().margin
    return [fusion.decide(opinions_of(cases, row), 0.0, margin) for row in range(len(cases.labels))]


def opinions_of(cases: Cases, row: int) -> list[ModalityOpinion]:
    """Return the opinions of one case, all with an age of zero."""
    return [
        ModalityOpinion(
            name, 0.0, cases.probabilities[row, m].astype(np.float32), float(cases.reliability[row, m])
        )
        for m, name in enumerate(MODALITIES)
        if cases.present[row, m]
    ]


def alone(cases: Cases, modality: int) -> Answers:
    """Return the answers of one modality."""
    probabilities = cases.probabilities[:, modality]
    return Answers(probabilities.argmax(axis=1), probabilities.max(axis=1), cases.labels)


def scenes() -> dict[str, tuple[str, float, str]]:
    """Scenes to measure: name to (modalities present, share of wrong opinions, degraded modality)."""
    found = {}
    for subset in sorted(SUBSETS, key=lambda name: -name.count("+")):
        words = subset.replace("+", " and ") if subset.count("+") < 2 else "all three"
        found[words] = (subset, 0.0, "")
        found[f"{words}, one in ten wrong"] = (subset, WRONG, "")
    for modality in ("face", "voice"):
        found[f"all three, {modality} degraded"] = (SUBSETS[-1], 0.0, modality)
        found[f"face and voice, {modality} degraded"] = (SUBSETS[3], 0.0, modality)
    return found


def answer(
    fusion: LearnedFusion, opinions: Mapping[Modality, Opinions], subset: str, wrong: float, degraded: str
) -> dict[str, Answers]:
    """Return the answers of each modality, of the rule and of the pool to the cases of a scene."""
    present = present_in(subset)
    cases = draw(opinions, SEED, present, wrong, degraded)
    answers: dict[str, Answers] = {
        modality: alone(cases, m) for m, modality in enumerate(MODALITIES) if present[m]
    }
    return answers | {"rule": by_rule(cases), "learned": by_pool(fusion, cases)}


def measure(
    folds: Sequence[tuple[LearnedFusion, Mapping[Modality, Opinions]]],
) -> tuple[dict[str, dict[str, Any]], dict[str, Answers]]:
    """Measure each scene; also return all answers with one in ten wrong, for the reliability diagram.

    Args:
        folds: pools, each with opinions not used in its fit.

    Returns:
        Macro recalls of each modality alone, of the rule and of the pool, and their calibration errors, by
        scene.
    """
    table: dict[str, dict[str, Any]] = {}
    kept: dict[str, list[Answers]] = {"rule": [], "learned": []}
    for name, (subset, wrong, degraded) in scenes().items():
        parts = [answer(fusion, opinions, subset, wrong, degraded) for fusion, opinions in folds]
        answers = {who: join([part[who] for part in parts]) for who in parts[0]}
        table[name] = {
            "recall": {who: round(one.recall(), 4) for who, one in answers.items()},
            "calibration_error": {who: round(one.calibration_error(), 4) for who, one in answers.items()},
        }
        if wrong:
            for who, several in kept.items():
                several.append(answers[who])
    pooled = {who: join(several) for who, several in kept.items()}
    table["every set of modalities, one in ten wrong"] = {
        "recall": {who: round(one.recall(), 4) for who, one in pooled.items()},
        "calibration_error": {who: round(one.calibration_error(), 4) for who, one in pooled.items()},
    }
    return table, pooled


def join(parts: list[Answers]) -> Answers:
    """Join several answers."""
    return Answers(
        np.concatenate([part.said for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )
