"""Changes of the scene since the last detection: without one, detecting again finds nothing new."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.face.pyramid import Pyramid
from emoedge.observations import Box

CELLS_WIDTH: Final = 50
"""A change is looked for in a picture at most so wide, where a cell is the mean of some 16 x 16 pixels of a
640 x 480 frame: sensor noise is gone there, and the smallest face that is reported covers two by two cells.
"""
CHANGED_LEVELS: Final = 4
"""A cell that differs by more gray levels has changed: noise of 8 levels a pixel gives 2 at most among all
cells."""


class Scene:
    """Remembers the scene of the last change, and how much of it has been looked at since. Pure."""

    def __init__(self) -> None:
        self._cells: NDArray[np.uint8] | None = None
        self._looks = 0

    def reset(self) -> None:
        """Forget the scene: the next one is new."""
        self._cells = None
        self._looks = 0

    def notice(self, pyramid: Pyramid, known: tuple[Box, ...] = ()) -> None:
        """Compare a picture with the one remembered, and remember it instead where it differs.

        Args:
            pyramid: of the picture.
            known: places that are looked at anyway, fractions of the frame; what changes there does not
                count.
        """
        cells = pyramid.level(pyramid.level_for(pyramid.shape[1], CELLS_WIDTH))
        if self._cells is None or self._cells.shape != cells.shape or _changed(self._cells, cells, known):
            self._cells = cells
            self._looks = 0

    def looked(self) -> None:
        """One more look was taken at the scene."""
        self._looks += 1

    def exhausted(self, looks: int) -> bool:
        """Return whether enough searches have been made since the last change."""
        return self._looks >= looks


def _changed(before: NDArray[np.uint8], cells: NDArray[np.uint8], known: tuple[Box, ...]) -> bool:
    import cv2

    difference = cv2.absdiff(before, cells)
    height, width = cells.shape
    for box in known:
        top, bottom = int(box.y * height), int(np.ceil((box.y + box.height) * height))
        left, right = int(box.x * width), int(np.ceil((box.x + box.width) * width))
        difference[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 0
    return int(difference.max()) > CHANGED_LEVELS
