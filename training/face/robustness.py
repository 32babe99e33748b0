"""Degradations of crops at fixed strengths for the card, and whole frames made from crops."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
CANVAS = (480, 640)


def _affine(image: Image, *, shift: float = 0.0, angle: float = 0.0, scale: float = 1.0) -> Image:
    size = image.shape[0]
    matrix = cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, scale)
    matrix[0, 2] += shift * size
    return np.asarray(
        cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_REFLECT_101), np.uint8
    )


def _jpeg(image: Image, quality: int) -> Image:
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def _shrink(image: Image, side: int) -> Image:
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def _noise(image: Image, gain: float, sigma: float) -> Image:
    rng = np.random.default_rng(
        int(image.astype(np.int64).sum()) % 2**32
    )  # reproducible, and different for each image
    return np.asarray(np.clip(image * gain + rng.normal(0, sigma, image.shape), 0, 255), np.uint8)


def _gamma(image: Image, gamma: float) -> Image:
    return np.asarray(255 * (image / 255.0) ** gamma, np.uint8)


def _cover(image: Image, top: float, bottom: float) -> Image:
    covered = image.copy()
    covered[round(top * len(image)) : round(bottom * len(image))] = 128
    return covered


DEGRADATIONS: dict[str, Callable[[Image], Image]] = {
    "blur, sigma 1 pixel": lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), 1.0), np.uint8),
    "blur, sigma 2 pixels": lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), 2.0), np.uint8),
    "seen at 24 pixels": lambda image: _shrink(image, 24),
    "seen at 16 pixels": lambda image: _shrink(image, 16),
    "JPEG quality 20": lambda image: _jpeg(image, 20),
    "noise, sigma 15": lambda image: _noise(image, 1.0, 15.0),
    "light 1/5, noise sigma 3": lambda image: _noise(image, 0.2, 3.0),
    "gamma 0.5": lambda image: _gamma(image, 0.5),
    "gamma 2": lambda image: _gamma(image, 2.0),
    "shifted by 8 %": lambda image: _affine(image, shift=0.08),
    "turned by 15 degrees": lambda image: _affine(image, angle=15),
    "15 % larger": lambda image: _affine(image, scale=1.15),
    "15 % smaller": lambda image: _affine(image, scale=1 / 1.15),
    "eyes covered": lambda image: _cover(image, 0.3, 0.48),
    "mouth covered": lambda image: _cover(image, 0.68, 0.9),
}


def randomly_degraded(images: Image, seed: int) -> tuple[Image, NDArray[np.int64]]:
    """Apply up to two random degradations and a random source size to each crop.

    Args:
        images: uint8 (N, S, S).
        seed: seed of all random choices.

    Returns:
        uint8 (N, S, S), and the side in pixels (N,) at which each face was seen.
    """
    rng = np.random.default_rng(seed)
    names = list(DEGRADATIONS)
    views, sides = np.empty_like(images), np.empty(len(images), np.int64)
    for index, image in enumerate(images):
        view = image
        for _ in range(int(rng.integers(0, 3))):
            view = DEGRADATIONS[names[int(rng.integers(len(names)))]](view)
        side = int(rng.integers(16, 97))
        if side < len(view):
            view = _shrink(view, side)
        views[index], sides[index] = view, side
    return views, sides


def whole_picture(crop: Image, rng: np.random.Generator) -> Image:
    """Return a 640 x 480 colour frame with the face, 120 to 260 pixels large, in blurred surroundings."""
    side = int(rng.integers(120, 261))
    face = cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC)
    top = int(rng.integers(0, CANVAS[0] - side + 1))
    left = int(rng.integers(0, CANVAS[1] - side + 1))
    wide = cv2.copyMakeBorder(
        face, top, CANVAS[0] - side - top, left, CANVAS[1] - side - left, cv2.BORDER_REPLICATE
    )
    wide = cv2.GaussianBlur(wide, (0, 0), 12)
    wide[top : top + side, left : left + side] = face
    return np.asarray(cv2.cvtColor(wide, cv2.COLOR_GRAY2BGR), np.uint8)
