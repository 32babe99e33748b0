"""Sets that a network may not have seen, processed as in production."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, EMOTIONS
from emoedge.face.align import crop_geometry, from_crop
from emoedge.face.classify import FaceClassifier
from emoedge.face.detect import FaceDetector
from emoedge.face.still import (
    aligned_views,
    as_frame,
    classify_crop,
    classify_picture,
    crop_views,
    largest_face,
)
from training.face import metrics
from training.face.corpora import Corpus, load_ckplus, load_jaffe, load_rafdb
from training.face.data import load_ferplus_split
from training.face.net import INPUT_SIZE

NEUTRAL = EMOTIONS.index("neutral")
NOBODY = -1
"""Placeholder for a missing result."""


@dataclass(frozen=True)
class Views:
    """Set as the network sees it in production.

    Attributes:
        crops: crops of each image with a face, uint8 (views, S, S).
        halves: whether the first view and the mean of the others have weight 0.5 each (a given crop), or all
            views have equal weight (a face found in an image).
        labels: (N,).
        groups: persons (N,), where known.
        missed: number of images without a face.
    """

    crops: list[NDArray[np.uint8]]
    halves: bool
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    missed: int = 0

    def logits(self, classifier: FaceClassifier) -> NDArray[np.float32]:
        """Return raw logits (N, 7) from all views of every crop."""
        return np.concatenate([self._one(classifier.logits(crops)) for crops in self.crops])

    def _one(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.halves and len(logits) > 1:
            return (logits[:1] + logits[1:].mean(axis=0, keepdims=True)) / 2
        return np.asarray(logits.mean(axis=0, keepdims=True), np.float32)


def views_of_crops(corpus: Corpus, detector: FaceDetector) -> Views:
    """Return the crops as `classify face --crop` sees them."""
    crops = []
    for image in corpus.images:
        plain, more = from_crop(image, INPUT_SIZE)[None], crop_views(detector, image, INPUT_SIZE)
        crops.append(plain if more is None else np.concatenate([plain, more]))
    return Views(crops, True, corpus.labels, corpus.groups)


def views_of_pictures(corpus: Corpus, detector: FaceDetector) -> Views:
    """Return the images as `classify face` sees them."""
    crops, found = [], np.zeros(len(corpus.labels), bool)
    for index, image in enumerate(corpus.images):
        frame = as_frame(image)
        face = largest_face(detector, frame)
        if face is not None:
            geometry = crop_geometry(face.box, face.landmarks, frame.width, frame.height)
            crops.append(aligned_views(frame, geometry, INPUT_SIZE))
            found[index] = True
    return Views(crops, False, corpus.labels[found], corpus.groups[found], int((~found).sum()))


def load_views(data: Path, name: str, detector: FaceDetector) -> Views:
    """Return one of "ferplus_valid", "ferplus_test", "rafdb_held_out", "rafdb_test", "ckplus", "jaffe"."""
    faces = data / "faces"
    if name == "jaffe":
        return views_of_pictures(load_jaffe(faces), detector)
    if name == "ckplus":
        return views_of_crops(load_ckplus(faces), detector)
    if name.startswith("rafdb_"):
        return views_of_crops(load_rafdb(faces, name.removeprefix("rafdb_")), detector)
    images, labels = load_ferplus_split(faces, name.removeprefix("ferplus_").capitalize())
    corpus = Corpus(list(images), labels, np.arange(len(labels)).astype(str))
    return views_of_crops(corpus, detector)


def six(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return only rows with a posed expression and their best class of the six."""
    rows = labels != NEUTRAL
    chosen = probabilities[rows].copy()
    chosen[:, NEUTRAL] = 0.0
    return chosen / chosen.sum(axis=1, keepdims=True), labels[rows]


def calibration_above_chance(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], seed: int = 0, draws: int = 50
) -> tuple[float, float]:
    """Return the calibration error, and that of a perfectly calibrated model on the same number of rows."""
    rng = np.random.default_rng(seed)
    top = probabilities.max(axis=1)
    by_chance = []
    for _ in range(draws):
        hits = rng.random(len(top)) < top
        truth = np.where(
            hits, probabilities.argmax(axis=1), (probabilities.argmax(axis=1) + 1) % EMOTION_COUNT
        )
        by_chance.append(metrics.calibration_error(probabilities, truth))
    return metrics.calibration_error(probabilities, labels), float(np.mean(by_chance))


def stranger_scores(
    classifier: FaceClassifier, detector: FaceDetector, corpus: Corpus, *, whole: bool, posed: bool
) -> dict[str, Any]:
    """Return all scores of a set with `classify face`; a missing result counts as wrong.

    Args:
        classifier: classifier with its calibration.
        detector: face detector.
        corpus: crops, or whole images.
        whole: whether to detect the face in the images.
        posed: whether to omit neutral faces and neutral results.
    """
    classify = classify_picture if whole else classify_crop
    results = [classify(classifier, detector, image).probabilities for image in corpus.images]
    answered = np.array([row is not None for row in results])
    labels = corpus.labels
    table = np.stack(
        [np.full(EMOTION_COUNT, 1 / EMOTION_COUNT) if row is None else row for row in results]
    ).astype(np.float32)
    rows = labels != NEUTRAL if posed else np.ones(len(labels), bool)
    if posed:
        table, _ = six(table, labels)
    labels, answered = labels[rows], answered[rows]
    predicted = np.where(answered, table.argmax(axis=1), NOBODY)
    error, by_chance = calibration_above_chance(table[answered], labels[answered])
    return {
        "rows": len(labels),
        "answered": round(float(answered.mean()), 4),
        "accuracy": round(metrics.accuracy(predicted, labels), 4),
        "accuracy_95": [round(v, 4) for v in metrics.interval(metrics.accuracy, predicted, labels)],
        "macro_recall": round(metrics.macro_recall(predicted, labels), 4),
        "macro_recall_95": [round(v, 4) for v in metrics.interval(metrics.macro_recall, predicted, labels)],
        "recall": {
            name: round(recall, 4)
            for name, recall in zip(EMOTIONS, metrics.recalls(predicted, labels), strict=True)
            if recall == recall
        },
        "calibration_error": round(error, 4),
        "calibration_by_chance": round(by_chance, 4),
        "confidence_bias": round(
            float(table[answered].max(axis=1).mean() - (predicted == labels)[answered].mean()), 4
        ),
    }


def trained_on_scores(data: Path, classifier: FaceClassifier, detector: FaceDetector) -> dict[str, Any]:
    """Measure the posed sets with a network that has seen them, for comparison."""
    faces = data / "faces"
    posed, whole = load_ckplus(faces), load_jaffe(faces)
    return {
        "ckplus": stranger_scores(classifier, detector, posed, whole=False, posed=True),
        "jaffe": stranger_scores(classifier, detector, whole, whole=True, posed=False),
    }
