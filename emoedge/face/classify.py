"""Face crops to calibrated probabilities over the seven emotions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS, Emotion, Probabilities, softmax
from emoedge.errors import ModelError
from emoedge.face.baseline import BaselineCard
from emoedge.files import read_json
from emoedge.inference import Interpreter
from emoedge.observations import Box
from emoedge.translation import tr

CLIP: Final = 4.0
"""Standardised pixels are clipped to this many standard deviations: bounds the int8 input range."""

MIN_STD: Final = 8.0
"""Floor of the standard deviation, in gray levels: a flat patch must not be blown up into noise."""

CONDITIONS: Final = ("mouth_covered", "eyes_covered", "askew")
"""Outputs of the network beside the seven emotions: the lower half of the face is covered; the eyes are; it
is not upright."""

CONDITION_UNIT: Final = 4.0
"""Log-odds of a condition for each unit of its output: the int8 output has one range for all, which the
emotions should fill."""


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
    """The sidecar `.json` of the model: what the classifier must know to use it.

    Attributes:
        temperature: divides the logits.
        bias: added to the logits, one an emotion: corrects the class balance of the training.
        mirror: average the logits of the crop and of its mirror image.
        baseline: how a person's own neutral face is taken into account.
    """

    temperature: float
    bias: tuple[float, ...]
    mirror: bool
    baseline: BaselineCard

    @classmethod
    def load(cls, path: Path) -> FaceModelCard:
        """Read a sidecar; raises ModelError when it is missing, broken or in another label order."""
        try:
            content: dict[str, Any] = read_json(path)
            labels = tuple(content["labels"])
            card = cls(
                float(content["temperature"]),
                tuple(float(b) for b in content["bias"]),
                bool(content["mirror"]),
                BaselineCard.from_dict(content["baseline"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                tr("model card {path} cannot be used: {error}", path=path, error=error),
                tr("run: emoedge models verify"),
            ) from error
        if labels != EMOTIONS or len(card.bias) != len(EMOTIONS) or not card.temperature > 0:
            raise ModelError(
                tr("model card {path} is for other labels: {labels}", path=path, labels=labels),
                tr("run: emoedge models verify"),
            )
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


@dataclass(frozen=True, slots=True, eq=False)
class FaceOutputs:
    """Raw outputs of the network.

    Attributes:
        logits: (N, 7) float32, of the emotions.
        conditions: (N, 3) float32, log-odds of `CONDITIONS`.
    """

    logits: NDArray[np.float32]
    conditions: NDArray[np.float32]

    def mean(self) -> FaceOutputs:
        """The mean over N views of one face, (1, …)."""
        return FaceOutputs(
            np.asarray(self.logits.mean(axis=0, keepdims=True), np.float32),
            np.asarray(self.conditions.mean(axis=0, keepdims=True), np.float32),
        )


class FaceClassifier:
    """The int8 emotion model.

    Args:
        path: the `.tflite` file, with its `.json` beside it.
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
            raise ModelError(
                tr("{path} does not take gray squares: {shape}", path=path, shape=shape),
                tr("run: emoedge models verify"),
            )
        self.size = shape[1]
        outputs = self._interpreter.output_shape[-1]
        if outputs != len(EMOTIONS) + len(CONDITIONS):
            raise ModelError(
                tr("{path} gives {outputs} values for a face", path=path, outputs=outputs),
                tr("run: emoedge models verify"),
            )

    def outputs(self, crops: NDArray[np.uint8]) -> FaceOutputs:
        """Everything that the network says of crops uint8 (N, size, size).

        Averaged with the mirror image where the card says so. Crops are run one by one: the runtimes plan
        their memory again for every other batch size, which costs more than a batch of a few faces saves.
        """
        quantized = self._interpreter.quantize(standardise(crops))[..., None]
        results = np.empty((len(crops), len(EMOTIONS) + len(CONDITIONS)), np.float32)
        for index, tensor in enumerate(quantized):
            views = [tensor, tensor[:, ::-1]] if self.card.mirror else [tensor]
            outputs = [self._interpreter.run_quantized(view[None])[0][0] for view in views]
            results[index] = np.mean(outputs, axis=0)
        return FaceOutputs(results[:, : len(EMOTIONS)], CONDITION_UNIT * results[:, len(EMOTIONS) :])

    def logits(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Raw logits (N, 7) of crops uint8 (N, size, size)."""
        return self.outputs(crops).logits

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Calibrated posteriors (N, 7) of crops uint8 (N, size, size); each row sums to one."""
        return self.calibrated(self.logits(crops))

    def calibrated(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Posteriors (N, 7) of raw logits (N, 7), or of means of them."""
        return softmax(logits + np.array(self.card.bias, np.float32), self.card.temperature)
