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
from emoedge.frames import Frame, Rectangle
from emoedge.inference import Interpreter
from emoedge.observations import Box
from emoedge.translation import tr

INPUT_SIDE: Final = 128
LANDMARKS: Final = ("right_eye", "left_eye", "nose", "mouth", "right_ear", "left_ear")
"""Order of the landmarks; right and left are the person's own, so the right eye is on the left of an
unmirrored picture."""

MIN_SCORE: Final = 0.5
"""MediaPipe's threshold; lower ones find hands and cushions."""

OVERLAP: Final = 0.3
"""Boxes that overlap more than this (intersection over union) are one face: MediaPipe's value."""

REGION_GROWTH: Final = 2.1
"""A region around a face, in sizes of its box: what the crop geometry was measured at, and the context that
BlazeFace wants."""

REFINE_BELOW: Final = 0.35
"""Faces smaller than this share of the detector's input are looked at again at higher resolution: one pixel
of the whole frame at 128 is five at 640, too coarse for the eyes."""

CONFIRM_BELOW: Final = 0.2
"""Faces smaller than this share of the picture's longer side are confirmed: they are what lettering is taken
for."""

CLOSER_GROWTH: Final = 1.7
"""A second, closer look at a small face: lettering and patterns that pass for a face in one frame of them do
not in another."""

CONFIRMED_SCORE: Final = 0.62
"""The mean of both looks that confirms a small face. Of 500 faces of 50 to 500 pixels set into pictures it
keeps 0.96, and of 79 pictures of lettering, in 0.37 of which one look sees a face so surely, 0.01."""

GLIMPSE_SCORE: Final = 0.2
"""The second look is heard even when it sees little: that is what it is for."""

SAME_FACE: Final = 0.2
"""Intersection over union from which two detections of different passes are one face."""

LOGIT_LIMIT: Final = 80.0
"""Keeps exp() from overflowing."""

MOST_CANDIDATES: Final = 128
"""Bounds the time that a hostile picture can take; twenty faces have as many."""


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


Candidate = tuple[float, list[float]]
"""Score, and sixteen numbers: x and y in turn of the upper left corner, the lower right one and the six
landmarks, fractions of the input. A face is found by some six anchors: for so few, plain numbers are faster
than arrays."""


def decode(
    regressors: NDArray[np.float32], logits: NDArray[np.float32], min_score: float = MIN_SCORE
) -> list[Candidate]:
    """Turn raw outputs into candidates, best first.

    Args:
        regressors: (896, 16): box centre, box size, then six landmarks, in input pixels relative to the
            anchor.
        logits: (896,) of "face".
        min_score: candidates below it are left out, and all but the best MOST_CANDIDATES.
    """
    # The threshold as a logit: one comparison for each of the 896, and the exponential for the few that pass.
    keep = (logits >= math.log(min_score / (1.0 - min_score))).nonzero()[0]
    if len(keep) > MOST_CANDIDATES:
        keep = np.sort(keep[np.argsort(-logits[keep], kind="stable")[:MOST_CANDIDATES]])
    found = []
    rows = zip(regressors[keep].tolist(), logits[keep].tolist(), anchors()[keep].tolist(), strict=True)
    for row, logit, (x, y) in rows:
        half_width, half_height = row[2] / (2 * INPUT_SIDE), row[3] / (2 * INPUT_SIDE)
        if half_width <= 0 or half_height <= 0:
            continue
        middle_x, middle_y = row[0] / INPUT_SIDE + x, row[1] / INPUT_SIDE + y
        points = [
            middle_x - half_width,
            middle_y - half_height,
            middle_x + half_width,
            middle_y + half_height,
        ]
        points += [value / INPUT_SIDE + (y if i % 2 else x) for i, value in enumerate(row[4:])]
        found.append((1.0 / (1.0 + math.exp(-min(logit, LOGIT_LIMIT))), points))
    found.sort(key=lambda candidate: -candidate[0])
    return found


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes: left, top, right, bottom, and what may follow."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return both / max(areas - both, 1e-12)


def suppress(candidates: list[Candidate], threshold: float = OVERLAP) -> list[Candidate]:
    """Weighted non-maximum suppression: the score-weighted mean of overlaps (BlazeFace, section 3.3).

    Args:
        candidates: best first.
        threshold: of ``overlap``.

    Returns:
        One candidate a face, with the highest score, best first.
    """
    faces = []
    while candidates:
        best = candidates[0]
        group: list[Candidate] = [best]
        others: list[Candidate] = []
        for candidate in candidates[1:]:
            (group if overlap(candidate[1], best[1]) > threshold else others).append(candidate)
        total = sum(score for score, _ in group)
        columns = zip(*([score * value for value in points] for score, points in group), strict=True)
        faces.append((best[0], [sum(column) / total for column in columns]))
        candidates = others
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
        share = overlap(_corners(face.box), _corners(other.box))
        if share >= most and (best is None or share > most):
            best, most = other, share
    return best


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.x + box.width, box.y + box.height


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
            raise ModelError(
                tr("{path} is not BlazeFace short-range", path=path), tr("run: emoedge models verify")
            )
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
        left, top = part[:2] if part else (0, 0)
        detections = []
        for score, points in suppress(decode(outputs[16], outputs[1][:, 0], min_score)):
            across = [((value * INPUT_SIDE - x) / scale + left) / frame.width for value in points[::2]]
            down = [((value * INPUT_SIDE - y) / scale + top) / frame.height for value in points[1::2]]
            box = Box(across[0], down[0], across[1] - across[0], down[1] - down[0])
            landmarks = np.array([across[2:], down[2:]], np.float32).T
            detections.append(Detection(box, landmarks, score))
        return detections

    def _fill(self, picture: NDArray[np.uint8], x: int, y: int) -> None:
        """Bring a picture to its place in the input, -1 (black) to 1."""
        place = (x, y, *picture.shape[1::-1])
        if place != self._place:  # earlier content must not become the border of this frame
            self._input.fill(-1.0)
            self._place = place
        there = self._input[0, y : y + picture.shape[0], x : x + picture.shape[1]]
        np.multiply(picture, np.float32(1 / 127.5), out=there)
        there -= np.float32(1.0)

    def refine(self, frame: Frame, face: Detection) -> Detection:
        """Detect a small face again, close up, for exact landmarks; otherwise it stays as it was."""
        if _share(frame, face) >= REFINE_BELOW:
            return face
        again = self.detect(frame, grown(face.box, REGION_GROWTH))
        return best_match(face, again) or face

    def confirm(self, frame: Frame, face: Detection) -> Detection | None:
        """Refine a new face; None for a small one that two detections do not confirm.

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
