"""Outputs of a face network, and their combination with labels."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emoedge.face.classify import standardise
from training.device import fast_in_bf16
from training.face.data import FaceSet, relabel
from training.face.net import INPUT_SIZE


@torch.no_grad()
def predict(
    net: nn.Module,
    images: NDArray[np.uint8],
    *,
    size: int = INPUT_SIZE,
    mirror: bool = False,
    bf16: bool | None = None,
) -> NDArray[np.float32]:
    """Return logits (N, 7) of (N, S, S) crops resized to `size`; with `mirror` the mean of both views."""
    net.eval()
    device = next(net.parameters()).device
    bf16 = fast_in_bf16(device) if bf16 is None else bf16
    results = []
    for start in range(0, len(images), 256):
        part = images[start : start + 256]
        if part.shape[1] != size:
            part = np.stack([cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in part])
        x = (
            torch.from_numpy(standardise(part))[:, None]
            .to(device)
            .contiguous(memory_format=torch.channels_last)
        )
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = net(x).float()
            if mirror:
                logits = (logits + net(x.flip(3)).float()) / 2
        results.append(logits.cpu().numpy())
    return np.concatenate(results)


def scores(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Return accuracy and macro recall."""
    hit = logits.argmax(axis=1) == labels
    recalls = [hit[labels == c].mean() for c in range(7)]
    return float(hit.mean()), float(np.mean(recalls))


def opinion(ema: nn.Module, images: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """Return posteriors (N, 7) of images (N, S, S), each with its mirror image.

    Args:
        ema: the averaged model.
        images: (N, S, S).
        size: side of its input.
    """
    logits = predict(ema, images, size=size, mirror=True)
    return np.asarray(torch.softmax(torch.from_numpy(logits), 1).numpy(), np.float32)


def distil(
    faces: FaceSet, votes: NDArray[np.float32], posterior: NDArray[np.float32], share: float
) -> FaceSet:
    """Combine the annotators' votes with a model's opinion."""
    targets = ((1 - share) * votes + share * posterior).astype(np.float32)
    return FaceSet(faces.images, targets, faces.weights, faces.sharp)


def teach(faces: FaceSet, given: NDArray[np.int64], posterior: NDArray[np.float32]) -> FaceSet:
    """Refine the labels of `faces` with a model's opinion under a flattened prior, for rare classes."""
    prior = posterior.mean(axis=0)
    posterior = posterior / np.sqrt(prior)
    posterior /= posterior.sum(axis=1, keepdims=True)
    targets, weights = relabel(given, posterior.astype(np.float32))
    return FaceSet(faces.images, targets, weights, faces.sharp)
