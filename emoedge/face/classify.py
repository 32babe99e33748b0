"""Face crops to calibrated probabilities over the seven emotions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS, Emotion, Probabilities, as_probabilities, leader, softmax
from emoedge.errors import ModelError
from emoedge.face.align import align, from_crop
from emoedge.face.detect import MIN_SCORE, Detection, FaceDetector
from emoedge.face.quality import assess
from emoedge.inference import Interpreter
from emoedge.types import Box, Frame

CLIP: Final = 4.0
"""Standardised pixels are clipped to this many standard deviations: bounds the int8 input range."""

MIN_STD: Final = 8.0
"""Floor of the standard deviation, in gray levels: a flat patch must not be blown up into noise."""


def standardise(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Zero mean and unit deviation for each crop, as the model was trained: the one definition of its input.

    Args:
        crops: uint8 (N, S, S).

    Returns:
        float32 (N, S, S) in [-CLIP, CLIP].
    """
    x = crops.astype(np.float32)
    mean = x.mean(axis=(1, 2), keepdims=True)
    deviation = np.maximum(x.std(axis=(1, 2), keepdims=True), MIN_STD)
    return np.asarray(np.clip((x - mean) / deviation, -CLIP, CLIP), np.float32)


@dataclass(frozen=True, slots=True)
class FaceModelCard:
    """The sidecar ``.json`` of the model: what the classifier must know to use it.

    Attributes:
        temperature: divides the logits.
        bias: added to the logits, one an emotion: corrects the class balance of the training.
        mirror: average the logits of the crop and of its mirror image.
    """

    temperature: float
    bias: tuple[float, ...]
    mirror: bool

    @classmethod
    def load(cls, path: Path) -> FaceModelCard:
        """Read and check a sidecar; raises ModelError when it is missing, broken or of another label order."""
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            labels = tuple(content["labels"])
            card = cls(
                float(content["temperature"]),
                tuple(float(b) for b in content["bias"]),
                bool(content["mirror"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"model card {path} cannot be used: {error}", "run: emoedge models verify"
            ) from error
        if labels != EMOTIONS or len(card.bias) != len(EMOTIONS) or not card.temperature > 0:
            raise ModelError(f"model card {path} is for other labels: {labels}", "run: emoedge models verify")
        return card


@dataclass(frozen=True, slots=True, eq=False)
class FaceResult:
    """The answer for one picture.

    Attributes:
        emotion, probabilities: None when there is no opinion.
        reason: why not ("no_face"), else "".
        quality: 0 to 1.
        quality_reasons: what lowers it.
        box: of the face, fractions of the picture; None for a picture that was a crop already.
    """

    emotion: Emotion | None
    probabilities: Probabilities | None
    reason: str = ""
    quality: float = 0.0
    quality_reasons: tuple[str, ...] = ()
    box: Box | None = None


class FaceClassifier:
    """The int8 emotion model.

    Args:
        path: the ``.tflite`` file, with its ``.json`` beside it.
        threads: of the interpreter.

    Raises:
        ModelError: a file is missing or does not fit.
    """

    def __init__(self, path: str | Path, threads: int = 1) -> None:
        path = Path(path)
        self._interpreter = Interpreter(path, threads)
        self.card = FaceModelCard.load(path.with_suffix(".json"))
        shape = self._interpreter.input_shape
        if len(shape) != 4 or shape[1] != shape[2] or shape[3] != 1:
            raise ModelError(f"{path} does not take gray squares: {shape}", "run: emoedge models verify")
        self.size = shape[1]

    def logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw logits (N, 7) of crops uint8 (N, size, size), averaged with the mirror image where the card says so.

        Crops are run one by one: the runtimes plan memory anew for every other batch size, which costs more than
        a batch of a few faces saves.
        """
        quantized = self._interpreter.quantize(standardise(crops))[..., None]
        results = np.empty((len(crops), len(EMOTIONS)), np.float32)
        for index, tensor in enumerate(quantized):
            views = [tensor, tensor[:, ::-1]] if self.card.mirror else [tensor]
            outputs = [self._interpreter.run_quantized(view[None])[0][0] for view in views]
            results[index] = np.mean(outputs, axis=0)
        return results

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated posteriors (N, 7) of crops uint8 (N, size, size); each row sums to one."""
        adjusted = self.logits(crops) + np.array(self.card.bias, np.float32)
        return softmax(adjusted, self.card.temperature)

    def classify_crop(self, image: NDArray[np.uint8]) -> FaceResult:
        """Judge a picture that already is a face crop; nothing is searched in it.

        Args:
            image: uint8, gray, BGR or BGRA, any size.
        """
        crop = from_crop(image, self.size)
        quality = assess(crop, float(min(image.shape[:2])))
        probabilities = as_probabilities(self.probabilities(crop[None])[0])
        return FaceResult(leader(probabilities), probabilities, "", quality.value, quality.reasons)


WEAK_SCORE: Final = 0.3
"""Last resort on a still picture that shows no face at the usual score: it was probably taken for the sake of one."""

STILL_MARGIN: Final = 0.4
"""Border added to a still picture in which the face may touch the edges, in shares of its size."""


def largest_face(detector: FaceDetector, frame: Frame) -> Detection | None:
    """The largest face of a still picture.

    Looked for in the whole picture, then in overlapping parts at higher resolution, then in the picture with a border
    around it (BlazeFace misses faces that fill the picture), and at last for weaker evidence.
    """
    found = detector.detect(frame)
    for tile in () if found else still_tiles(frame.width, frame.height):
        found += detector.detect(frame, tile)
    found = found or _detect_with_border(detector, frame, MIN_SCORE)
    found = found or detector.detect(frame, min_score=WEAK_SCORE)
    found = found or _detect_with_border(detector, frame, WEAK_SCORE)
    if not found:
        return None
    return detector.refine(frame, max(found, key=lambda detection: detection.box.area))


def _detect_with_border(detector: FaceDetector, frame: Frame, min_score: float) -> list[Detection]:
    import cv2

    left, top = round(STILL_MARGIN * frame.width), round(STILL_MARGIN * frame.height)
    data = cv2.copyMakeBorder(frame.bgr, top, top, left, left, cv2.BORDER_REPLICATE)
    wide = Frame(
        frame.time_s, np.asarray(data, np.uint8), "bgr", frame.width + 2 * left, frame.height + 2 * top
    )
    scale = np.array([wide.width / frame.width, wide.height / frame.height])
    offset = np.array([left / frame.width, top / frame.height])
    found = []
    for face in detector.detect(wide, min_score=min_score):
        box = face.box
        corner = np.array([box.x, box.y]) * scale - offset
        size = np.array([box.width, box.height]) * scale
        landmarks = (face.landmarks * scale - offset).astype(np.float32)
        where = Box(float(corner[0]), float(corner[1]), float(size[0]), float(size[1]))
        found.append(Detection(where, landmarks, face.score))
    return found


def still_tiles(width: int, height: int, shares: tuple[float, ...] = (1.0, 0.6)) -> list[Box]:
    """Overlapping squares over a picture, row by row.

    Args:
        width: of the picture, pixels.
        height: of the picture, pixels.
        shares: sides of the squares in shares of the shorter side, one after the other.
    """
    tiles = []
    for share in shares:
        side = share * min(width, height)
        columns = max(1, int(np.ceil((width - side) / (0.6 * side))) + 1)
        rows = max(1, int(np.ceil((height - side) / (0.6 * side))) + 1)
        if columns * rows == 1:
            continue  # the picture itself
        for y in np.linspace(0, height - side, rows):
            tiles += [
                Box(float(x) / width, float(y) / height, side / width, side / height)
                for x in np.linspace(0, width - side, columns)
            ]
    return tiles


def classify_image(
    classifier: FaceClassifier, detector: FaceDetector | None, image: NDArray[np.uint8], *, crop: bool
) -> FaceResult:
    """Judge one still picture.

    Args:
        classifier: the emotion model.
        detector: needed unless ``crop``.
        image: uint8, BGR (H, W, 3), gray (H, W) or BGRA.
        crop: the picture is a face crop already: nothing is searched.

    Returns:
        The result; ``reason`` is "no_face" when there is none.

    Raises:
        ValueError: ``crop`` is False and there is no detector.
    """
    import cv2

    if crop:
        return classifier.classify_crop(image)
    if detector is None:
        raise ValueError("a detector is needed for whole pictures")
    if image.ndim == 2:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
    frame = Frame(0.0, np.ascontiguousarray(image[:, :, :3]), "bgr", image.shape[1], image.shape[0])
    face = largest_face(detector, frame)
    if face is None:
        return FaceResult(None, None, "no_face")
    try:
        aligned, geometry = align(frame, face, classifier.size)
    except ValueError:
        return FaceResult(None, None, "no_face")
    quality = assess(aligned, geometry.side, face.landmarks, frame.width / frame.height)
    probabilities = as_probabilities(classifier.probabilities(aligned[None])[0])
    return FaceResult(leader(probabilities), probabilities, "", quality.value, quality.reasons, face.box)
