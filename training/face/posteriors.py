"""Posteriors of the shipped face model for faces that were not used in training, for the fusion.

Half of the rows are unchanged, half are degraded at random, so that the fusion learns the effect of quality.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoedge.face.classify import FaceClassifier
from emoedge.face.quality import assess
from training.face.evaluate import judge_once
from training.face.robustness import randomly_degraded


def face_posteriors(
    models: Path, images: NDArray[np.uint8], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
    """Classify crops as the daemon does.

    Args:
        models: folder of the shipped models.
        images: (N, H, W).
        labels: (N,).

    Returns:
        probabilities (N, 7), labels (N,), quality (N,), and whether each was degraded (N,).
    """
    classifier = FaceClassifier(models / "face_emotion.tflite")
    views, sides = randomly_degraded(images, seed=2)
    degraded = np.arange(len(images)) % 2 == 1
    views[~degraded], sides[~degraded] = images[~degraded], images.shape[1]
    quality = [assess(view, float(side)).value for view, side in zip(views, sides, strict=True)]
    return judge_once(classifier, views), labels, np.array(quality, np.float32), degraded
