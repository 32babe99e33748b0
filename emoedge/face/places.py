"""The places of the faces in a picture, looked at for movement: who moves, and who is a photograph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.face.align import CropGeometry, change, peek
from emoedge.face.pyramid import Pyramid
from emoedge.face.stillness import MOVED, Stillness
from emoedge.frames import Frame

POSTERS: Final = 8
"""Maximum number of photographs that are remembered while people stand before them."""
REMEMBER_S: Final = 60.0
"""Seconds of stillness after which a photograph is remembered: a sleeping person moves sooner."""

_Poster = tuple[CropGeometry, NDArray[np.float32]]


@dataclass(slots=True, eq=False)
class _Place:
    """Place at which a track was first seen, or where it moved to, and whether anything moves there."""

    geometry: CropGeometry
    stillness: Stillness


class Places:
    """Follows the movement of every face of one camera.

    Args:
        still_s: as in `Stillness`.
    """

    def __init__(self, still_s: float) -> None:
        self._still_s = still_s
        self._places: dict[int, _Place] = {}
        self._posters: dict[int, _Poster] = {}
        self.still: AbstractSet[int] = frozenset()
        """Ids of the faces that are photographs."""
        self.moving: AbstractSet[int] = frozenset()
        """Ids of the faces that have moved since they came into view."""

    def look(self, frame: Frame, pyramid: Pyramid, seen: Mapping[int, CropGeometry]) -> None:
        """Look at the places of all faces that are seen in a frame, given by their ids."""
        now, width = frame.time_s, frame.width
        for track_id, there in seen.items():
            place = self._places.get(track_id)
            if place is None:
                place = self._places[track_id] = _Place(there, Stillness(self._still_s, now))
            if place.stillness.update(now, peek(pyramid, place.geometry, width)):
                place.geometry = there
            still_s = place.stillness.still_for_s(now)
            if still_s >= REMEMBER_S and place.stillness.usual is not None:
                self._posters[track_id] = (place.geometry, place.stillness.usual)
                for old in list(self._posters)[:-POSTERS]:
                    del self._posters[old]
            elif still_s < 0 and (known := self._poster_at(there, pyramid, width)):
                place.geometry = known[0]
                place.stillness.recognise(now, known[1])
        places = self._places.items()
        self.still = {number for number, place in places if place.stillness.still_for_s(now) >= 0}
        self.moving = {number for number, place in places if place.stillness.has_moved} - self.still

    def forget(self, known: AbstractSet[int]) -> None:
        """Forget all tracks but those known."""
        for track_id in self._places.keys() - known:
            del self._places[track_id]

    def clear(self) -> None:
        """Forget everything."""
        self._places.clear()
        self._posters.clear()
        self.still = self.moving = frozenset()

    def _poster_at(self, there: CropGeometry, pyramid: Pyramid, width: int) -> _Poster | None:
        """The photograph that hung at a place when somebody passed in front of it, if it is seen again."""
        for geometry, usual in self._posters.values():
            apart = math.hypot(geometry.centre_x - there.centre_x, geometry.centre_y - there.centre_y)
            if apart < there.side / 4 and change(peek(pyramid, geometry, width), usual) < MOVED:
                return geometry, usual
        return None
