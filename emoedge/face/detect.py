"""BlazeFace short-range: faces and six landmarks from a 128 x 128 picture.

Model and decoding follow MediaPipe (Bazarevsky et al. 2019, arXiv:1907.05047;
``mediapipe/modules/face_detection/face_detection_short_range_common.pbtxt``), in numpy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.errors import ModelError
from emoedge.face.sample import clip_rectangle, letterbox_rgb
from emoedge.inference import Interpreter
from emoedge.types import Box, Frame, Rectangle

INPUT_SIDE: Final = 128
LANDMARKS: Final = ("right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear")
"""Order of the landmarks; right and left are the person's own, so the right eye is on the left of an unmirrored picture."""

MIN_SCORE: Final = 0.5
"""MediaPipe's threshold; lower ones find hands and cushions."""

OVERLAP: Final = 0.3
"""Boxes that overlap more than this (intersection over union) are one face: MediaPipe's value."""

REGION_GROWTH: Final = 2.1
"""A region around a face, in sizes of its box: what the crop geometry was measured at, and the context that BlazeFace wants."""

REFINE_BELOW: Final = 0.35
"""Faces smaller than this share of the detector's input are looked at again at higher resolution: one pixel of the whole
frame at 128 is five at 640, too coarse for the eyes."""

CONFIRM_BELOW: Final = 0.2
"""Faces smaller than this share of the picture's longer side are confirmed: they are what lettering is taken for."""

CLOSER_GROWTH: Final = 1.7
"""A second, closer look at a small face: lettering and patterns that pass for a face in one frame of them do not in another."""

CONFIRMED_SCORE: Final = 0.62
"""The mean of both looks that confirms a small face. Of 500 faces of 50 to 500 pixels set into pictures it keeps 0.96, and of
79 pictures of lettering, in 0.37 of which one look sees a face so surely, 0.01."""

GLIMPSE_SCORE: Final = 0.2
"""The second look is heard even when it sees little: that is what it is for."""

SAME_FACE: Final = 0.2
"""Intersection over union from which two detections of different passes are one face."""

LOGIT_LIMIT: Final = 80.0
"""Keeps exp() finite in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face found in one frame.

    Attributes:
        box: fractions of the frame; may reach beyond its border.
        landmarks: float32 (6, 2), fractions of the frame, in the order of ``LANDMARKS``.
        score: 0 to 1.
    """

    box: Box
    landmarks: NDArray[np.float32]
    score: float


@cache
def anchors() -> NDArray[np.float32]:
    """Centres of the 896 anchors, (896, 2) fractions of the input: 2 a cell on 16 x 16, 6 a cell on 8 x 8."""
    parts = []
    for cells, repeats in ((16, 2), (8, 6)):
        centre = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        x, y = np.meshgrid(centre, centre)
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeats, axis=0))
    centres = np.asarray(np.concatenate(parts), np.float32)
    centres.flags.writeable = False
    return centres


