"""Train the face network: `python -m training.face.train --data DIR --out DIR`, twice.

The first time from random weights; the second time with `--init` from the result of the first: a shorter
step, the full picture size throughout, and its own averaged opinion mixed into the labels (born-again
distillation, Furlanello et al. 2018, arXiv:1805.04770).

`training.face.transfer` starts from the result.

One process, seeded, on the GPU where there is one, with a checkpoint after every epoch from which the same
command goes on. Views are made on the processor, one thread. An epoch is `STEPS` batches of rows from FER+
and ExpW. Progress runs from 0 to 1 over `--epochs`, or over `--minutes` of wall-clock time where the
machine is shared (the result then depends on its load).
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emoedge.face.classify import standardise
from training.device import default_device, fast_in_bf16
from training.face.augment import augment
from training.face.data import (
    FaceSet,
    load_expw,
    load_ferplus_split,
    load_ferplus_train,
    row_sampling,
)
from training.face.net import INPUT_SIZE, FaceNet, multiply_adds
from training.face.opinions import distil, opinion, predict, scores, teach

BATCH = 128
FER_ROWS = 80
"""Rows of a batch from FER+, which has labels of ten people; the others are from ExpW."""
STEPS = 300
WARM_UP = 0.02
WEIGHT_DECAY = 3e-4
EMA_DECAY = 0.998
MIXUP_SHARE, MIXUP_ALPHA = 0.15, 0.3


@dataclass(frozen=True)
class Recipe:
    """Settings that differ between the two trainings.

    Attributes:
        peak_rate: maximum learning rate.
        sizes: input side up to a share of the training; smaller views cost 0.45 and 0.7 of full ones (Tan &
            Le 2021, arXiv:2104.00298).
        relabel_at: shares of the training at which the labels are refined with the averaged network.
        distil: weight of that opinion in the targets of FER+; in ExpW it depends on the label, see `relabel`.
        strength: strength of augmentation at the start and at the end; it decreases linearly from `ease_from`
            on, so that the last, fine steps use faces like those in production.
        ease_from: share of the training.
        power: oversampling of rare classes, see `row_sampling`.
    """

    peak_rate: float
    sizes: tuple[tuple[float, int], ...]
    relabel_at: tuple[float, ...]
    distil: float
    strength: tuple[float, float]
    ease_from: float
    power: float = 0.5


FIRST = Recipe(
    peak_rate=0.06,
    sizes=((0.3, 32), (0.6, 40), (1.0, INPUT_SIZE)),
    relabel_at=(0.25, 0.5, 0.7),
    distil=0.0,
    strength=(1.0, 0.35),
    ease_from=0.3,
)
SECOND = Recipe(
    peak_rate=0.03,
    sizes=((1.0, INPUT_SIZE),),
    relabel_at=(0.0, 0.35, 0.65),
    distil=0.35,
    strength=(0.8, 0.35),
    ease_from=0.3,
)


@dataclass
class Schedule:
    """Progress in [0, 1], by epochs or by minutes."""

    epochs: int
    minutes: float | None

    def progress(self, steps_done: int, seconds: float) -> float:
        """Return the completed share of the training."""
        if self.minutes is not None:
            return min(1.0, seconds / (self.minutes * 60))
        return min(1.0, steps_done / (self.epochs * STEPS))


def learning_rate(recipe: Recipe, progress: float) -> float:
    """Return the learning rate: linear warm-up, then half a cosine to zero."""
    if progress < WARM_UP:
        return recipe.peak_rate * (progress + 1e-4) / WARM_UP
    return recipe.peak_rate * 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def strength(recipe: Recipe, progress: float) -> float:
    """Return the strength of the augmentation."""
    eased = max(0.0, progress - recipe.ease_from) / (1 - recipe.ease_from)
    start, end = recipe.strength
    return start - (start - end) * eased


def make_views(
    sets: tuple[FaceSet, ...],
    sampling: list[NDArray[np.float64]],
    size: int,
    rng: np.random.Generator,
    strong: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw a batch: views (BATCH, 1, size, size) float32, targets (BATCH, 7), weights (BATCH,)."""
    images = np.empty((BATCH, size, size), np.uint8)
    targets = np.empty((BATCH, 7), np.float32)
    weights = np.empty(BATCH, np.float32)
    start = 0
    for part, faces, cumulative in zip((FER_ROWS, BATCH - FER_ROWS), sets, sampling, strict=True):
        rows = np.searchsorted(cumulative, rng.random(part))
        rows = np.minimum(rows, len(faces.images) - 1)
        for k, row in enumerate(rows):
            images[start + k] = augment(faces.images[row], size, rng, sharp=faces.sharp, strength=strong)
        targets[start : start + part] = faces.targets[rows]
        weights[start : start + part] = faces.weights[rows]
        start += part
    x = torch.from_numpy(standardise(images))[:, None]
    return (
        x.contiguous(memory_format=torch.channels_last),
        torch.from_numpy(targets),
        torch.from_numpy(weights),
    )


