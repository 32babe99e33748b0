"""Quantize a face network: ``python -m training.face.export --data DIR --weights ema.pt --out models``.

Writes ``face_emotion.tflite``; ``training.face.evaluate`` then fits its calibration and writes the sidecar
and the card.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emoedge.face.classify import standardise
from training.export import ExportReport, export_int8
from training.face.augment import augment, jitter_geometry
from training.face.data import load_expw, load_ferplus_train
from training.face.net import INPUT_SIZE, FaceNet

REPRESENTATIVE = 600
"""Training views that set the activation ranges: half plain, half degraded, from both sets."""


def representative_views(data: Path, size: int, seed: int = 0) -> NDArray[np.float32]:
    """Standardised training views (REPRESENTATIVE, 1, size, size)."""
    rng = np.random.default_rng(seed)
    views = []
    for faces in (load_ferplus_train(data / "faces"), load_expw(data / "faces")):
        rows = rng.choice(len(faces.images), REPRESENTATIVE // 2, replace=False)
        for index, row in enumerate(rows):
            image = faces.images[row]
            if index % 2:
                views.append(augment(image, size, rng, sharp=faces.sharp))
            else:
                views.append(jitter_geometry(image, size, rng))
    return standardise(np.stack(views))[:, None]


def export(data: Path, weights: Path, out: Path, size: int = INPUT_SIZE) -> ExportReport:
    """Write ``out/face_emotion.tflite`` from a state dict and report how well it follows the float net."""
    net = FaceNet()
    net.load_state_dict(torch.load(weights, weights_only=True))
    shape = (1, 1, size, size)
    return export_int8(net, shape, [representative_views(data, size)], out / "face_emotion.tflite")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--weights", type=Path, required=True, help="ema.pt of the training")
    parser.add_argument("--out", type=Path, default=Path("models"))
    parser.add_argument(
        "--size", type=int, default=INPUT_SIZE, help="input side; less for a network in mid-training"
    )
    args = parser.parse_args()
    torch.set_num_threads(1)
    report = asdict(export(args.data, args.weights, args.out, args.size))
    print(
        json.dumps({key: str(value) if isinstance(value, Path) else value for key, value in report.items()})
    )


if __name__ == "__main__":
    main()
