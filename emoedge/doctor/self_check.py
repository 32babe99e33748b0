"""Self-check: does this board's runtime compute what the face model was measured with?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoedge.errors import ModelError
from emoedge.face.classify import FaceClassifier
from emoedge.files import read_json
from emoedge.translation import tr


def drawn_face(size: int) -> NDArray[np.uint8]:
    """Eyes, brows and a mouth in gray, the same to the bit everywhere since no drawing library is involved.

    Returns:
        uint8 (size, size).
    """
    yy, xx = np.mgrid[:size, :size] / (size - 1)
    face = np.full((size, size), 170, np.uint8)
    for x in (0.32, 0.68):
        face[np.hypot((xx - x) / 1.6, yy - 0.4) < 0.05] = 40
        face[(np.abs(yy - 0.28) < 0.02) & (np.abs(xx - x) < 0.11)] = 60
    face[(np.abs(yy - 0.74 - 0.5 * (xx - 0.5) ** 2) < 0.03) & (np.abs(xx - 0.5) < 0.2)] = 70
    return face


def deviation(classifier: FaceClassifier, card: Path) -> float:
    """Distance of the classifier's answer from the recorded one, in units of rounding; up to 1 is right.

    Args:
        classifier: the model as loaded here.
        card: its sidecar, with ``self_check``.

    Raises:
        ModelError: the card records no answer.
    """
    try:
        recorded = read_json(card)["self_check"]
        expected, tolerance = np.array(recorded["logits"], np.float32), float(recorded["tolerance"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            tr("{card} records no answer to check against: {error}", card=card, error=error),
            tr("run: emoedge models verify"),
        ) from error
    got = classifier.logits(drawn_face(classifier.size)[None])[0]
    return float(np.abs(got - expected).max() / tolerance)
