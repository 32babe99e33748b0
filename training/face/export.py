"""Quantize a face network: `python -m training.face.export --data DIR --weights ema.pt --out models`.

Writes `face_emotion.tflite`. With `--samples` the outputs for covered and askew faces are fitted to the
features first, otherwise they stay at zero.
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
from training.face.corpora import as_set, load_rafdb
from training.face.data import load_ferplus_train
from training.face.net import INPUT_SIZE, FaceNet, network_of
from training.face.occlusion import with_conditions
from training.face.transfer import load_weights

REPRESENTATIVE = 600
"""Number of training views for the activation ranges: half plain, half degraded, from both sets."""


def representative_views(data: Path, size: int, seed: int = 0) -> NDArray[np.float32]:
    """Return standardised training views (REPRESENTATIVE, 1, size, size)."""
    rng = np.random.default_rng(seed)
    views = []
    for faces in (
        load_ferplus_train(data / "faces"),
        as_set(load_rafdb(data / "faces", "train"), sharp=True),
    ):
        rows = rng.choice(len(faces.images), REPRESENTATIVE // 2, replace=False)
        for index, row in enumerate(rows):
            image = faces.images[row]
            if index % 2:
                views.append(augment(image, size, rng, sharp=faces.sharp))
            else:
                views.append(jitter_geometry(image, size, rng))
    return standardise(np.stack(views))[:, None]


def load_network(weights: Path, samples: Path | None) -> FaceNet:
    """Return the network of a state dict, or of a run of `training.face.transfer` with its other outputs.

    Args:
        weights: the file.
        samples: covered and askew faces, see `training.face.occlusion`; without them those outputs are zero.
    """
    saved = torch.load(weights, map_location="cpu", weights_only=True)
    if "habits" in saved:
        return with_conditions(load_weights(weights)[0], samples)
    return with_conditions(network_of(saved), None)


def export(
    data: Path, weights: Path, out: Path, size: int = INPUT_SIZE, samples: Path | None = None
) -> ExportReport:
    """Write `out/face_emotion.tflite` and report its agreement with the float network."""
    net = load_network(weights, samples)
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
    parser.add_argument("--samples", type=Path, help="file of training.face.occlusion")
    args = parser.parse_args()
    torch.set_num_threads(1)
    report = asdict(export(args.data, args.weights, args.out, args.size, args.samples))
    print(
        json.dumps({key: str(value) if isinstance(value, Path) else value for key, value in report.items()})
    )


if __name__ == "__main__":
    main()