def mix_up(x: Tensor, targets: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Blend a batch with itself in another order (Zhang et al. 2018, arXiv:1710.09412)."""
    share = float(rng.beta(MIXUP_ALPHA, MIXUP_ALPHA))
    order = torch.from_numpy(rng.permutation(len(x)))
    return share * x + (1 - share) * x[order], share * targets + (1 - share) * targets[order]


@torch.no_grad()
def update_average(ema: nn.Module, net: nn.Module, steps: int) -> None:
    """Update the exponential moving average of weights and batch statistics, faster at the start."""
    decay = min(EMA_DECAY, (1 + steps) / (10 + steps))
    for old, new in zip(ema.state_dict().values(), net.state_dict().values(), strict=True):
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - decay)
        else:
            old.copy_(new)


def make_optimizer(net: nn.Module, rate: float) -> torch.optim.SGD:
    """Return SGD with Nesterov momentum, without weight decay on biases and normalisation."""
    trained = [p for p in net.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.ndim > 1]
    others = [p for p in trained if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)


def train(
    data: Path,
    out: Path,
    schedule: Schedule,
    seed: int,
    *,
    init: Path | None = None,
    limit: int | None = None,
    device: torch.device | None = None,
) -> None:
    """Run or resume a training; writes `last.pt` (state), `ema.pt` (weights) and `log.jsonl`.

    Args:
        data: folder that contains `faces/`.
        out: output folder, created if missing.
        schedule: length of the training.
        seed: seed of all random choices.
        init: weights of a first training, which makes this the second.
        limit: maximum number of rows per set, for experiments.
        device: device for the training, see `training.device`.
    """
    device = device or default_device()
    torch.manual_seed(seed)
    cv2.setNumThreads(1)
    out.mkdir(parents=True, exist_ok=True)
    fer = load_ferplus_train(data / "faces")
    expw = load_expw(data / "faces")
    if limit:
        fer, expw = (
            FaceSet(s.images[:limit], s.targets[:limit], s.weights[:limit], s.sharp) for s in (fer, expw)
        )
    given = expw.targets.argmax(axis=1)
    valid_images, valid_labels = load_ferplus_split(data / "faces", "Valid")

    recipe, net = (FIRST if init is None else SECOND), FaceNet()
    if init is not None:
        net.load_state_dict(torch.load(init, map_location="cpu", weights_only=True))
    net = net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = copy.deepcopy(net)
    optimizer = make_optimizer(net, recipe.peak_rate)
    votes = fer.targets
    state: dict[str, Any] = {"epoch": 0, "steps": 0, "seconds": 0.0, "relabelled": 0}
    checkpoint = out / "last.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=False)
        net.load_state_dict(saved["net"])
        ema.load_state_dict(saved["ema"])
        optimizer.load_state_dict(saved["optimizer"])
        optimizer.param_groups[0]["weight_decay"] = WEIGHT_DECAY
        state = saved["state"]
        if state["relabelled"]:
            expw = FaceSet(expw.images, saved["targets"], saved["weights"], expw.sharp)
            fer = FaceSet(fer.images, saved["fer_targets"], fer.weights, fer.sharp)
    print(
        f"rows: FER+ {len(fer.images)}, ExpW {len(expw.images)}; {multiply_adds(net) / 1e6:.1f} M multiply-adds"  # noqa: E501
    )

    while schedule.progress(state["steps"], state["seconds"]) < 1.0:
        rng = np.random.default_rng((seed, state["epoch"]))
        torch.manual_seed(1_000_003 * seed + state["epoch"])  # of dropout
        progress = schedule.progress(state["steps"], state["seconds"])
        size = next(side for until, side in recipe.sizes if progress <= until)
        turn = state["relabelled"]
        if turn < len(recipe.relabel_at) and progress >= recipe.relabel_at[turn]:
            began = time.monotonic()
            expw = teach(expw, given, opinion(ema, expw.images, size))
            if recipe.distil:
                fer = distil(fer, votes, opinion(ema, fer.images, size), recipe.distil)
            state["relabelled"] += 1
            kept = float(expw.targets[np.arange(len(given)), given].mean())
            state["seconds"] += time.monotonic() - began
            print(
                f"relabelled ExpW: {kept:.3f} of the label mass kept, mean weight {expw.weights.mean():.3f}"
            )
        sets = (fer, expw)
        sampling = [np.cumsum(row_sampling(faces.targets, recipe.power)) for faces in sets]
        net.train()
        total_loss = 0.0
        began = time.monotonic()
        done = 0
        for _ in range(STEPS):
            progress = schedule.progress(state["steps"], state["seconds"] + time.monotonic() - began)
            if progress >= 1.0:
                break
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(recipe, progress)
            x, targets, weights = make_views(sets, sampling, size, rng, strength(recipe, progress))
            if rng.random() < MIXUP_SHARE * strength(recipe, progress):
                x, targets = mix_up(x, targets, rng)
            x, targets, weights = (part.to(device) for part in (x, targets, weights))
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, torch.bfloat16, enabled=fast_in_bf16(device)):
                logits = net(x).float()
            losses = -(targets * torch.log_softmax(logits, 1)).sum(1)
            loss = (losses * weights).sum() / weights.sum()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            state["steps"] += 1
            done += 1
            update_average(ema, net, state["steps"])
            total_loss += loss.item()
        state["seconds"] += time.monotonic() - began
        state["epoch"] += 1
        accuracy, recall = scores(predict(ema, valid_images, size=size), valid_labels)
        line = {
            "epoch": state["epoch"],
            "minutes": round(state["seconds"] / 60, 1),
            "progress": round(progress, 3),
            "size": size,
            "loss": round(total_loss / max(done, 1), 4),
            "valid_accuracy": round(accuracy, 4),
            "valid_macro_recall": round(recall, 4),
        }
        print(json.dumps(line), flush=True)
        with (out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        saved = {
            "net": net.state_dict(),
            "ema": ema.state_dict(),
            "optimizer": optimizer.state_dict(),
            "state": state,
            "targets": expw.targets,
            "weights": expw.weights,
            "fer_targets": fer.targets,
        }
        torch.save(saved, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)
        # On the processor, so that a machine without a GPU can read it.
        torch.save({name: value.cpu() for name, value in ema.state_dict().items()}, out / "ema.pt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and log")
    parser.add_argument("--init", type=Path, help="ema.pt of a first training, to go on from")
    parser.add_argument("--epochs", type=int, default=75)
    parser.add_argument("--minutes", type=float, help="end by wall-clock time instead of epochs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", type=torch.device, help="cpu or cuda (default: cuda where there is one)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--limit", type=int, help="rows a set, to try things out")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(
        args.data,
        args.out,
        Schedule(args.epochs, args.minutes),
        args.seed,
        init=args.init,
        limit=args.limit,
        device=args.device,
    )


if __name__ == "__main__":
    main()
