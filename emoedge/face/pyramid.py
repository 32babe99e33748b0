"""Pyramid of a frame's luma for optical flow and for changes of face and scene."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.frames import Frame

BASE_WIDTH: Final = 200
"""Least width of the first level, less than twice of it but in a strip: a face of 6 % is still 12 pixels."""


def halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Halve by area average: OpenCV's fast case; any other ratio costs forty times as much.

    Pixel i of the result is the mean of 2 i and 2 i + 1; an odd last row or column is left out.
    """
    import cv2

    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    even = picture[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


class Pyramid:
    """Levels of one frame's luma, each half as large as the one before, made when first asked for.

    Args:
        frame: any size and layout; nothing of it is kept.
    """

    def __init__(self, frame: Frame) -> None:
        import cv2

        small = frame.luma if frame.layout == "i420" else frame.data
        while small.shape[1] >= 2 * BASE_WIDTH and small.shape[0] >= 4:
            small = halved(small)
        if small.ndim == 3:
            small = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        elif small.base is not None:
            # Data kept until the next frame must not be a view of this one: some sources use their buffers
            # again.
            small = small.copy()
        self._levels = [small]

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width) of the first level."""
        return self._levels[0].shape

    def level(self, number: int) -> NDArray[np.uint8]:
        """uint8 (h, w); 0 is the largest. One that would be too small to halve is the last."""
        levels = self._levels
        while len(levels) <= number and min(levels[-1].shape) >= 4:
            levels.append(halved(levels[-1]))
        return levels[min(number, len(levels) - 1)]

    def level_for(self, pixels: float, least: float) -> int:
        """The smallest level on which `pixels` of the first one span more than half of `least`."""
        number = 0
        while pixels > least * (1 << number):
            number += 1
        return number
