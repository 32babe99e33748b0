"""Realistic augmentation: the effects of cameras, detectors, codecs and hands on a face crop.

Everything works on uint8 luma and is driven by one ``numpy`` generator, so that a seed fixes an epoch.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def jitter_geometry(image: Image, size: int, rng: np.random.Generator) -> Image:
    """Mirror, scale, shift, rotate and shear like a detector's crop, and sample at ``size`` x ``size``.

    Scale has a deviation of 9 % and shift of 4 % of the side, rotation of 9 degrees (clipped at 2.5
    deviations).
    """
    source = image.shape[0]
    n = np.clip(rng.standard_normal(7), -2.5, 2.5)
    scale = np.exp(0.09 * n[0]) * size / source
    aspect = np.exp(0.04 * n[1])
    angle = np.deg2rad(9.0 * n[2])
    cos, sin = np.cos(angle), np.sin(angle)
    a = scale * np.array([[cos * aspect, -sin + 0.04 * n[3]], [sin, cos / aspect]])
    if rng.random() < 0.5:
        a[:, 0] *= -1
    centre = (source - 1) / 2
    target = (size - 1) / 2 + 0.04 * size * n[4:6]
    offset = target - a @ np.array([centre, centre])
    matrix = np.column_stack([a, offset])
    return cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )


def degrade(image: Image, rng: np.random.Generator, probability: float) -> Image:
    """Reduce sharpness: small source image, defocus, motion, codec."""
    size = image.shape[0]
    if rng.random() < probability:
        small = max(14, int(size * rng.uniform(0.35, 0.95)))
        how = cv2.INTER_AREA
        image = cv2.resize(
            cv2.resize(image, (small, small), interpolation=how), (size, size), interpolation=cv2.INTER_LINEAR
        )
    if rng.random() < probability * 0.6:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.3))
    if rng.random() < probability * 0.2:
        length = int(rng.integers(3, 6))
        kernel = np.full((1, length), 1 / length, np.float32)
        image = cv2.filter2D(image, -1, kernel if rng.random() < 0.7 else kernel.T)
    if rng.random() < probability * 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))]
        image = np.asarray(
            cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_GRAYSCALE), np.uint8
        )
    return image


_NOISE_BANK = np.random.default_rng(7).standard_normal(1 << 18).astype(np.float32)


def _noise(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return white noise from a random place of a fixed bank, which is cheaper than drawing it."""
    count = int(np.prod(shape))
    start = int(rng.integers(0, len(_NOISE_BANK) - count))
    return _NOISE_BANK[start : start + count].reshape(shape)


def relight(image: Image, rng: np.random.Generator) -> Image:
    """Apply gamma, a light from one side, low light with sensor noise, or plain noise."""
    x: NDArray[np.float32] | None = None
    if rng.random() < 0.35:
        gamma = np.exp(rng.uniform(-0.7, 0.7))
        table = (255 * (np.arange(256) / 255) ** gamma).astype(np.float32)
        x = table[image]
    if rng.random() < 0.2:
        x = image.astype(np.float32) if x is None else x
        size = image.shape[0]
        ramp = np.linspace(-1, 1, size, dtype=np.float32)
        direction = rng.uniform(0, 2 * np.pi)
        light = np.cos(direction) * ramp[None, :] + np.sin(direction) * ramp[:, None]
        x = x * np.exp(rng.uniform(0.1, 0.6) * light)
    draw = rng.random()
    if draw < 0.06:  # low light: few gray levels under the sensor's noise
        x = image.astype(np.float32) if x is None else x
        x = x * rng.uniform(0.12, 0.5) + rng.uniform(1, 4) * _noise(image.shape, rng)
    elif draw < 0.25:
        x = image.astype(np.float32) if x is None else x
        x = x + rng.uniform(2, 10) * _noise(image.shape, rng)
    if x is None:
        return image
    return np.clip(x, 0, 255).astype(np.uint8)


def occlude(image: Image, rng: np.random.Generator) -> Image:
    """Cover one rectangle of up to a third of the side, as hands, hair, cups and captions do."""
    size = image.shape[0]
    height, width = (rng.uniform(0.12, 0.38, 2) * size).astype(int)
    top = int(rng.integers(0, size - height + 1))
    left = int(rng.integers(0, size - width + 1))
    image = image.copy()
    patch = image[top : top + height, left : left + width]
    if rng.random() < 0.5:
        patch[:] = int(rng.integers(0, 256))
    else:
        patch[:] = rng.integers(0, 256, patch.shape, dtype=np.uint8)
    return image


def cover(image: Image, rng: np.random.Generator) -> Image:
    """Draw a mask, dark or clear glasses over a face, at the usual place of eyes and mouth in a crop."""
    size = image.shape[0]
    image = image.copy()
    eyes = 0.38 + rng.uniform(-0.03, 0.03)
    kind = rng.random()
    if kind < 0.4:
        top, side, chin = rng.uniform(0.52, 0.66), rng.uniform(0.32, 0.46), rng.uniform(0.9, 1.05)
        outline = np.array(
            [
                (0.5 - side, top),
                (0.5, top - 0.05),
                (0.5 + side, top),
                (0.5 + 0.6 * side, chin),
                (0.5 - 0.6 * side, chin),
            ]
        )
        cv2.fillPoly(image, [np.round(size * outline).astype(np.int32)], int(rng.integers(10, 250)))
        return image
    filled = kind < 0.7
    half = (int(size * rng.uniform(0.11, 0.17)), int(size * rng.uniform(0.08, 0.14)))
    level, width = int(rng.integers(0, 65 if filled else 120)), -1 if filled else int(rng.integers(1, 3))
    for side in (-0.19, 0.19):
        centre = (round(size * (0.5 + side)), round(size * eyes))
        cv2.ellipse(image, centre, half, 0.0, 0.0, 360.0, level, width, cv2.LINE_AA)
    return image


def augment(
    image: Image, size: int, rng: np.random.Generator, *, sharp: bool, strength: float = 1.0
) -> Image:
    """Return one training view, (S, S) uint8 to (size, size) uint8.

    Args:
        image: crop.
        size: side of the view.
        rng: source of all random choices.
        sharp: sharp sources are degraded more often.
        strength: factor for the rate of degraded, relit and covered views; the geometry always varies.
    """
    view = jitter_geometry(image, size, rng)
    view = degrade(view, rng, strength * (0.55 if sharp else 0.3))
    if rng.random() < strength:
        view = relight(view, rng)
    if rng.random() < strength * 0.35:
        view = occlude(view, rng)
    return view
