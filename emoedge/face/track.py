"""Faces over time: stable ids, short gaps, one primary face. Pure: detections and a time in, tracks out."""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.face.detect import Detection
from emoedge.observations import Box

FORGET_AFTER_S: Final = 1.5
"""A face that has been away this long gets a new id when it comes back: longer gaps may well be somebody
else."""
COAST_S: Final = 0.6
"""A face not seen for up to this long is still reported where it would be: a blink of the detector, a hand.
"""
SURE_SCORE: Final = 0.75
"""A new face with this score is believed at once, a weaker one when it is seen a second time."""
MATCH_DISTANCE: Final = 0.8
"""Farthest move between two looks, in face sizes, of the centre from where it was expected."""
MATCH_SIZE: Final = 2.0
"""Largest change of size between two looks, as a ratio."""
VELOCITY_SMOOTHING: Final = 0.5
PRIMARY_ADVANTAGE: Final = 1.4
"""Another face must be this much more prominent to become the primary one: no flicker between two people."""
FLOW_FACE: Final = 48.0
"""A face wider than this many pixels is followed on a higher level: 24 to 48 are enough, and a near one costs
no more than a far one. On 80 a face was followed no better and at a quarter more."""
FLOW_WINDOW: Final = (11, 11)
"""Pixels around each point that optical flow compares: a quarter of a face and more."""
FLOW_REACH: Final = 0.4
"""Part of the picture that optical flow looks at, beyond the box on each side in shares of its size: a face
does not go farther between two frames."""
FLOW_GRID: Final = np.array([(u, v) for v in (0.25, 0.45, 0.65, 0.85) for u in (0.2, 0.5, 0.8)], np.float32)
"""Points of a box at which flow is measured, (12, 2) shares of its size: the inner face, not the
background."""
FLOW_MARGIN: Final = 2.0
"""Points nearer to the border of the picture have nothing around them to compare."""
FLOW_POINTS: Final = 5
"""Fewer points of a face inside the picture are too few for a median."""
FLOW_LEVELS: Final = 2
"""Levels of the pyramid above the picture: a move of half a face of FLOW_FACE pixels."""
FLOW_END: Final = (3, 10, 0.03)
"""A point's search ends after 10 steps, or with one below 0.03 pixels: the median over the points is what
counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face followed over time.

    Attributes:
        track_id: stable, from 1, never used again.
        detection: where it was when last seen.
        seen_s: when that was.
        velocity: (x, y) of the centre, fractions of the frame per second.
        sightings: how often it was seen.
        primary: the face that the fusion listens to.
    """

    track_id: int
    detection: Detection
    seen_s: float
    velocity: tuple[float, float] = (0.0, 0.0)
    sightings: int = 1
    primary: bool = False

    @property
    def confirmed(self) -> bool:
        """Seen twice, or once beyond doubt."""
        return self.sightings > 1 or self.detection.score >= SURE_SCORE

    def expected(self, time_s: float) -> Detection:
        """Return the expected position at a time, by its velocity, for at most `COAST_S`."""
        ahead = min(max(time_s - self.seen_s, 0.0), COAST_S)
        return moved(self.detection, self.velocity[0] * ahead, self.velocity[1] * ahead)


def moved(detection: Detection, x: float, y: float) -> Detection:
    """The detection shifted by fractions of the frame."""
    box = Box(detection.box.x + x, detection.box.y + y, detection.box.width, detection.box.height)
    landmarks = detection.landmarks + np.array([x, y], np.float32)
    return Detection(box, landmarks.astype(np.float32), detection.score)


def _distance(one: Box, other: Box) -> float:
    """Distance of the centres in units of the boxes' mean size, per axis."""
    (x1, y1), (x2, y2) = one.center, other.center
    width = max((one.width + other.width) / 2, 1e-6)
    height = max((one.height + other.height) / 2, 1e-6)
    return math.hypot((x1 - x2) / width, (y1 - y2) / height)


def _size_ratio(one: Box, other: Box) -> float:
    ratio = math.sqrt(max(one.area, 1e-9) / max(other.area, 1e-9))
    return max(ratio, 1 / ratio)


