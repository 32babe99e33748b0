"""Posteriors of the shipped face model on FER+ Valid: ``python -m training.face.posteriors``.

Half of the rows as they are, half degraded at random, so that the fusion learns what quality is worth.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from emoedge.face.classify import FaceClassifier
from emoedge.face.quality import assess
from training.face.data import load_ferplus_split
from training.face.evaluate import judge_once
from training.face.robustness import randomly_degraded


def write_posteriors(data: Path, models: Path, out: Path) -> None:
    """Write ``out`` (npz): probabilities (N, 7), labels (N,), quality (N,), degraded (N,) bool."""
    classifier = FaceClassifier(models / "face_emotion.tflite")
    images, labels = load_ferplus_split(data / "faces", "Valid")
    views, sides = randomly_degraded(images, seed=2)
    degraded = np.arange(len(images)) % 2 == 1
    views[~degraded], sides[~degraded] = images[~degraded], images.shape[1]
    quality = [assess(view, float(side)).value for view, side in zip(views, sides, strict=True)]
    probabilities = judge_once(classifier, views)
    np.savez_compressed(
        out,
        probabilities=probabilities,
        labels=labels,
        quality=np.array(quality, np.float32),
        degraded=degraded,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    args = parser.parse_args()
    write_posteriors(args.data, args.models, args.out)


if __name__ == "__main__":
    main()
