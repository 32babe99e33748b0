"""Reliability of a face crop: size, sharpness, pose, light, and coverings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Each factor rises linearly from 0 to 1 between these two values; a factor under REASON_BELOW is named as a
# reason.
SIZE_PIXELS: Final = (16.0, 48.0)
"""Side of the crop in the source picture. The model sees 48 pixels; under 16 nothing but a smile survives."""
SHARPNESS: Final = (0.05, 0.30)
"""Mean absolute Laplacian of the crop over its contrast (see `sharpness`)."""
CONTRAST_LEVELS: Final = (5.0, 20.0)
"""Standard deviation of the luma, gray levels: below some 5, noise and quantization are as large as the face.
"""
CLIPPED_SHARE: Final = (0.7, 0.35)
"""Share of pixels at either end of the range (falling)."""
TURN: Final = (1.0, 0.45)
"""Sideways offset of the nose from the eyes' middle in eye distances (falling): 0 is frontal, 0.5 about 40
degrees."""
ROLL: Final = (75.0, 35.0)
"""Tilt of the head in the picture plane, degrees (falling): beyond 35 the detector's landmarks are less and
less those of the face."""
MOUTH_COVERED: Final = (0.99, 0.7)
"""Probability that the lower half of the face is covered (falling to nothing): without the mouth a smile
cannot be told."""
EYES_COVERED: Final = (1.3, 0.6)
"""The same for the eyes; the answer is worth two fifths even where it is certain, since the mouth says
most."""
ASKEW: Final = (0.97, 0.6)
"""Probability that the crop does not show an upright face (falling): lying on its side, upside down."""
REASON_BELOW: Final = 0.5
HOPELESS: Final = 0.05
"""A factor of what covers or turns the face under this leaves nothing to judge."""


@dataclass(frozen=True, slots=True)
class Quality:
    """A verdict.

    Attributes:
        value: 0 (useless) to 1.
        reasons: what lowers it, worst first, of small, blurred, dark, bright, flat, turned, covered.
        hopeless: whether the face is covered or turned so far that nothing can be said of it.
    """

    value: float
    reasons: tuple[str, ...]
    hopeless: bool = False

    def under(self, conditions: NDArray[np.float32]) -> Quality:
        """The verdict with what the network sees of the face's conditions.

        Args:
            conditions: log-odds (3,), see `classify.CONDITIONS`.
        """
        mouth, eyes, askew = (1 / (1 + math.exp(-min(30.0, max(-30.0, float(x))))) for x in conditions)
        covered = min(1.0 - _rise(mouth, MOUTH_COVERED[::-1]), 1.0 - _rise(eyes, EYES_COVERED[::-1]))
        turned = 1.0 - _rise(askew, ASKEW[::-1])
        low = sorted(
            (factor, name)
            for factor, name in ((covered, "covered"), (turned, "turned"))
            if factor < REASON_BELOW
        )
        more = tuple(name for _, name in low)
        reasons = (*more, *(name for name in self.reasons if name not in more))
        worst = min(covered, turned)
        return Quality(round(self.value * worst, 4), reasons, self.hopeless or worst < HOPELESS)


def _rise(value: float, limits: tuple[float, float]) -> float:
    return min(1.0, max(0.0, (value - limits[0]) / (limits[1] - limits[0])))


def sharpness(crop: NDArray[np.uint8]) -> float:
    """Mean absolute Laplacian over the standard deviation of a smoothed crop: independent of exposure.

    Args:
        crop: uint8 (S, S).

    Returns:
        About 0.1 for strong defocus, 0.4 for a sharp face at 48 pixels; 0 for a flat patch.
    """
    import cv2

    smooth = cv2.GaussianBlur(crop, (3, 3), 0)
    deviation = float(cv2.meanStdDev(smooth)[1][0, 0])
    if deviation < 1.0:
        return 0.0
    return float(cv2.norm(cv2.Laplacian(smooth, cv2.CV_32F), cv2.NORM_L1)) / crop.size / deviation


def turn(landmarks: NDArray[np.float32], aspect: float = 1.0) -> float:
    """Return how far the head is turned aside, from 0 (frontal), by the nose's place between the eyes.

    Args:
        landmarks: (6, 2), fractions of the frame, in the order of `detect.LANDMARKS`.
        aspect: width over height of the frame.
    """
    (right_x, right_y), (left_x, left_y), (nose_x, nose_y), (mouth_x, mouth_y) = (
        (x * aspect, y) for x, y in landmarks[:4].tolist()
    )
    between_x, between_y = (right_x + left_x) / 2, (right_y + left_y) / 2
    down_x, down_y = mouth_x - between_x, mouth_y - between_y
    down = math.hypot(down_x, down_y)
    # In profile the eyes coincide: the distance from eyes to mouth, about as long on a frontal face, stands
    # in.
    unit = max(math.hypot(left_x - right_x, left_y - right_y), 0.6 * down, 1e-6)
    aside = (nose_x - between_x) * down_y - (nose_y - between_y) * down_x
    return abs(aside) / max(down, 1e-6) / unit


def assess(
    crop: NDArray[np.uint8],
    source_side: float,
    landmarks: NDArray[np.float32] | None = None,
    aspect: float = 1.0,
    roll: float = 0.0,
) -> Quality:
    """Rate a crop.

    Args:
        crop: uint8 (S, S) luma, as the classifier gets it.
        source_side: side of the crop in pixels of the source picture.
        landmarks: for the pose, or None where they are unknown.
        aspect: width over height of the frame.
        roll: of the head in the picture plane, radians.

    Returns:
        The product of the factors' geometric mean and their minimum's square root, and the reasons, worst
        first.
    """
    import cv2

    mean, deviation = (float(value[0, 0]) for value in cv2.meanStdDev(crop))
    clipped = np.count_nonzero((crop <= 4) | (crop >= 251)) / crop.size
    light = min(_rise(deviation, CONTRAST_LEVELS), 1.0 - _rise(clipped, CLIPPED_SHARE[::-1]))
    light_name = "dark" if mean < 60 else "bright" if mean > 200 else "flat"
    factors = {
        "small": _rise(source_side, SIZE_PIXELS),
        "blurred": _rise(sharpness(crop), SHARPNESS),
        light_name: light,
    }
    tilt = 1.0 - _rise(abs(math.degrees(math.remainder(roll, math.tau))), ROLL[::-1])
    if landmarks is not None:
        factors["turned"] = min(tilt, 1.0 - _rise(turn(landmarks, aspect), TURN[::-1]))
    worst = min(factors.values())
    product = math.prod(max(factor, 1e-6) for factor in factors.values())
    value = product ** (0.5 / len(factors)) * worst**0.5
    low = sorted((factor, name) for name, factor in factors.items() if factor < REASON_BELOW)
    return Quality(round(min(1.0, value), 4), tuple(name for _, name in low), tilt < HOPELESS)
