"""Cut regions out of frames without converting the whole picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from emoedge.types import Frame


def crop_frame(frame: Frame, left: int, top: int, right: int, bottom: int) -> Frame:
    """The part of ``frame`` inside a pixel rectangle, as a frame of the same layout.

    The rectangle is cut to the picture and widened to even coordinates, which "i420" needs.

    Raises:
        ValueError: nothing of the rectangle lies inside the picture.
    """
    left, top = max(0, left) // 2 * 2, max(0, top) // 2 * 2
    right, bottom = min(frame.width, right + right % 2), min(frame.height, bottom + bottom % 2)
    if right - left < 2 or bottom - top < 2:
        raise ValueError("the region lies outside the frame")
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
