"""Fit the last layer's logits to the majority of the annotators: ``python -m training.face.rescale``.

Training sees soft votes, two sets with their own habits, and rare classes more often than they occur; what is
asked for in the end is the majority label of a face seen in several views. A linear map of the seven logits,
held close to the identity (matrix scaling, Guo et al. 2017, arXiv:1706.04599, with a ridge), is fitted on
FER+ Valid through the deployed path, and folded into the last layer: it costs nothing at run time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emoedge.emotions import EMOTION_COUNT
from emoedge.face.detect import FaceDetector
from training.face import metrics
from training.face.data import load_ferplus_split
from training.face.evaluate import deployed_logits
from training.face.restore import restore

MATRIX_RIDGE, OFFSET_RIDGE = 0.1, 0.01
"""Weights of the squared distances from the identity and from zero, beside the mean log-loss. In 24 halves of
FER+ Valid, fitted on one half and judged on the other, ridges from 0.03 to 0.1 did equally well, none better.
"""

STEPS = 60


def fit_map(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    ridge: tuple[float, float] = (MATRIX_RIDGE, OFFSET_RIDGE),
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the map with the lowest sum of log-loss and ridge penalty.

    Args:
        logits: (N, 7).
        labels: (N,).
        ridge: penalties of the matrix and of the offsets.

    Returns:
        Matrix (7, 7) and offsets (7,), in the scale of the logits.
    """
    temperature = metrics.fit_temperature(logits, labels)
    scaled = torch.from_numpy(np.asarray(logits / temperature, np.float64))
    truth = torch.from_numpy(labels)
    identity = torch.eye(EMOTION_COUNT, dtype=torch.float64)
    matrix = identity.clone().requires_grad_()
    offsets = torch.zeros(EMOTION_COUNT, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([matrix, offsets], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = torch.nn.functional.cross_entropy(scaled @ matrix.T + offsets, truth)
        value = value + ridge[0] * (matrix - identity).square().sum() + ridge[1] * offsets.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return (
        matrix.detach().numpy().astype(np.float32),
        (temperature * offsets.detach().numpy()).astype(np.float32),
    )


def fold(
    state: dict[str, Tensor], matrix: NDArray[np.float32], offsets: NDArray[np.float32]
) -> dict[str, Tensor]:
    """Return weights of `FaceNet` whose logits are `matrix @ logits + offsets` of the given ones."""
    by = torch.from_numpy(matrix)
    return {
        **state,
        "head.weight": by @ state["head.weight"],
        "head.bias": by @ state["head.bias"] + torch.from_numpy(offsets),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument(
        "--model", type=Path, required=True, help="the int8 file whose logits are to be mapped"
    )
    parser.add_argument(
        "--weights", type=Path, help="the state dict it was exported from, where there still is one"
    )
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder with the detector")
    parser.add_argument("--out", type=Path, required=True, help="the adjusted state dict")
    args = parser.parse_args()
    torch.set_num_threads(1)
    images, labels = load_ferplus_split(args.data / "faces", "Valid")
    detector = FaceDetector(args.models / "face_detector.tflite")
    matrix, offsets = fit_map(deployed_logits(args.model, detector, images, mirror=True), labels)
    print(np.round(matrix, 3), np.round(offsets, 3), sep="\n")
    weights = (
        torch.load(args.weights, weights_only=True) if args.weights else restore(args.model).state_dict()
    )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save(fold(weights, matrix, offsets), args.out)


if __name__ == "__main__":
    main()
