"""How one committee is trained: imagined sessions, balanced weights, label smoothing, mixup."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from emoedge.emotions import EMOTION_COUNT
from emoedge.voice.adapt import OUTLIER, Prior, network_input, shrink
from emoedge.voice.features import LEVEL_FEATURE, feature_names
from training.voice.data import TARGET_SET, Corpus
from training.voice.net import Committee, Member
from training.voice.sessions import causal_sums, deal, fit_prior

Array = NDArray[np.float32]
LEVEL = feature_names().index(LEVEL_FEATURE)


@dataclass(frozen=True)
class Recipe:
    """Settings of the training, chosen on speaker groups of all sets, never on the figures of the card.

    Attributes:
        members: perceptrons in the committee.
        hidden: widths of the two hidden layers.
        dropout: share of units dropped.
        epochs, batch, rate, weight_decay: of AdamW with a one-cycle rate.
        target_weight: weight of a clip of the target set relative to one of the others.
        clean: share of undistorted clips.
        smoothing: probability given away to the other labels.
        mixup: parameter of the beta distribution; 0 for none.
        spread_count: pseudo-count of the spread of a speaker's features.
    """

    members: int = 5
    hidden: tuple[int, int] = (256, 64)
    dropout: float = 0.5
    epochs: int = 25
    batch: int = 256
    rate: float = 3e-3
    weight_decay: float = 1e-3
    target_weight: float = 3.0
    clean: float = 0.5
    smoothing: float = 0.1
    mixup: float = 0.0
    spread_count: float = 10.0


def clip_weights(corpus: Corpus, chosen: NDArray[np.bool_], target_weight: float) -> NDArray[np.float64]:
    """Weight of each clip: emotions alike within each set, sets by their number of clips, the target set more."""
    weights = np.zeros(len(corpus))
    for origin in np.unique(corpus.origin[chosen]):
        members = chosen & (corpus.origin == origin)
        kinds = np.unique(corpus.emotion[members])
        for kind in kinds:
            same = members & (corpus.emotion == kind)
            weights[same] = members.sum() / (len(kinds) * same.sum())
    weights[corpus.origin == TARGET_SET] *= target_weight
    return weights


def population(
    features: NDArray[np.float32], corpus: Corpus, chosen: NDArray[np.bool_], recipe: Recipe
) -> Prior:
    """The prior from undistorted features (n, d) of the chosen clips, extreme values pulled in."""
    low, high = np.percentile(features[chosen], [0.2, 99.8], axis=0)
    clipped = np.clip(features[chosen].astype(np.float64), low, high)
    return fit_prior(clipped, corpus.speaker[chosen], corpus.emotion[chosen], LEVEL, recipe.spread_count)


def pull_in(features: NDArray[np.floating], prior: Prior) -> NDArray[np.float64]:
    """Limit outliers as Adaptation.update does."""
    reach = OUTLIER * np.sqrt(prior.within + prior.between)
    return np.clip(features.astype(np.float64), prior.mean - reach, prior.mean + reach)


def session_inputs(
    features: NDArray[np.float64], starts: NDArray[np.bool_], prior: Prior
) -> NDArray[np.float32]:
    """Network inputs of utterances in order of time, each with the statistics of those before it in its session."""
    count, total, squares = causal_sums(features - prior.mean, starts)
    mean, deviation = shrink(prior, count[:, None], total, squares)
    return network_input(features, mean, deviation, count, prior, LEVEL)


def fit_member(
    features: NDArray[np.float32],
    corpus: Corpus,
    chosen: NDArray[np.bool_],
    prior: Prior,
    recipe: Recipe,
    seed: int,
) -> Member:
    """Train one perceptron on features (copies, n, d)."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    indices = np.flatnonzero(chosen)
    weights = clip_weights(corpus, chosen, recipe.target_weight)
    member = Member(2 * features.shape[2], recipe.hidden, recipe.dropout)
    optimiser = torch.optim.AdamW(member.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * -(-len(indices) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=steps)
    for _ in range(recipe.epochs):
        order, starts = deal(rng, corpus.speaker[indices], corpus.emotion[indices])
        order = indices[order]
        copies = rng.integers(0, len(features), len(order))
        copies[rng.random(len(order)) < recipe.clean] = 0
        inputs = session_inputs(pull_in(features[copies, order], prior), starts, prior)
        shuffled = rng.permutation(len(order))
        _epoch(member, optimiser, schedule, recipe, rng, inputs[shuffled], corpus.emotion[order][shuffled],
               weights[order][shuffled])  # fmt: skip
    return member.eval()


def _epoch(
    member: Member,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    recipe: Recipe,
    rng: np.random.Generator,
    inputs: Array,
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> None:
    member.train()
    all_inputs, all_weights = torch.from_numpy(inputs), torch.from_numpy(weights).float()
    targets = nn.functional.one_hot(torch.from_numpy(labels), EMOTION_COUNT).float()
    targets = targets * (1 - recipe.smoothing) + recipe.smoothing / EMOTION_COUNT
    for first in range(0, len(inputs), recipe.batch):
        batch = slice(first, first + recipe.batch)
        x, target, weight = all_inputs[batch], targets[batch], all_weights[batch]
        if recipe.mixup > 0:
            share = float(rng.beta(recipe.mixup, recipe.mixup))
            other = torch.randperm(len(x))
            x, target, weight = (share * v + (1 - share) * v[other] for v in (x, target, weight))
        loss = -(weight * (target * torch.log_softmax(member(x), dim=1)).sum(dim=1)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()


def fit(
    features: NDArray[np.float32], corpus: Corpus, chosen: NDArray[np.bool_], recipe: Recipe, seed: int = 0
) -> tuple[Prior, Committee]:
    """Train a committee on the chosen clips; features are (copies, n, d), copy 0 undistorted."""
    prior = population(features[0], corpus, chosen, recipe)
    members = [
        fit_member(features, corpus, chosen, prior, recipe, 1000 * seed + number)
        for number in range(recipe.members)
    ]
    return prior, Committee(members)
