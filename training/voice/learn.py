"""Training of the committees: simulated sessions, balanced weights, label smoothing, mixup."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emoedge.emotions import EMOTION_COUNT
from emoedge.voice.adapt import Prior, network_input, pull_in
from emoedge.voice.features import LEVEL_FEATURE, feature_names
from training.device import fast_in_bf16
from training.voice.data import TARGET_SET, Corpus
from training.voice.net import SideBySide
from training.voice.sessions import Dealt, deal, fit_prior, known_before

LEVEL = feature_names().index(LEVEL_FEATURE)
BLOCKS = 3
"""Number of inputs per feature: relative to the population, to the device and to the person."""


SET_WEIGHTS = {"ased": 0.2, "savee": 0.2, "tess": 0.1}
"""Weights of clips that are not 1: with full weight these sets reduced the recall of the Spanish speakers
without a gain for strangers. TESS has only two voices."""


@dataclass(frozen=True)
class Recipe:
    """Settings of the training.

    Attributes:
        hidden: widths of the two hidden layers.
        dropout: share of units dropped.
        epochs, batch, rate, weight_decay: of AdamW with a one-cycle rate.
        target_weight: weight of a clip of the target set relative to one of the others.
        clean: share of undistorted clips.
        moved: share of the simulated devices that are moved to another recording, see imagined_recordings().
        move: maximum shift, in differences between two sets.
        smoothing: probability given to the other labels.
        mixup: parameter of the beta distribution; 0 for none.
        spread_count: pseudo-count of the spread of a speaker's features.
        seed: seed of all random choices.
    """

    hidden: tuple[int, int] = (192, 64)
    dropout: float = 0.5
    epochs: int = 20
    batch: int = 256
    rate: float = 3e-3
    weight_decay: float = 1e-3
    target_weight: float = 5.0
    clean: float = 0.6
    moved: float = 0.6
    move: float = 1.0
    smoothing: float = 0.05
    mixup: float = 0.0
    spread_count: float = 10.0
    seed: int = 0


def usable(corpus: Corpus) -> NDArray[np.bool_]:
    """Return the clips for training: all except for the calm ones, which belong to no class."""
    return ~corpus.calm


def clip_weights(corpus: Corpus, recipe: Recipe) -> NDArray[np.float64]:
    """Return clip weights, 1 on average: balanced emotions in a set, sets by size and SET_WEIGHTS."""
    weights = np.zeros(len(corpus))
    for origin in np.unique(corpus.origin):
        members = usable(corpus) & (corpus.origin == origin)
        kinds = np.unique(corpus.emotion[members])
        for kind in kinds:
            same = members & (corpus.emotion == kind)
            weights[same] = SET_WEIGHTS.get(str(origin), 1.0) * members.sum() / (len(kinds) * same.sum())
    weights[corpus.origin == TARGET_SET] *= recipe.target_weight
    return weights / weights[usable(corpus)].mean()


def population(features: NDArray[np.float32], corpus: Corpus, spread_count: float) -> Prior:
    """Return the prior from undistorted features (n, d) without the target set, outliers clipped.

    Without the target set, every test speaker is unknown to the prior, and the room and the microphone of
    that set are as new as those of a user.
    """
    others = usable(corpus) & (corpus.origin != TARGET_SET)
    low, high = np.percentile(features[others], [0.2, 99.8], axis=0)
    clipped = np.clip(features[others].astype(np.float64), low, high)
    return fit_prior(
        clipped, corpus.speaker[others], corpus.origin[others], corpus.emotion[others], LEVEL, spread_count
    )


def set_centres(features: NDArray[np.float32], corpus: Corpus) -> NDArray[np.float64]:
    """Return features (sets, d) without the target: medians over speakers, 0 for the level."""
    centres = []
    for origin in np.unique(corpus.origin[corpus.origin != TARGET_SET]):
        people = []
        for name in np.unique(corpus.speaker[corpus.origin == origin]):
            mine = usable(corpus) & (corpus.speaker == name)
            kinds = np.unique(corpus.emotion[mine])
            people.append(
                np.mean([features[mine & (corpus.emotion == k)].mean(axis=0) for k in kinds], axis=0)
            )
        centres.append(np.median(people, axis=0))
    result = np.array(centres, dtype=np.float64)
    result[:, LEVEL] = 0.0
    return result


def imagined_recordings(
    rng: np.random.Generator, devices: NDArray[np.bool_], centres: NDArray[np.float64], recipe: Recipe
) -> NDArray[np.float64]:
    """Return shifts of utterances (n, d) of some simulated devices to other recordings.

    The difference between two sets, times a random factor up to `recipe.move`: with only nine sets a network
    learns the sound of each, and a tenth set misleads it.
    """
    device = np.cumsum(devices) - 1
    count = device[-1] + 1
    first, second = rng.integers(len(centres), size=(2, count))
    factor = rng.uniform(0.0, recipe.move, count) * (rng.random(count) < recipe.moved)
    return np.asarray(((centres[first] - centres[second]) * factor[:, None])[device])


def played_inputs(features: NDArray[np.float32], dealt: Dealt, prior: Prior) -> NDArray[np.float32]:
    """Return network inputs of utterances (n, d) in order, each with the statistics before it."""
    rows = pull_in(features[dealt.order], prior)
    return network_input(rows, known_before(rows, dealt.persons, dealt.devices, prior), prior, LEVEL)


def train(
    features: NDArray[np.float32],
    corpus: Corpus,
    prior: Prior,
    excluded: NDArray[np.bool_],
    recipe: Recipe,
    checkpoint: Path | None = None,
) -> SideBySide:
    """Train one perceptron for each row of `excluded`.

    Args:
        features: (copies, n, d), copy 0 undistorted.
        corpus: the n clips.
        prior: population statistics.
        excluded: (perceptrons, n), True where a clip is excluded from training.
        recipe: settings.
        checkpoint: written after each epoch; an existing one of the same recipe is continued.

    Returns: the perceptrons in evaluation mode.
    """
    torch.manual_seed(recipe.seed)
    net = SideBySide(len(excluded), BLOCKS * features.shape[2], recipe.hidden, recipe.dropout)
    optimiser = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    indices = np.flatnonzero(usable(corpus))
    steps = recipe.epochs * -(-len(indices) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps)
    weights = (~excluded * clip_weights(corpus, recipe)).astype(np.float32)
    first = _resume(checkpoint, recipe, net, optimiser, schedule)
    pulled = np.stack([pull_in(copy, prior) for copy in features])
    centres = set_centres(features[0], corpus)
    for epoch in range(first, recipe.epochs):
        began_s = time.process_time()
        rng = np.random.default_rng((recipe.seed, epoch))
        torch.manual_seed(recipe.seed * 1000 + epoch)
        dealt = deal(rng, corpus.speaker[indices], corpus.origin[indices], corpus.emotion[indices])
        order = indices[dealt.order]
        copies = rng.integers(0, len(features), len(order))
        copies[rng.random(len(order)) < recipe.clean] = 0
        moved = pulled[copies, order] + imagined_recordings(rng, dealt.devices, centres, recipe)
        rows = pull_in(moved, prior)
        inputs = network_input(rows, known_before(rows, dealt.persons, dealt.devices, prior), prior, LEVEL)
        shuffled = rng.permutation(len(order))
        clips = order[shuffled]
        loss = _epoch(
            net, optimiser, schedule, recipe, rng, inputs[shuffled], corpus.emotion[clips], weights[:, clips]
        )
        print(
            f"epoch {epoch + 1}/{recipe.epochs} loss {loss:.4f} {time.process_time() - began_s:.1f} s",
            flush=True,
        )
        if checkpoint is not None:
            _save(checkpoint, recipe, epoch + 1, net, optimiser, schedule)
    return net.eval()


def _epoch(
    net: SideBySide,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    recipe: Recipe,
    rng: np.random.Generator,
    inputs: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float32],
) -> float:
    net.train()
    targets = nn.functional.one_hot(torch.from_numpy(labels), EMOTION_COUNT).float()
    targets = targets * (1 - recipe.smoothing) + recipe.smoothing / EMOTION_COUNT
    everything = torch.from_numpy(inputs), targets, torch.from_numpy(weights)
    total, half = 0.0, fast_in_bf16(torch.device("cpu"))
    for begin in range(0, len(inputs), recipe.batch):
        batch = slice(begin, begin + recipe.batch)
        x, target, weight = everything[0][batch], everything[1][batch], everything[2][:, batch]
        if recipe.mixup > 0:
            share = float(rng.beta(recipe.mixup, recipe.mixup))
            other = torch.randperm(len(x))
            x, target = (share * v + (1 - share) * v[other] for v in (x, target))
            # The weight of a pair requires that both of its clips are included.
            weight = torch.minimum(weight, weight[:, other]) if share < 1 else weight
        # Products alone; weights and loss stay float.
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            logits = net(x)
        losses = -(weight * (target * torch.log_softmax(logits.float(), dim=2)).sum(dim=2)).mean(dim=1)
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()
        schedule.step()
        total += float(losses.mean().detach()) * len(x)
    return total / len(inputs)


def _save(path: Path, recipe: Recipe, epoch: int, net: nn.Module, optimiser: torch.optim.Optimizer,
          schedule: torch.optim.lr_scheduler.LRScheduler) -> None:  # fmt: skip
    parts = {"net": net.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({"recipe": repr(recipe), "epoch": epoch} | parts, partial)
    partial.replace(path)


def _resume(path: Path | None, recipe: Recipe, net: SideBySide, optimiser: torch.optim.Optimizer,
            schedule: torch.optim.lr_scheduler.LRScheduler) -> int:  # fmt: skip
    """Load a checkpoint of the same recipe and number of perceptrons; returns the epochs done."""
    if path is None or not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    same_shape = state["net"]["weight2"].shape == net.weight2.shape
    if state["recipe"] != repr(recipe) or not same_shape:
        return 0
    net.load_state_dict(state["net"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    return int(state["epoch"])
