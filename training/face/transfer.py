"""Continue the training of a face network with other sets: `python -m training.face.transfer`.

The network that FER+ and ExpW have taught goes on with RAF-DB, Extended Cohn-Kanade and JAFFE beside them.
Every set has seven offsets of its own, learned with the weights and added to the logits in training: how
often annotators use a label is a habit of the set, not of the face. Which offsets are used in the end is
decided on sets that were left out (`--leave-out`), see `training.face.offsets`.

Only the last of the four blocks is trained, which holds two thirds of all weights: its input is computed once
for some augmented views of every picture (`training.face.held`), and serves every run. A run then takes a few
minutes of one core. One process, seeded, with a checkpoint every `STEPS` batches from which the same command
goes on.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emoedge.emotions import EMOTION_COUNT
from training.device import fast_in_bf16
from training.face.corpora import load_rafdb
from training.face.data import load_ferplus_split, relabel, row_sampling
from training.face.held import SETS, HeldSet, load_held
from training.face.net import INPUT_SIZE, FaceNet, network_of
from training.face.opinions import predict, scores
from training.face.restore import restore, revive
from training.face.train import make_optimizer, update_average

BATCH = 128
SHARES = {"ferplus": 50, "rafdb": 40, "expw": 16, "ckplus": 14, "jaffe": 8}
"""Rows of a batch; the rows of a set that is left out are distributed to the others in proportion."""
POWER = {"ferplus": 0.6, "rafdb": 0.6, "expw": 0.5, "ckplus": 1.0, "jaffe": 1.0}
"""Oversampling of rare classes, see `row_sampling`."""
SMOOTHING = {"ferplus": 0.0, "rafdb": 0.1, "expw": 0.2, "ckplus": 0.05, "jaffe": 0.2}
"""Share of a label that is spread evenly; JAFFE's labels are the requested, not the perceived emotions."""
DISTIL = 0.35
"""Weight of the first network's opinion in the targets of FER+."""

STEPS = 100
"""Number of batches between two checkpoints."""
ROUNDS = 24
PEAK_RATE = 0.02
WARM_UP = 0.05
MIXUP_SHARE, MIXUP_ALPHA = 0.15, 0.3
STATISTICS_BATCHES = 16
"""Number of batches over which normalisation is measured before it is reactivated."""


class Habits(nn.Module):
    """Seven offsets for each set, zero at first."""

    def __init__(self) -> None:
        super().__init__()
        self.offsets = nn.Parameter(torch.zeros(len(SETS), EMOTION_COUNT))

    def forward(self, shares: Tensor) -> Tensor:
        """Return the offsets (N, 7) of rows by their shares of the sets (N, sets)."""
        return shares @ self.offsets


