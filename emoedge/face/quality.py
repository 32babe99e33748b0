"""How far a face crop can be trusted: size, sharpness, pose, light."""

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
"""Mean absolute Laplacian of the crop over its contrast (see ``sharpness``)."""
CONTRAST_LEVELS: Final = (5.0, 20.0)
"""Standard deviation of the luma, gray levels: below some 5, noise and quantization are as large as the face.
"""
CLIPPED_SHARE: Final = (0.7, 0.35)
"""Share of pixels at either end of the range (falling)."""
TURN: Final = (1.0, 0.45)
"""Sideways offset of the nose from the eyes' middle in eye distances (falling): 0 is frontal, 0.5 about 40
degrees."""
REASON_BELOW: Final = 0.5


@dataclass(frozen=True, slots=True)
class Quality:
    """Quality from 0 (useless) to 1, and its reasons: small, blurred, dark, bright, flat, turned."""

    value: float
    reasons: tuple[str, ...]


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
    """How far the head is turned aside, 0 (frontal) upwards, from where the nose stands between the eyes.

    Args:
        landmarks: (6, 2), fractions of the frame, in the order of ``detect.LANDMARKS``.
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
) -> Quality:
    """Rate a crop.

    Args:
        crop: uint8 (S, S) luma, as the classifier gets it.
        source_side: side of the crop in pixels of the source picture.
        landmarks: for the pose, or None where they are unknown.
        aspect: width over height of the frame.

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
    if landmarks is not None:
        factors["turned"] = 1.0 - _rise(turn(landmarks, aspect), TURN[::-1])
    worst = min(factors.values())
    product = math.prod(max(factor, 1e-6) for factor in factors.values())
    value = product ** (0.5 / len(factors)) * worst**0.5
    low = sorted((factor, name) for name, factor in factors.items() if factor < REASON_BELOW)
    return Quality(round(min(1.0, value), 4), tuple(name for _, name in low))
