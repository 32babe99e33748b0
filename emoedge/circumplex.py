"""Valence and arousal of a posterior: its mean position on the circumplex of affect.

Each of the seven classes has a place in the plane of Russell's circumplex (1980); a posterior is at the mean
of these places, weighted by its probabilities. The same for face, voice, text and the fused state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from emoedge.emotions import EMOTIONS, Emotion, Probabilities

POSITIONS: Final[Mapping[Emotion, tuple[float, float]]] = {
    "anger": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
    "happiness": (0.81, 0.51),
    "sadness": (-0.63, -0.27),
    "surprise": (0.40, 0.67),
    "neutral": (0.0, 0.0),
}
"""Valence and arousal of each class, -1 to 1: "angry", "disgusted", "fearful", "happy", "sad" and "surprised"
as raters placed them in Russell and Mehrabian, "Evidence for a three-factor theory of emotions", J. Research
in Personality 11, 1977; neutral is the origin by definition. Their third axis, dominance, is left out."""

_PLACES: Final = np.array([POSITIONS[name] for name in EMOTIONS])


class Affect(NamedTuple):
    """A point of the circumplex.

    Attributes:
        valence: -1 (unpleasant) to 1 (pleasant).
        arousal: -1 (calm) to 1 (excited).
    """

    valence: float
    arousal: float


def affect(posterior: Probabilities) -> Affect:
    """The mean place of a posterior float (7,), in the order of `EMOTIONS`.

    A doubtful posterior lies near the origin, as does a neutral one.
    """
    valence, arousal = np.asarray(posterior, np.float64) @ _PLACES
    return Affect(float(valence), float(arousal))