def batch_rows(left_out: frozenset[str], shares: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return the rows of a batch for each training set, by default in the proportions of `SHARES`."""
    shares = SHARES if shares is None else shares
    kept = {name: share for name, share in shares.items() if name not in left_out}
    total = sum(kept.values())
    rows = {name: share * BATCH // total for name, share in kept.items()}
    rows[next(iter(kept))] += BATCH - sum(rows.values())
    return rows


def refined(
    name: str, given: NDArray[np.float32], opinion: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return targets (N, 7) and weights (N,) of a set, combined with a network's opinion in FER+ and ExpW."""
    smooth = SMOOTHING[name]
    targets = (1 - smooth) * given + smooth / EMOTION_COUNT
    weights = np.ones(len(targets), np.float32)
    if name == "ferplus":
        targets = (1 - DISTIL) * targets + DISTIL * opinion
    elif name == "expw":
        flat = opinion / np.sqrt(opinion.mean(axis=0))
        flat /= flat.sum(axis=1, keepdims=True)
        targets, weights = relabel(given.argmax(axis=1), flat)
    return targets.astype(np.float32), weights


class Batches:
    """Source of random held views of all sets.

    Args:
        sets: sets by name.
        rows: rows of a batch by set.
    """

    def __init__(self, sets: dict[str, HeldSet], rows: dict[str, int]) -> None:
        self._sets, self._rows = sets, rows
        self._labels = {name: refined(name, held.targets, held.opinion) for name, held in sets.items()}
        self._sampling = {
            name: np.cumsum(row_sampling(targets, POWER[name])) for name, (targets, _) in self._labels.items()
        }

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw held features (BATCH, C, H, W), targets (BATCH, 7), weights (BATCH,), sets (BATCH, sets)."""
        features, targets, weights, sets = [], [], [], []
        for name, count in self._rows.items():
            cumulative = self._sampling[name]
            rows = np.minimum(np.searchsorted(cumulative, rng.random(count)), len(cumulative) - 1)
            held = self._sets[name].features
            features.append(held[rows, rng.integers(held.shape[1], size=count)])
            targets.append(self._labels[name][0][rows])
            weights.append(self._labels[name][1][rows])
            sets += [SETS.index(name)] * count
        shares = nn.functional.one_hot(torch.tensor(sets), len(SETS)).float()
        return (
            torch.from_numpy(np.concatenate(features).astype(np.float32)).contiguous(
                memory_format=torch.channels_last
            ),
            torch.from_numpy(np.concatenate(targets)),
            torch.from_numpy(np.concatenate(weights)),
            shares,
        )


class Tail(nn.Module):
    """Trained part of a network: its last block and last layer."""

    def __init__(self, net: FaceNet) -> None:
        super().__init__()
        self.block, self.pool, self.flatten = net.blocks[-1], net.pool, net.flatten
        self.dropout, self.head = net.dropout, net.head

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 7) of held features."""
        logits: Tensor = self.head(self.dropout(self.flatten(self.pool(self.block(x)))))
        return logits


def learning_rate(progress: float) -> float:
    """Return the learning rate: linear warm-up, then half a cosine to zero."""
    if progress < WARM_UP:
        return PEAK_RATE * (progress + 1e-3) / WARM_UP
    return PEAK_RATE * 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def start(init: Path, batches: Batches, rng: np.random.Generator) -> tuple[FaceNet, Habits]:
    """Return the network to start from: a `.tflite` file with reactivated normalisation, or a checkpoint."""
    habits = Habits()
    if init.suffix == ".tflite":
        net = restore(init)
        revive(Tail(net), torch.cat([batches.draw(rng)[0] for _ in range(STATISTICS_BATCHES)]))
        return net, habits
    return load_weights(init)


def held_out_scores(
    net: FaceNet,
    habits: Habits,
    name: str,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    size: int = INPUT_SIZE,
) -> list[float]:
    """Return accuracy and macro recall of one view, with the set's own offsets."""
    logits = predict(net, images, size=size) + habits.offsets[SETS.index(name)].detach().numpy()
    return [round(score, 4) for score in scores(logits, labels)]


def train(
    data: Path,
    held: Path,
    out: Path,
    init: Path,
    *,
    left_out: frozenset[str] = frozenset(),
    seed: int = 1,
    rounds: int = ROUNDS,
) -> None:
    """Run or resume a training; writes `last.pt` (all state), `ema.pt` (the result) and `log.jsonl`.

    Args:
        data: folder that contains `faces/`.
        held: folder written by `training.face.held` with the same network.
        out: output folder, created if missing.
        init: see `start`.
        left_out: names of sets to leave out.
        seed: seed of all random choices.
        rounds: number of rounds of `STEPS` batches.
    """
    out.mkdir(parents=True, exist_ok=True)
    rows = batch_rows(left_out)
    batches = Batches({name: load_held(held, name) for name in rows}, rows)
    torch.manual_seed(seed)
    net, habits = start(init, batches, np.random.default_rng(seed))
    tail = Tail(net).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    both = nn.ModuleDict({"tail": tail, "habits": habits})
    ema = copy.deepcopy(both)
    optimizer = make_optimizer(both, PEAK_RATE)
    state: dict[str, Any] = {"round": 0, "seconds": 0.0}
    checkpoint = out / "last.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        both.load_state_dict(saved["both"])
        ema.load_state_dict(saved["ema"])
        optimizer.load_state_dict(saved["optimizer"])
        state = saved["state"]
    bf16 = fast_in_bf16(torch.device("cpu"))
    while state["round"] < rounds:
        rng = np.random.default_rng((seed, state["round"]))
        torch.manual_seed(1_000_003 * seed + state["round"])  # of dropout
        both.train()
        began, total = time.process_time(), 0.0
        for step in range(STEPS):
            done = state["round"] * STEPS + step
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(done / (rounds * STEPS))
            x, targets, weights, shares = batches.draw(rng)
            if rng.random() < MIXUP_SHARE:
                part = float(rng.beta(MIXUP_ALPHA, MIXUP_ALPHA))
                order = torch.from_numpy(rng.permutation(len(x)))
                x, targets, weights, shares = (
                    part * value + (1 - part) * value[order] for value in (x, targets, weights, shares)
                )
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                logits = tail(x).float()
            losses = -(targets * torch.log_softmax(logits + habits(shares), 1)).sum(1)
            loss = (losses * weights).sum() / weights.sum()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            update_average(ema, both, done + 1)
            total += loss.item()
        state["seconds"] += time.process_time() - began
        state["round"] += 1
        line = {
            "round": state["round"],
            "processor_minutes": round(state["seconds"] / 60, 2),
            "loss": round(total / STEPS, 4),
        }
        print(json.dumps(line), flush=True)
        with (out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        saved = {
            "both": both.state_dict(),
            "ema": ema.state_dict(),
            "optimizer": optimizer.state_dict(),
            "state": state,
        }
        torch.save(saved, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)
    write_weights(net, ema, out / "ema.pt")
    averaged, habits = load_weights(out / "ema.pt")
    raf = load_rafdb(data / "faces", "held_out")
    line = {
        "ferplus": held_out_scores(averaged, habits, "ferplus", *load_ferplus_split(data / "faces", "Valid")),
        "rafdb": held_out_scores(averaged, habits, "rafdb", np.stack(raf.images), raf.labels),
    }
    print(json.dumps(line), flush=True)


def write_weights(net: FaceNet, ema: nn.ModuleDict, path: Path) -> None:
    """Save the whole network with the averaged tail, and the offsets."""
    whole = copy.deepcopy(net)
    Tail(whole).load_state_dict(ema["tail"].state_dict())
    torch.save({"net": whole.state_dict(), "habits": ema["habits"].state_dict()}, path)


def load_weights(path: Path) -> tuple[FaceNet, Habits]:
    """Return the network and the offsets of a run, converted to single precision."""
    saved = torch.load(path, map_location="cpu", weights_only=True)
    net, habits = network_of(saved["net"]), Habits()
    habits.load_state_dict({name: value.float() for name, value in saved["habits"].items()})
    return net.eval(), habits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and log")
    parser.add_argument(
        "--init", type=Path, required=True, help="a shipped .tflite file, or a checkpoint to go on from"
    )
    parser.add_argument("--held", type=Path, required=True, help="folder filled by training.face.held")
    parser.add_argument(
        "--leave-out", action="append", default=[], choices=SETS, help="a set not to train on"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(
        args.data,
        args.held,
        args.out,
        args.init,
        left_out=frozenset(args.leave_out),
        seed=args.seed,
        rounds=args.rounds,
    )


if __name__ == "__main__":
    main()
