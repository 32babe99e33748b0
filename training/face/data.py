"""Face crops with soft labels: FER+ (ten votes per image) and ExpW (one noisy label per image).

Classes are in the order of ``emoedge.emotions.EMOTIONS`` everywhere. Third-party terms: FER2013/FER+ and ExpW
are for research; see the model card.
"""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS

EXPW_SIDE = 64
"""Side to which ExpW crops (48 to 80 pixels) are resized once, area-averaged; includes a margin for
jitter."""

EXPW_CROP = (0.104, 0.054, 0.892)
"""Top, left and side (fractions) of the part of an ExpW crop that shows a face like FER+ does: BlazeFace's
landmarks lie 1.12 times closer together in ExpW and 0.04 lower; medians over 1,500 faces of each set."""

NEAR_TWIN_CORRELATION = 0.97
"""Train rows that correlate more than this with a Valid or Test image are left out: most are re-crops of one
photograph."""

EXPW_NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@dataclass(frozen=True)
class FaceSet:
    """Crops and targets.

    Attributes:
        images: (N, S, S) uint8 luma.
        targets: (N, 7) float32, each row sums to one.
        weights: (N,) float32 in (0, 1], the trust in each row.
        sharp: True if the images are sharper than FER+ and must be degraded more often.
    """

    images: NDArray[np.uint8]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]
    sharp: bool = False


def clean_votes(votes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Set single votes to zero, as FER+'s loader does (Barsoum et al. 2016, arXiv:1608.01041)."""
    cleaned = votes.astype(np.float32)
    cleaned[cleaned == 1] = 0
    return cleaned


def majority_rows(
    votes: NDArray[np.uint8], vote_classes: list[str]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return the rows that FER+'s majority mode scores, and the label of every row.

    Args:
        votes: (N, 10) votes.
        vote_classes: names of the ten columns.

    Returns:
        A mask (N,) of rows whose top class has more than half of the cleaned votes and is one of the seven,
        and labels (N,) as indices into ``EMOTIONS`` (only meaningful under the mask).
    """
    cleaned = clean_votes(votes)
    top = cleaned.argmax(axis=1)
    clear = cleaned.max(axis=1) * 2 > cleaned.sum(axis=1)
    lookup = np.array([EMOTIONS.index(name) if name in EMOTIONS else -1 for name in vote_classes])
    labels = lookup[top]
    return clear & (labels >= 0), labels.astype(np.int64)


def _columns(vote_classes: list[str]) -> list[int]:
    return [vote_classes.index(name) for name in EMOTIONS]


def load_ferplus_train(folder: Path) -> FaceSet:
    """Return training rows of FER+ with the votes as soft labels, without duplicates of Valid or Test.

    Ambiguous rows are kept with soft targets; rows won by contempt, unknown or not-a-face are dropped.
    """
    with np.load(folder / "ferplus.npz") as raw:
        names = [str(name) for name in raw["vote_classes"]]
        votes = clean_votes(raw["votes"])
        seven = votes[:, _columns(names)]
        others = np.delete(votes, _columns(names), axis=1).max(axis=1)
        keep = (raw["split"] == "Train") & ~raw["drop_from_train"]
        keep &= raw["near_twin_in_eval_r"] <= NEAR_TWIN_CORRELATION
        keep &= seven.max(axis=1) > others
        targets = seven[keep] / seven[keep].sum(axis=1, keepdims=True)
        images = raw["images"][keep]
    return FaceSet(images, targets.astype(np.float32), np.ones(len(images), np.float32))


def load_ferplus_split(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the scored rows of `split` ("Valid" or "Test"): images (N, 48, 48) uint8 and labels (N,)."""
    with np.load(folder / "ferplus.npz") as raw:
        mask, labels = majority_rows(raw["votes"], [str(name) for name in raw["vote_classes"]])
        mask &= raw["split"] == split
        return raw["images"][mask], labels[mask]


def load_expw(folder: Path, smoothing: float = 0.2, weight: float = 0.6) -> FaceSet:
    """Return all of ExpW with smoothed labels, to be refined later by `relabel`.

    Args:
        folder: folder with `expw.zip` and `expw.csv`.
        smoothing: share of the target spread evenly over the seven classes.
        weight: trust in a row before relabelling.
    """
    with (folder / "expw.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    images = np.zeros((len(rows), EXPW_SIDE, EXPW_SIDE), np.uint8)
    labels = np.zeros(len(rows), np.int64)
    with zipfile.ZipFile(folder / "expw.zip") as archive:
        for index, row in enumerate(rows):
            image = cv2.imdecode(np.frombuffer(archive.read(row["path"]), np.uint8), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise ValueError(f"{row['path']} in expw.zip is not a picture")
            top, left, side = (round(fraction * image.shape[0]) for fraction in EXPW_CROP)
            image = image[top : top + side, left : left + side]
            shrink = image.shape[0] > EXPW_SIDE
            how = cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
            images[index] = cv2.resize(image, (EXPW_SIDE, EXPW_SIDE), interpolation=how)
            labels[index] = EXPW_NAMES.index(row["label"])
    targets = np.full((len(rows), 7), smoothing / 7, np.float32)
    targets[np.arange(len(rows)), labels] += 1 - smoothing
    return FaceSet(images, targets, np.full(len(rows), weight, np.float32), sharp=True)


def relabel(
    given: NDArray[np.int64], teacher: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mix noisy labels with a teacher's opinion.

    The label keeps a share ``a / (a + 0.15)`` where ``a`` is the probability that the teacher gives it: 0.77
    at a = 0.5, 0.25 at a = 0.05. A row on which the teacher neither agrees nor is certain has little weight.

    Args:
        given: (N,) labels of the set.
        teacher: (N, 7) probabilities, each row sums to one, adjusted for the teacher's prior.

    Returns:
        Targets (N, 7) and weights (N,) in [0.2, 1].
    """
    agreement = teacher[np.arange(len(given)), given]
    share = (agreement / (agreement + 0.15))[:, None]
    targets = (1 - share) * teacher
    targets[np.arange(len(given)), given] += share[:, 0]
    weights = 0.2 + 0.8 * np.clip(np.maximum(agreement, teacher.max(axis=1) - 0.2) / 0.6, 0, 1)
    return targets.astype(np.float32), weights.astype(np.float32)


def row_sampling(targets: NDArray[np.float32], power: float = 0.5) -> NDArray[np.float64]:
    """Return the probability of drawing each row that flattens class mass to `frequency ** (1 - power)`.

    Args:
        targets: (N, 7) soft labels.
        power: 0 keeps the natural frequencies, 1 makes all classes equal.
    """
    frequency = targets.mean(axis=0)
    per_class = (1.0 / np.maximum(frequency, 1e-4)) ** power
    rows = targets @ per_class
    return np.asarray(rows / rows.sum(), np.float64)
