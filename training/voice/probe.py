"""How much emotion of strangers is in some vectors: ``python -m training.voice.probe --data DIR --work DIR``.

A linear classifier by ridge regression on the labels, without each set and without each speaker of the target
set, on the values themselves and relative to the speaker's own statistics. Compares the hand-made features
with the layers of Whisper's encoder (``--encoder``, see whisper.py) in a minute, without training a network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT
from training.voice import metrics
from training.voice.data import TARGET_SET, Corpus
from training.voice.extract import extract_all
from training.voice.learn import LEVEL, Recipe, clip_weights, usable
from training.voice.train import LEFT_OUT_SETS
from training.voice.whisper import Encoder, pooled, read_parts

Array = NDArray[np.float64]

LIMIT = 5.0
"""Standard deviations at which values are clipped."""
OWN_COUNT = 10.0
"""Pseudo-count of the population's spread in that of a speaker."""
PENALTIES = (10.0, 100.0, 1000.0, 10000.0)


@dataclass(frozen=True)
class Probed:
    """Recall of strangers (unweighted average) by group: "uem" and each left-out set; the chosen penalty."""

    recalls: dict[str, float]
    penalty: float

    @property
    def mean(self) -> float:
        """Mean over the left-out sets."""
        return float(np.mean([self.recalls[name] for name in LEFT_OUT_SETS if name in self.recalls]))


def teacher_layers(corpus: Corpus, encoder: Encoder, stored: Path) -> NDArray[np.float16]:
    """Return statistics of the encoder's layers for all clips, (n, layers, 2 width), cached in `stored`."""
    if stored.exists():
        return np.load(stored)
    rows = []
    for number, clip in enumerate(corpus.clips):
        rows.append(pooled(encoder(clip)).astype(np.float16))
        if number % 500 == 0:
            print(f"encoder: {number} of {len(corpus)}", file=sys.stderr, flush=True)
    np.save(stored, np.stack(rows))
    return np.stack(rows)


def scaled(values: NDArray[np.floating], corpus: Corpus, by_speaker: bool) -> Array:
    """Return values (n, d) relative to all sets but the target, or then to each speaker's own clips."""
    others = usable(corpus) & (corpus.origin != TARGET_SET)
    known = values.astype(np.float64)
    known = np.clip((known - known[others].mean(0)) / (known[others].std(0) + 1e-6), -LIMIT, LIMIT)
    if by_speaker:
        for name in np.unique(corpus.speaker):
            mine = corpus.speaker == name
            own = known[mine]
            spread = (own.std(0) * len(own) + OWN_COUNT) / (len(own) + OWN_COUNT)
            known[mine] = np.clip((own - own.mean(0)) / spread, -LIMIT, LIMIT)
    return known


def probe(values: Array, corpus: Corpus, penalties: Sequence[float] = PENALTIES) -> Probed:
    """Classify every left-out set, and every speaker of the target set, by all other clips.

    Each group contributes one matrix of products, so that leaving it out is a subtraction. The penalty with
    the best mean of the target set and the left-out sets is chosen, for all groups alike.

    Args:
        values: (n, d), see scaled().
        corpus: the n clips.
        penalties: strengths to choose from.
    """
    target = corpus.origin == TARGET_SET
    group = np.where(target, corpus.speaker, corpus.origin)
    kept, weights = usable(corpus), clip_weights(corpus, Recipe())
    rows = np.hstack([values, np.ones((len(values), 1))])
    labels = np.eye(EMOTION_COUNT)[corpus.emotion] - 1 / EMOTION_COUNT
    products = {}
    for name in np.unique(group[kept]):
        mine = kept & (group == name)
        weighted = (rows[mine] * weights[mine, None]).T
        products[name] = weighted @ rows[mine], weighted @ labels[mine]
    square, cross = (sum(parts[side] for parts in products.values()) for side in (0, 1))
    best: Probed | None = None
    for penalty in penalties:
        ridge = penalty * np.eye(rows.shape[1])
        ridge[-1, -1] = 0.0
        scores = np.zeros((len(rows), EMOTION_COUNT))
        for name, (own_square, own_cross) in products.items():
            if "/" in name or name in LEFT_OUT_SETS:
                mine = kept & (group == name)
                scores[mine] = rows[mine] @ np.linalg.solve(square - own_square + ridge, cross - own_cross)
        recalls = {
            name: recall(scores[mine], corpus.emotion[mine])
            for name in (TARGET_SET, *LEFT_OUT_SETS)
            if np.any(mine := kept & (corpus.origin == name))
        }
        found = Probed(recalls, penalty)
        if best is None or _merit(found) > _merit(best):
            best = found
    assert best is not None
    return best


def _merit(found: Probed) -> float:
    return found.recalls[TARGET_SET] + found.mean


def recall(scores: Array, labels: NDArray[np.int64]) -> float:
    """Return the unweighted average recall, answers limited to the classes of the set."""
    inside = np.full_like(scores, -np.inf)
    present = np.unique(labels)
    inside[:, present] = scores[:, present]
    return metrics.uar(inside, labels)


def main() -> None:
    """Print one line for each kind of vectors, by the values themselves and by speaker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--work", type=Path, required=True, help="folder of caches")
    parser.add_argument(
        "--encoder", type=Path, nargs="*", default=[], help="model.bin, or its parts in order"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus, features = extract_all(options.data, options.work / "cache", 0)
    low, high = np.percentile(features[0], [0.2, 99.8], axis=0)
    kinds = {"features": np.delete(np.clip(features[0], low, high), LEVEL, axis=1)}
    if options.encoder:
        encoder = Encoder(read_parts(options.encoder))
        layers = teacher_layers(corpus, encoder, options.work / "cache" / "encoder.npy")
        kinds |= {f"layer {number}": layers[:, number] for number in range(layers.shape[1])}
    for name, values in kinds.items():
        for by_speaker in (False, True):
            found = probe(scaled(values, corpus, by_speaker), corpus)
            line = " ".join(f"{group} {value:.3f}" for group, value in found.recalls.items())
            relative = "to the speaker" if by_speaker else "to all"
            print(f"{name:10s} {relative:15s} {line} mean of sets {found.mean:.3f}", flush=True)


if __name__ == "__main__":
    main()
