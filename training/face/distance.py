"""Faces far from the camera, processed as in the daemon.

JAFFE's whole pictures, which show heads with hair and neck, are set into frames as large as a camera's, so
small that the detector's box has the width wanted, with a sensor's noise and a camera's JPEG. The stage of
the daemon looks at such a frame for a while; what it finds and says is counted. The shipped network has seen
these pictures in training: the loss from row to row is what the table shows, not how good the answers are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS
from emoedge.face.classify import FaceClassifier
from emoedge.face.detect import FaceDetector
from emoedge.face.stage import FaceStage
from emoedge.face.still import as_frame, largest_face
from emoedge.frames import Frame
from training.face import metrics
from training.face.corpora import load_jaffe

Image = NDArray[np.uint8]

SHOWN = 70
"""Number of random images, for intervals of 11 points in the accuracy."""
SIZES = (24, 32, 40, 64, 120)
ROWS = (
    *((pixels, (640, 480), min_size) for min_size in (0.06, 0.045) for pixels in SIZES),
    (48, (1280, 960), 0.06),
    (64, (1280, 960), 0.06),
)
"""Width of the face's box in pixels, size of the frame, and `face.min_size`."""
WATCHED_S, EVERY_S = 10.0, 0.2
"""Length of the test and interval of the frames, in seconds."""
NOISE, JPEG_QUALITY = 2.0, 85
HEAD_METRES = 0.15
"""Width of the detector's box on an adult's head, in metres; converts pixels to distances with the angle."""
VIEW_DEG = 60.0
"""Horizontal angle of view of an ordinary camera, in degrees."""


@dataclass(frozen=True)
class Portrait:
    """Gray image and the width of the detector's box as a share of its width."""

    picture: Image
    box: float


def scene(portrait: Portrait, pixels: float, size: tuple[int, int], rng: np.random.Generator) -> Image:
    """Return a frame (size is width, height) with the portrait at a random place and a box of this width."""
    side = round(pixels / portrait.box)
    small = side < len(portrait.picture)
    head = cv2.resize(
        portrait.picture, (side, side), interpolation=cv2.INTER_AREA if small else cv2.INTER_CUBIC
    )
    left, top = (int(rng.integers(0, room - side + 1)) for room in size)
    wide = cv2.copyMakeBorder(
        head, top, size[1] - side - top, left, size[0] - side - left, cv2.BORDER_REPLICATE
    )
    wide = cv2.GaussianBlur(wide, (0, 0), 12)
    wide[top : top + side, left : left + side] = head
    noisy = np.clip(wide + rng.normal(0, NOISE, wide.shape), 0, 255).astype(np.uint8)
    coded = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def watch(stage: FaceStage, picture: Image) -> tuple[float | None, str | None]:
    """Return the seconds until a face is found, and its emotion, if any."""
    height, width = picture.shape[:2]
    for step in range(round(WATCHED_S / EVERY_S)):
        time_s = step * EVERY_S
        faces = stage.process(Frame(time_s, picture, "bgr", width, height)).faces
        if faces:
            return time_s, faces[0].emotion
    return None, None


def metres(pixels: float, frame_width: int) -> float:
    """Return the distance of a face whose box has this width."""
    focal = frame_width / (2 * np.tan(np.radians(VIEW_DEG / 2)))
    return float(focal * HEAD_METRES / pixels)


def distance_scores(data: Path, classifier: FaceClassifier, detector: FaceDetector) -> list[dict[str, float]]:
    """Return the table, with one line for each of `ROWS`."""
    corpus = load_jaffe(data / "faces")
    portraits, labels = [], []
    for row in np.random.default_rng(0).permutation(len(corpus.labels))[:SHOWN]:
        face = largest_face(detector, as_frame(corpus.images[row]))
        if face is not None:
            portraits.append(Portrait(corpus.images[row], face.box.width))
            labels.append(int(corpus.labels[row]))
    table = []
    for pixels, size, min_size in ROWS:
        rng = np.random.default_rng(1)
        stage = FaceStage(detector, classifier, min_size=min_size, adapt=False)
        seen = [watch(stage.renewed(), scene(portrait, pixels, size, rng)) for portrait in portraits]
        where = {"metres": round(metres(pixels, size[0]), 1), "pixels": pixels, "frame_width": size[0]}
        table.append(where | {"min_size": min_size} | _counted(seen, np.array(labels)))
        print(json.dumps(table[-1]), flush=True)
    return table


def _counted(seen: list[tuple[float | None, str | None]], labels: NDArray[np.int64]) -> dict[str, float]:
    said = np.array([EMOTIONS.index(emotion) if emotion else -1 for _, emotion in seen])
    answered = said >= 0
    seconds = [found for found, _ in seen if found is not None]
    counted = {
        "rows": len(labels),
        "found": round(len(seconds) / len(seen), 3),
        "answered": round(float(answered.mean()), 3),
    }
    if answered.any():
        counted["seconds"] = round(float(np.mean(seconds)), 1)
        counted["accuracy_of_answered"] = round(metrics.accuracy(said[answered], labels[answered]), 3)
    return counted