def decode(
    regressors: NDArray[np.float32], logits: NDArray[np.float32], min_score: float = MIN_SCORE
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Turn raw outputs into points.

    Args:
        regressors: (896, 16): box centre, box size, then six landmarks, in input pixels relative to the anchor.
        logits: (896,) of "face".
        min_score: detections below it are left out.

    Returns:
        points (n, 8, 2), fractions of the input: upper left, lower right, six landmarks; and scores (n,).
    """
    # The threshold as a logit: one comparison for each of the 896, and the exponential for the few that pass.
    keep = (logits >= math.log(min_score / (1.0 - min_score))).nonzero()[0]
    points = regressors[keep].reshape(-1, 8, 2)
    sound = (points[:, 1] > 0).all(axis=1)
    if not sound.all():
        keep, points = keep[sound], points[sound]
    score = [1.0 / (1.0 + math.exp(-min(logit, LOGIT_LIMIT))) for logit in logits[keep].tolist()]
    points = points * np.float32(1.0 / INPUT_SIDE)
    anchor = anchors()[keep]
    half = points[:, 1] * np.float32(0.5)
    points[:, 0] += anchor
    points[:, 2:] += anchor[:, None]
    np.add(points[:, 0], half, out=points[:, 1])
    points[:, 0] -= half
    return points, np.array(score, np.float32)


def overlap(points: NDArray[np.float32], one: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of boxes (n, 2+, 2) with one box (2+, 2), given as two corners first: (n,)."""
    shared = np.minimum(points[:, 1], one[1]) - np.maximum(points[:, 0], one[0])
    np.maximum(shared, 0, out=shared)
    both = shared[:, 0] * shared[:, 1]
    sides, (width, height) = points[:, 1] - points[:, 0], (one[1] - one[0]).tolist()
    areas = sides[:, 0] * sides[:, 1] + width * height
    return np.asarray(both / np.maximum(areas - both, 1e-12), np.float32)


def suppress(
    points: NDArray[np.float32], scores: NDArray[np.float32], threshold: float = OVERLAP
) -> list[tuple[NDArray[np.float32], float]]:
    """Weighted non-maximum suppression: overlapping detections become their score-weighted mean (BlazeFace, section 3.3).

    Returns:
        (points (8, 2), highest score) a face, best first.
    """
    faces = []
    order = np.argsort(-scores, kind="stable")
    while order.size:
        same = overlap(points[order], points[order[0]]) > threshold
        same[0] = True
        group = order[same]
        weights = scores[group]
        mean = weights @ points[group].reshape(len(group), -1) / weights.sum()
        faces.append((np.asarray(mean, np.float32).reshape(-1, 2), float(scores[order[0]])))
        order = order[~same]
    return faces


def grown(box: Box, factor: float) -> Box:
    """The box enlarged about its centre."""
    x, y = box.center
    width, height = box.width * factor, box.height * factor
    return Box(x - width / 2, y - height / 2, width, height)


def best_match(face: Detection, others: Sequence[Detection]) -> Detection | None:
    """The detection that overlaps most with ``face``, if any does by ``SAME_FACE``."""
    best, most = None, SAME_FACE
    for other in others:  # a handful: plain numbers are faster than arrays
        share = _shared(face.box, other.box)
        if share >= most and (best is None or share > most):
            best, most = other, share
    return best


def _shared(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    both = max(width, 0.0) * max(height, 0.0)
    return both / max(one.area + other.area - both, 1e-12)


class FaceDetector:
    """Finds faces in frames.

    Args:
        path: BlazeFace short-range as ``.tflite``.
        threads: of the interpreter.

    Raises:
        ModelError: the file is missing or is not this model.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        self._interpreter = Interpreter(path, threads)
        if self._interpreter.input_shape != (1, INPUT_SIDE, INPUT_SIDE, 3):
            raise ModelError(f"{path} is not BlazeFace short-range", "run: emoedge models verify")
        self._input = np.empty((1, INPUT_SIDE, INPUT_SIDE, 3), np.float32)
        self._place: tuple[int, ...] = ()

    def detect(
        self, frame: Frame, region: Box | None = None, min_score: float = MIN_SCORE
    ) -> list[Detection]:
        """Faces in the frame or in a region of it, best first; empty when there is none.

        Args:
            frame: any size and layout.
            region: where to look, fractions of the frame; seen at a higher resolution than the whole frame.
            min_score: lowest score reported.
        """
        part: Rectangle | None = None
        if region is not None:
            try:
                part = clip_rectangle(
                    frame,
                    region.x * frame.width,
                    region.y * frame.height,
                    (region.x + region.width) * frame.width,
                    (region.y + region.height) * frame.height,
                )
            except ValueError:
                return []
        picture, scale, x, y = letterbox_rgb(frame, INPUT_SIDE, part)
        self._fill(picture, x, y)
        outputs = {out.shape[-1]: out[0] for out in self._interpreter.run(self._input)}
        points, scores = decode(outputs[16], outputs[1][:, 0], min_score)
        if not len(points):
            return []
        found = suppress(points, scores)
        size = np.array([frame.width, frame.height], np.float32)
        offset = np.array(part[:2] if part else (0, 0), np.float32)
        shift = np.array([x, y], np.float32)
        detections = []
        for corners, score in found:
            pixels = (corners * INPUT_SIDE - shift) / scale + offset
            upper, lower = pixels[0] / size, pixels[1] / size
            box = Box(
                float(upper[0]), float(upper[1]), float(lower[0] - upper[0]), float(lower[1] - upper[1])
            )
            detections.append(Detection(box, (pixels[2:] / size).astype(np.float32), score))
        return detections

    def _fill(self, picture: NDArray[np.uint8], x: int, y: int) -> None:
        """Bring a picture to its place in the input, -1 (black) to 1."""
        place = (x, y, *picture.shape[1::-1])
        if place != self._place:  # what stood there before is no border of this one
            self._input.fill(-1.0)
            self._place = place
        there = self._input[0, y : y + picture.shape[0], x : x + picture.shape[1]]
        np.multiply(picture, np.float32(1 / 127.5), out=there)
        there -= np.float32(1.0)

    def refine(self, frame: Frame, face: Detection) -> Detection:
        """Look again at a small face, around it, for exact landmarks; large or not found again, it stays as it was."""
        if _share(frame, face) >= REFINE_BELOW:
            return face
        again = self.detect(frame, grown(face.box, REGION_GROWTH))
        return best_match(face, again) or face

    def confirm(self, frame: Frame, face: Detection) -> Detection | None:
        """Refine a face that nobody has seen before; None for a small one that two looks together do not find sure.

        The score of a small one is the mean of both looks.
        """
        exact = self.refine(frame, face)
        if _share(frame, face) >= CONFIRM_BELOW:
            return exact
        closer = best_match(exact, self.detect(frame, grown(exact.box, CLOSER_GROWTH), GLIMPSE_SCORE))
        score = (exact.score + (closer.score if closer else 0.0)) / 2
        return Detection(exact.box, exact.landmarks, score) if score >= CONFIRMED_SCORE else None


def _share(frame: Frame, face: Detection) -> float:
    """Width of a face in shares of the side that fills the detector's input."""
    return face.box.width * frame.width / max(frame.width, frame.height)
