"""Output of the frozen blocks for augmented views, once for all runs: `python -m training.face.held`.

Edges, eyes and mouths look the same in every set: stem and the first three blocks stay as they are. Their
output for some views of every picture is kept in half precision, beside the opinion that the whole network
has of the picture.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT
from emoedge.face.classify import standardise
from emoedge.face.detect import FaceDetector
from training.device import fast_in_bf16
from training.face.augment import augment
from training.face.corpora import as_set, jaffe_crops, load_ckplus, load_jaffe, load_rafdb
from training.face.data import FaceSet, load_expw, load_ferplus_train
from training.face.net import INPUT_SIZE, FaceNet
from training.face.restore import restore

SETS = ("ferplus", "rafdb", "expw", "ckplus", "jaffe")
VIEWS = {"ferplus": 2, "rafdb": 4, "expw": 1, "ckplus": 12, "jaffe": 24}
"""Number of augmented views per image of each set: more for sets that are drawn more often."""
MOST_ROWS = {"expw": 20_000}
"""Number of random images of a set; all images of the others."""
STRENGTH = 0.6
"""Strength of the augmentation."""


@dataclass(frozen=True)
class HeldSet:
    """One set.

    Attributes:
        features: float16 (N, views, C, H, W), read from disk on demand.
        targets: (N, 7) float32, votes or one label.
        opinion: (N, 7) float32, posterior of the first network from the mean logits of the views.
    """

    features: NDArray[np.float16]
    targets: NDArray[np.float32]
    opinion: NDArray[np.float32]


def load_set(data: Path, name: str, detector: FaceDetector) -> FaceSet:
    """Return crops and labels of one set; RAF-DB without its held-out part."""
    faces = data / "faces"
    if name == "ferplus":
        return load_ferplus_train(faces)
    if name == "expw":
        return load_expw(faces, smoothing=0.0)
    if name == "rafdb":
        return as_set(load_rafdb(faces, "train"), sharp=True)
    if name == "ckplus":
        return as_set(load_ckplus(faces), sharp=True)
    return as_set(jaffe_crops(load_jaffe(faces), detector), sharp=True)


@torch.no_grad()
def write_held(net: FaceNet, name: str, faces: FaceSet, out: Path, seed: int = 1) -> None:
    """Write `NAME_features.npy` and `NAME_labels.npz`.

    Args:
        net: the first network.
        name: one of `SETS`.
        faces: the set.
        out: folder.
        seed: seed of all random choices.
    """
    rng = np.random.default_rng((seed, SETS.index(name)))
    count, views = len(faces.images), VIEWS[name]
    rows = np.sort(rng.choice(count, min(count, MOST_ROWS.get(name, count)), replace=False))
    features: NDArray[np.float16] | None = None
    logits = np.zeros((len(rows), EMOTION_COUNT), np.float32)
    net = net.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    step = max(1, 256 // views)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        crops = np.stack(
            [
                augment(faces.images[row], INPUT_SIZE, rng, sharp=faces.sharp, strength=STRENGTH)
                for row in part
                for _ in range(views)
            ]
        )
        x = torch.from_numpy(standardise(crops))[:, None].contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=fast_in_bf16(torch.device("cpu"))):
            held = net.blocks[:-1](net.stem(x))
            answer = net.head(net.flatten(net.pool(net.blocks[-1](held)))).float()
        block = held.to(torch.float16).numpy().reshape(len(part), views, *held.shape[1:])
        if features is None:
            features = np.lib.format.open_memmap(
                out / f"{name}_features.npy", "w+", np.float16, (len(rows), *block.shape[1:])
            )
        features[start : start + len(part)] = block
        logits[start : start + len(part)] = (
            answer.reshape(len(part), views, -1).mean(1)[:, :EMOTION_COUNT].numpy()
        )
    opinion = torch.softmax(torch.from_numpy(logits), 1).numpy()
    np.savez(out / f"{name}_labels.npz", targets=faces.targets[rows], opinion=opinion)


def load_held(folder: Path, name: str) -> HeldSet:
    """Read one set that `write_held` has written."""
    with np.load(folder / f"{name}_labels.npz") as labels:
        features = np.load(folder / f"{name}_features.npy", mmap_mode="r")
        return HeldSet(features, labels["targets"], labels["opinion"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--init", type=Path, required=True, help="the .tflite file of the first network")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder with the face detector")
    parser.add_argument("--out", type=Path, required=True, help="folder to fill; 1.6 GB")
    parser.add_argument("--set", action="append", choices=SETS, help="this set alone")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    detector, net = FaceDetector(args.models / "face_detector.tflite"), restore(args.init)
    for name in args.set or SETS:
        if not (args.out / f"{name}_labels.npz").exists():
            write_held(net, name, load_set(args.data, name, detector), args.out)
            print(f"{name}: done", flush=True)


if __name__ == "__main__":
    main()
