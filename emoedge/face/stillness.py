"""Tells a photograph from a person: what never moves is nobody. Pure.

The place where a face was first seen is looked at again and again, always the same place, so that a head that
moves changes it as well as a mouth that does. Means over half a second are compared: a camera's noise is gone
in them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

BLOCK_S: Final = 0.5
"""Over this time pictures are averaged before they are compared."""
MOVED: Final = 0.12
"""Mean absolute change of the standardised small picture, in its deviations, that is more than noise. A
photograph under noise, changing light and a trembling camera gave 0.09 at most, people in the first ten
seconds 0.22 at least."""
FOLLOW: Final = 0.05
"""Part of each block that goes into what the next is compared with: light changes slowly in a room."""
RETURN_S: Final = 1800.0
"""A face that has moved is a person, who may sit quietly or sleep: only after so long without any movement is
it taken for a photograph."""


class Stillness:
    """Tracks whether one face has moved.

    Args:
        still_s: seconds without movement after which a face is still, from its first appearance, > 0.
        time_s: when it came into view.
    """

    def __init__(self, still_s: float, time_s: float) -> None:
        self._still_s = still_s
        self._since_s = time_s
        self._block_s = time_s
        self._sum: NDArray[np.float32] | None = None
        self._count = 0
        self.has_moved = False
        """It has moved since it came into view, or since it was still."""
        self.usual: NDArray[np.float32] | None = None
        """Appearance of the place, float32 (n, n); None during the first half second."""

    def update(self, time_s: float, picture: NDArray[np.float32]) -> bool:
        """Take in a small standardised picture, float32 (n, n), of the place; times do not go back.

        Returns:
            Whether something moved: what is looked at next may be another place.
        """
        self._sum = picture.copy() if self._sum is None else self._sum + picture
        self._count += 1
        if time_s - self._block_s < BLOCK_S:
            return False
        mean = self._sum / np.float32(self._count)
        self._sum, self._count, self._block_s = None, 0, time_s
        if self.usual is None:
            self.usual = mean
        elif float(np.abs(mean - self.usual).mean()) > MOVED:
            self.usual, self._since_s, self.has_moved = None, time_s, True
            return True
        else:
            self.usual = self.usual + np.float32(FOLLOW) * (mean - self.usual)
        return False

    def still_for_s(self, time_s: float) -> float:
        """Return for how long it has counted as a photograph, in seconds; below 0 it does not."""
        return time_s - self._since_s - (RETURN_S if self.has_moved else self._still_s)

    def recognise(self, time_s: float, usual: NDArray[np.float32]) -> None:
        """It is a photograph known from before, which looks like this, float32 (n, n)."""
        self.usual, self.has_moved = usual, False
        self._since_s = time_s - self._still_s
