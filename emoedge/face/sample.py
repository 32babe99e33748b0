"""Cut regions out of frames without converting the whole picture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from emoedge.frames import Frame, Rectangle


def clip_rectangle(frame: Frame, left: float, top: float, right: float, bottom: float) -> Rectangle:
    """Even pixel coordinates (left, top, right, bottom) of the part of a rectangle inside the frame.

    Widened outwards where it must be: "i420" has one chroma sample for two by two pixels.

    Raises:
        ValueError: nothing of it lies inside.
    """
    x1, y1 = max(0, math.floor(left)) // 2 * 2, max(0, math.floor(top)) // 2 * 2
    x2, y2 = -(-math.ceil(right) // 2) * 2, -(-math.ceil(bottom) // 2) * 2
    x2, y2 = min(frame.width, x2), min(frame.height, y2)
    if x2 - x1 < 2 or y2 - y1 < 2:
        raise ValueError("the region lies outside the frame")
    return x1, y1, x2, y2


def crop_luma(frame: Frame, rectangle: Rectangle) -> NDArray[np.uint8]:
    """Luma inside a rectangle of `clip_rectangle`, uint8 (height, width): a view for "i420"."""
    left, top, right, bottom = rectangle
    if frame.layout == "i420":
        return frame.luma[top:bottom, left:right]
    import cv2

    return np.asarray(cv2.cvtColor(frame.data[top:bottom, left:right], cv2.COLOR_BGR2GRAY), np.uint8)


def letterbox_rgb(
    frame: Frame, side: int, part: Rectangle | None = None
) -> tuple[NDArray[np.uint8], float, int, int]:
    """The frame, or a rectangle of it, as large as it fits into a square.

    Args:
        frame: any size and layout.
        side: of the square, even, pixels.
        part: as from ``clip_rectangle``; None for the whole frame.

    Returns:
        uint8 RGB (height, width, 3), the scale from frame to square, and the offset (x, y) of the picture in
        the middle of the square.
    """
    left, top, right, bottom = part or (0, 0, frame.width, frame.height)
    scale = side / max(right - left, bottom - top)
    width = min(side, max(2, round((right - left) * scale / 2) * 2))
    height = min(side, max(2, round((bottom - top) * scale / 2) * 2))
    return frame.small_rgb(width, height, part), scale, (side - width) // 2, (side - height) // 2
