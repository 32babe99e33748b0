"""Movement of a mouth from one frame to the next.

Small pictures of it are compared where they fit best: a head that moves is not a mouth that moves. What
counts is the movement, not the opening, since an open mouth may be a smile.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.face.align import LEAST_DEVIATION, CropGeometry, cut
from emoedge.frames import Frame

SIDE: Final = 32
"""Side of the small picture of a mouth, pixels."""
REACH: Final = 4
"""Range in which the best fit is searched, in pixels of the small picture: an eighth of it each way."""
PART: Final = 0.6
"""Side of what is looked at, in shares of the crop of the face: from the nose to the chin."""
BLUR: Final = 1.0
"""Deviation of the blur before pictures are compared, pixels: the fit is looked for in whole ones."""
LONGEST_S: Final = 0.5
"""Two frames farther apart tell nothing about how a mouth moves."""


class Mouths:
    """Follows the mouths of the faces of one camera."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[float, NDArray[np.uint8]]] = {}

    def movement(
        self, frame: Frame, track_id: int, geometry: CropGeometry, mouth: NDArray[np.float32]
    ) -> float | None:
        """Compare a mouth with itself in the frame before; frames come in the order of their times.

        Args:
            frame: any size and layout.
            track_id: whose mouth it is.
            geometry: of the face, as from `crop_geometry`.
            mouth: where its middle is, float32 (2,), fractions of the frame.

        Returns:
            0 (as before) to about 1 (nothing alike), or None without a frame shortly before.
        """
        import cv2

        x, y = mouth.tolist()
        where = CropGeometry(x * frame.width, y * frame.height, PART * geometry.side, geometry.angle)
        before_s, before = self._before.pop(track_id, (-np.inf, None))
        try:
            picture = cut(frame, where, SIDE, quick=True)
        except ValueError:
            return None
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), BLUR), np.uint8)
        self._before[track_id] = frame.time_s, picture
        if before is None or frame.time_s - before_s > LONGEST_S:
            return None
        return difference(before, picture)

    def forget(self, known: AbstractSet[int]) -> None:
        """Forget all tracks but those known."""
        for track_id in self._before.keys() - known:
            del self._before[track_id]

    def clear(self) -> None:
        """Forget everything."""
        self._before.clear()


def difference(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """Return how little of a picture, uint8 (SIDE, SIDE), is in the middle of the previous one, 0 to about 1.

    One less the normalised correlation at the best place; less on a patch so flat that all of it is noise.
    """
    import cv2

    middle = before[REACH:-REACH, REACH:-REACH]
    fit = float(cv2.matchTemplate(after, middle, cv2.TM_CCOEFF_NORMED).max())
    texture = float(cv2.meanStdDev(middle)[1][0, 0]) / LEAST_DEVIATION
    return max(0.0, 1.0 - fit) * min(1.0, texture * texture)
