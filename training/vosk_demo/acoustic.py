"""The acoustic model: a small feed-forward net over a window of feature frames."""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass

import numpy as np

from .features import NUM_CEPS

logger = logging.getLogger(__name__)

CONTEXT = 10
"""Feature frames on each side: 210 ms in all, a little more than a syllable."""

HIDDEN = (160, 128)
EPOCHS = 16
BATCH = 512
LEARNING_RATE = 2e-3
LABEL_SMOOTHING = 0.02

PRIOR_FLOOR = 0.01
"""Minimum prior of a class. Training with smoothed labels never gives a class less than LABEL_SMOOTHING /
classes; divided by the true share of a rare class, that would be a bonus on every frame."""


@dataclass(frozen=True)
class Network:
    """Trained layers on raw features: `weights[i]` is (out, in), `biases[i]` (out,)."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    priors: np.ndarray
    """Class priors, by which the recogniser divides the posteriors, (classes,), sum 1."""


def spliced(features: np.ndarray) -> np.ndarray:
    """Return each frame with its context, (frames, (2·CONTEXT + 1)·NUM_CEPS); edges repeat."""
    padded = np.pad(features, ((CONTEXT, CONTEXT), (0, 0)), mode="edge")
    views = [padded[i : i + len(features)] for i in range(2 * CONTEXT + 1)]
    return np.concatenate(views, axis=1)


def train(features: list[np.ndarray], labels: list[np.ndarray], classes: int, seed: int) -> Network:
    """Train on the features (frames, `NUM_CEPS`) and frame labels (frames,) of sounds, in one thread."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    everything = np.concatenate(features)
    mean, deviation = everything.mean(0), everything.std(0) + 1e-3
    x, centres = _stacked([(f - mean) / deviation for f in features])
    y = torch.from_numpy(np.concatenate(labels))
    window = torch.arange(-CONTEXT, CONTEXT + 1)
    sizes = [(2 * CONTEXT + 1) * NUM_CEPS, *HIDDEN, classes]
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    steps = EPOCHS * (len(y) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), LEARNING_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING)
    for epoch in range(EPOCHS):
        order = torch.randperm(len(y))
        total = right = 0.0
        for batch in order[: len(y) // BATCH * BATCH].split(BATCH):
            inputs = x[centres[batch, None] + window].flatten(1)
            logits = net(inputs)
            loss = loss_of(logits, y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
            right += float((logits.argmax(1) == y[batch]).sum())
        logger.info("epoch %d loss %.4f frames right %.4f", epoch, total / len(y), right / len(y))
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]
    weights = [layer.weight.detach().numpy().astype(np.float64) for layer in linear]
    biases = [layer.bias.detach().numpy().astype(np.float64) for layer in linear]
    weights[0], biases[0] = _on_raw_features(weights[0], biases[0], mean, deviation)
    return Network(weights, biases, floored_priors(y.numpy(), classes))


def floored_priors(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return each class's share of `labels`, at least `PRIOR_FLOOR`, (classes,), sums to 1."""
    shares = np.bincount(labels, minlength=classes) / len(labels)
    floored = np.maximum(shares, PRIOR_FLOOR)
    return floored / floored.sum()


def _stacked(features: list[np.ndarray]):
    """Return all frames, edges repeated between sounds, and the position of each real frame."""
    import torch

    rows, centres, at = [], [], 0
    for one in features:
        rows.append(np.pad(one, ((CONTEXT, CONTEXT), (0, 0)), mode="edge"))
        centres.append(np.arange(len(one)) + at + CONTEXT)
        at += len(one) + 2 * CONTEXT
    x = torch.from_numpy(np.concatenate(rows).astype(np.float32))
    return x, torch.from_numpy(np.concatenate(centres))


def _on_raw_features(
    weight: np.ndarray, bias: np.ndarray, mean: np.ndarray, deviation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Fold the standardisation of the features into the first layer."""
    repeats = 2 * CONTEXT + 1
    scaled = weight / np.tile(deviation, repeats)
    return scaled, bias - scaled @ np.tile(mean, repeats)