def assign(tracks: tuple[Track, ...], detections: list[Detection], time_s: float) -> dict[int, int]:
    """Match detections to tracks, nearest pairs first.

    Returns:
        Index of the detection for each matched index of a track.
    """
    costs: list[tuple[float, int, int]] = []
    for i, track in enumerate(tracks):
        expected = track.expected(time_s).box
        for j, detection in enumerate(detections):
            distance = _distance(expected, detection.box)
            ratio = _size_ratio(track.detection.box, detection.box)
            if distance <= MATCH_DISTANCE and ratio <= MATCH_SIZE:
                costs.append((distance + 0.5 * math.log(ratio), i, j))
    matched: dict[int, int] = {}
    for _, i, j in sorted(costs):
        if i not in matched and j not in matched.values():
            matched[i] = j
    return matched


def prominence(box: Box) -> float:
    """Size times centrality: half as much at the border of the picture as in the middle."""
    x, y = box.center
    off = min(1.0, math.hypot(x - 0.5, y - 0.5) / 0.7)
    return box.area * (1.0 - 0.5 * off)


class FaceTracker:
    """Keeps the tracks of one camera.

    Args:
        max_faces: the most faces followed; the most prominent ones stay.
    """

    def __init__(self, max_faces: int = 4) -> None:
        self._max_faces = max_faces
        self._tracks: tuple[Track, ...] = ()
        self._next_id = 1
        self._primary_id: int | None = None
        self.still: AbstractSet[int] = frozenset()
        """Ids of the faces that are not people: none of them is primary."""
        self.moving: AbstractSet[int] = frozenset()
        """Ids of the faces that have moved: as long as there is one, it or another of them is primary."""

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All faces remembered, also those not visible right now."""
        return self._tracks

    def update(self, detections: list[Detection], time_s: float) -> tuple[Track, ...]:
        """Take in the faces of one look at the picture.

        Args:
            detections: all faces found at ``time_s``; an empty list means that none was found.
            time_s: of the picture; must not go back.

        Returns:
            The visible, confirmed tracks, see ``visible``.
        """
        matched = assign(self._tracks, detections, time_s)
        kept: list[Track] = []
        for index, track in enumerate(self._tracks):
            if index in matched:
                kept.append(_seen(track, detections[matched[index]], time_s))
            elif track.confirmed and time_s - track.seen_s <= FORGET_AFTER_S:
                kept.append(track)
        taken = set(matched.values())
        for index, detection in enumerate(detections):
            if index not in taken:
                kept.append(Track(self._next_id, detection, time_s))
                self._next_id += 1
        kept.sort(key=lambda track: (-prominence(track.detection.box), track.track_id))
        self._tracks = tuple(kept[: self._max_faces])
        return self.visible(time_s)

    def clear(self) -> None:
        """Forget all faces; their ids are not used again."""
        self._tracks = ()
        self._primary_id = None

    def follow(self, moves: dict[int, Detection], time_s: float) -> tuple[Track, ...]:
        """Take in new places of known faces from optical flow; others stay as they were."""
        self._tracks = tuple(
            Track(track.track_id, moves[track.track_id], time_s, track.velocity, track.sightings)
            if track.track_id in moves
            else track
            for track in self._tracks
        )
        return self.visible(time_s)

    def visible(self, time_s: float) -> tuple[Track, ...]:
        """Confirmed tracks seen within ``COAST_S``, the most prominent first, one of them primary.

        None is primary where all are still. Who moves is preferred to who is large.
        """
        seen = [t for t in self._tracks if t.confirmed and time_s - t.seen_s <= COAST_S]
        eligible = [t for t in seen if t.track_id not in self.still]
        eligible = [t for t in eligible if t.track_id in self.moving] or eligible
        if not eligible:
            self._primary_id = None
            return tuple(_marked(track, primary=False) for track in seen)
        current = next((t for t in eligible if t.track_id == self._primary_id), None)
        if current is None or len(eligible) > 1:
            best = max(eligible, key=lambda t: prominence(t.detection.box))
            if current is None or prominence(best.detection.box) > PRIMARY_ADVANTAGE * prominence(
                current.detection.box
            ):
                current = best
        self._primary_id = current.track_id
        return tuple(_marked(track, primary=track is current) for track in seen)


def _marked(track: Track, *, primary: bool) -> Track:
    if track.primary == primary:
        return track
    return Track(
        track.track_id, track.detection, track.seen_s, track.velocity, track.sightings, primary=primary
    )


def _seen(track: Track, detection: Detection, time_s: float) -> Track:
    elapsed = time_s - track.seen_s
    velocity = track.velocity
    if elapsed > 1e-3:
        (x1, y1), (x2, y2) = track.detection.box.center, detection.box.center
        share = VELOCITY_SMOOTHING
        velocity = (
            (1 - share) * velocity[0] + share * (x2 - x1) / elapsed,
            (1 - share) * velocity[1] + share * (y2 - y1) / elapsed,
        )
    return Track(track.track_id, detection, time_s, velocity, track.sightings + 1)


def flow_landmarks(
    before: NDArray[np.uint8], after: NDArray[np.uint8], detection: Detection
) -> Detection | None:
    """Carry one face from one small picture to the next by sparse optical flow (Lucas-Kanade, pyramidal).

    A point counts if the way back from where it went leads to where it was. The way back is looked for around
    the place it should lead to, at full resolution: where that is wrong, it leads elsewhere.

    Args:
        before: uint8 luma (h, w) on which the face is some FLOW_FACE / 2 to FLOW_FACE pixels wide.
        after: the next one, of the same size.
        detection: where the face was in ``before``.

    Returns:
        Where it is in ``after``, moved and scaled as a whole, or None when the flow is not to be trusted.
    """
    import cv2

    height, width = before.shape
    box = detection.box
    left, top = box.x * width, box.y * height
    face_width, face_height = box.width * width, box.height * height
    points = FLOW_GRID * np.array((face_width, face_height), np.float32) + np.array((left, top), np.float32)
    if not _inside(points[0], points[-1], width, height):
        points = np.array([point for point in points if _inside(point, point, width, height)], np.float32)
        if len(points) < FLOW_POINTS:
            return None
    reach_x, reach_y = FLOW_REACH * face_width, FLOW_REACH * face_height
    x0, x1 = max(0, int(left - reach_x)), int(left + face_width + reach_x) + 1
    y0, y1 = max(0, int(top - reach_y)), int(top + face_height + reach_y) + 1
    before, after = before[y0:y1, x0:x1], after[y0:y1, x0:x1]
    old = points - np.array((x0, y0), np.float32)
    guess: Any = None
    how: dict[str, Any] = {"winSize": FLOW_WINDOW, "criteria": FLOW_END}
    there, ok, _ = cv2.calcOpticalFlowPyrLK(before, after, old, guess, maxLevel=FLOW_LEVELS, **how)
    how |= {"maxLevel": 0, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
    back, ok_back, _ = cv2.calcOpticalFlowPyrLK(after, before, there, old.copy(), **how)
    # A dozen points: plain numbers are faster than arrays.
    was, now = [], []
    columns = (old, there, back, ok[:, 0], ok_back[:, 0])
    for start, end, again, forth_ok, back_ok in zip(*(part.tolist() for part in columns), strict=True):
        if forth_ok and back_ok and (again[0] - start[0]) ** 2 + (again[1] - start[1]) ** 2 < 1.0:
            was.append(start)
            now.append(end)
    if len(was) < 0.5 * len(old):
        return None
    (was_x, was_y), was_spread = _middle_and_spread(was)
    (now_x, now_y), now_spread = _middle_and_spread(now)
    scale = now_spread / max(was_spread, 1e-3)
    if not 0.8 < scale < 1.25:
        return None
    # Fractions of the frame: (place - was) * scale + now.
    shift_x = ((now_x + x0) - (was_x + x0) * scale) / width
    shift_y = ((now_y + y0) - (was_y + y0) * scale) / height
    moved_box = Box(box.x * scale + shift_x, box.y * scale + shift_y, box.width * scale, box.height * scale)
    landmarks = detection.landmarks * np.float32(scale) + np.array((shift_x, shift_y), np.float32)
    return Detection(moved_box, landmarks, detection.score)


def _inside(first: NDArray[np.float32], last: NDArray[np.float32], width: int, height: int) -> bool:
    """Return whether all between two corners, pixels (x, y), lies inside a picture and off its border."""
    return bool(
        first[0] >= FLOW_MARGIN
        and first[1] >= FLOW_MARGIN
        and last[0] < width - FLOW_MARGIN
        and last[1] < height - FLOW_MARGIN
    )


def _middle_and_spread(points: list[list[float]]) -> tuple[tuple[float, float], float]:
    """Median of points (x, y), and the median of their distances from it."""
    x, y = _median([point[0] for point in points]), _median([point[1] for point in points])
    return (x, y), _median([math.hypot(point[0] - x, point[1] - y) for point in points])


def _median(values: list[float]) -> float:
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
