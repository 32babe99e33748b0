"""Faces with one label each, as cropped and labelled by others: RAF-DB, Extended Cohn-Kanade, JAFFE.

Third-party terms: all three are for research only; see the model card.
"""

from __future__ import annotations

import csv
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS
from emoedge.face.align import crop_geometry, cut
from emoedge.face.detect import FaceDetector
from emoedge.face.still import as_frame, largest_face
from training.face.data import FaceSet

JAFFE_SIDE = 64
"""Side of the crops from JAFFE's whole images: a third larger than the network's input, for affine jitter."""

HELD_OUT_SHARE = 0.1
"""Share of RAF-DB's training part that is held out for choices."""

COPY_CORRELATION = 0.9
"""Training rows that correlate more than this, at 16 x 16 pixels, with a held-out one show the same
photograph."""

EVALUATION_TWINS = ("rafdb_test", "ferplus_eval")
"""Values of `near_twin` that mark a row as a copy of an image used for measurements."""


@dataclass(frozen=True)
class Corpus:
    """Images with one label each.

    Attributes:
        images: N gray images, uint8 (H, W); crops of one size, or whole images.
        labels: (N,) indices into `EMOTIONS`.
        groups: (N,) unit that must not be split: a person, or the file where persons are unknown.
    """

    images: list[NDArray[np.uint8]]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]

    def where(self, rows: NDArray[np.bool_]) -> Corpus:
        """Return the rows under a mask (N,) as a corpus."""
        return Corpus([self.images[i] for i in np.flatnonzero(rows)], self.labels[rows], self.groups[rows])


def _read(folder: Path, name: str, group: str) -> tuple[Corpus, list[dict[str, str]]]:
    with (folder / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    images = []
    with zipfile.ZipFile(folder / f"{name}.zip") as archive:
        for row in rows:
            image = cv2.imdecode(np.frombuffer(archive.read(row["file"]), np.uint8), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise ValueError(f"{row['file']} in {name}.zip is not a picture")
            images.append(np.asarray(image, np.uint8))
    labels = np.array([EMOTIONS.index(row["label"]) for row in rows])
    return Corpus(images, labels, np.array([row[group] for row in rows])), rows


def load_rafdb(folder: Path, split: str) -> Corpus:
    """Return one part of RAF-DB: "test", "held_out" (a tenth of the training part) or "train" (the rest).

    Training rows that are copies of test images, of FER+ Valid or Test, or of held-out images are omitted.
    """
    corpus, rows = _read(folder, "rafdb", "file")
    part = np.array([row["split"] for row in rows])
    if split == "test":
        return corpus.where(part == "test")
    twins = np.array([any(name in row["near_twin"].split() for name in EVALUATION_TWINS) for row in rows])
    held = np.array([_drawn(row["file"]) for row in rows])
    if split == "held_out":
        return corpus.where((part == "train") & ~twins & held)
    train = corpus.where((part == "train") & ~twins & ~held)
    small, out = _thumbnails(train), _thumbnails(corpus.where((part == "train") & held))
    copies = np.concatenate([(block @ out.T).max(axis=1) for block in np.array_split(small, 16)])
    return train.where(copies < COPY_CORRELATION)


def _drawn(name: str) -> bool:
    """Return whether a file is held out; this depends only on its name."""
    return hashlib.sha256(name.encode()).digest()[0] < 256 * HELD_OUT_SHARE


def _thumbnails(corpus: Corpus) -> NDArray[np.float32]:
    """Return standardised images of 16 x 16 pixels, (N, 256), whose products are correlations."""
    small = [cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA).ravel() for image in corpus.images]
    x = np.array(small, np.float32)
    x -= x.mean(axis=1, keepdims=True)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)


def load_ckplus(folder: Path) -> Corpus:
    """Return all of Extended Cohn-Kanade, peaks and neutral faces, grouped by subject."""
    return _read(folder, "ckplus", "subject")[0]


def load_jaffe(folder: Path) -> Corpus:
    """Return JAFFE's whole images, grouped by subject."""
    return _read(folder, "jaffe", "subject")[0]


def jaffe_crops(corpus: Corpus, detector: FaceDetector) -> Corpus:
    """Return the faces that the detector finds in whole images, cropped as in production."""
    images, found = [], np.zeros(len(corpus.labels), bool)
    for index, image in enumerate(corpus.images):
        frame = as_frame(image)
        face = largest_face(detector, frame)
        if face is not None:
            geometry = crop_geometry(face.box, face.landmarks, frame.width, frame.height)
            images.append(cut(frame, geometry, JAFFE_SIDE))
            found[index] = True
    return Corpus(images, corpus.labels[found], corpus.groups[found])


def as_set(corpus: Corpus, *, sharp: bool) -> FaceSet:
    """Return crops of one size with their labels as a face set.

    Args:
        corpus: corpus with images of one size.
        sharp: see `FaceSet`.
    """
    targets = np.eye(len(EMOTIONS), dtype=np.float32)[corpus.labels]
    return FaceSet(np.stack(corpus.images), targets, np.ones(len(targets), np.float32), sharp=sharp)
