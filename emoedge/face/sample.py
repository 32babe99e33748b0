"""Cut regions out of frames without converting the whole picture."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from emoedge.types import Frame


def clip_rectangle(
    frame: Frame, left: float, top: float, right: float, bottom: float
) -> tuple[int, int, int, int]:
    """Whole, even pixel coordinates (left, top, right, bottom) of the part of a rectangle that lies inside the frame.

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


def crop_frame(frame: Frame, rectangle: tuple[int, int, int, int]) -> Frame:
    """The part of ``frame`` inside a rectangle of ``clip_rectangle``, as a frame of the same layout."""
    left, top, right, bottom = rectangle
    width, height = right - left, bottom - top
    if frame.layout == "bgr":
        return replace(frame, data=frame.data[top:bottom, left:right], width=width, height=height)
    half_width, half_height = frame.width // 2, frame.height // 2
    quarter = half_width * half_height
    chroma = frame.data[frame.height :].reshape(-1)
    planes = [frame.data[top:bottom, left:right].reshape(-1)]
    for plane in (chroma[:quarter], chroma[quarter : 2 * quarter]):
        half = plane.reshape(half_height, half_width)
        planes.append(half[top // 2 : bottom // 2, left // 2 : right // 2].reshape(-1))
    data = np.concatenate(planes).reshape(height * 3 // 2, width)
    return replace(frame, data=data, width=width, height=height)


def crop_luma(frame: Frame, rectangle: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """The luma inside a rectangle of ``clip_rectangle``, uint8 (height, width): a view where the frame is "i420"."""
    left, top, right, bottom = rectangle
    if frame.layout == "i420":
        return frame.luma[top:bottom, left:right]
    import cv2

    return np.asarray(cv2.cvtColor(frame.data[top:bottom, left:right], cv2.COLOR_BGR2GRAY), np.uint8)


def letterbox_rgb(frame: Frame, side: int) -> tuple[NDArray[np.uint8], float, int, int]:
    """The whole frame inside a black square.

    Args:
        frame: any size and layout.
        side: of the square, even, pixels.

    Returns:
        uint8 RGB (side, side, 3), the scale from frame to square, and the offset (x, y) of the picture in the square.
    """
    scale = side / max(frame.width, frame.height)
    width = min(side, max(2, round(frame.width * scale / 2) * 2))
    height = min(side, max(2, round(frame.height * scale / 2) * 2))
    square = np.zeros((side, side, 3), np.uint8)
    x, y = (side - width) // 2, (side - height) // 2
    square[y : y + height, x : x + width] = frame.small_rgb(width, height)
    return square, scale, x, y
