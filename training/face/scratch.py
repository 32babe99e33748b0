"""Train a face network from random weights for as long as there is time: `python -m training.face.scratch`.

The rate stays where it is, so that a training can end after an hour or go on for days: what it has learned by
then is taken to its end by a branch (`--finish`), in which the rate falls to zero (warm-up, stable, decay:
Hägele et al. 2024, arXiv:2405.18392). FER+, RAF-DB and ExpW teach the trunk; Extended Cohn-Kanade and JAFFE
come in with the branch alone, so that one trunk serves the branch with all sets and those that leave one of
the two out. To leave RAF-DB out a trunk of its own is needed.

Every set has seven offsets of its own, as in `training.face.transfer`. Labels of FER+ and ExpW are mixed with
the opinion of the network that these two have taught (`training/face/checkpoints`), later with that of the
averaged weights themselves.

One process with two threads (`training.face.workers`). Seeded; a checkpoint after every round, from which the
same command goes on; `kept.pt` is the small one that the repository keeps.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from emoedge.face.detect import FaceDetector
from training.face.corpora import load_rafdb
from training.face.data import FaceSet, load_ferplus_split
from training.face.held import SETS, load_set
from training.face.net import FaceNet, multiply_adds
from training.face.opinions import opinion
from training.face.restore import restore
from training.face.train import make_optimizer, update_average
from training.face.transfer import (
    Habits,
    batch_rows,
    held_out_scores,
    load_weights,
    refined,
)
from training.face.workers import Batches, Workers

TEACHER = Path(__file__).parent / "checkpoints" / "ferplus_expw.tflite"
SCRATCH_WIDTHS = (32, 96, 192, 256)
"""Widths of the blocks: 55.8 M multiply-adds, 1.74 M weights."""
BATCH = 128
TRUNK_SHARES = {"ferplus": 62, "rafdb": 44, "expw": 22}
"""Rows of a batch in the trunk; a branch uses those of `training.face.transfer`."""
STEPS = 200
"""Number of batches in a round."""
RATE = 0.05
WARM_UP_VIEWS = 60_000
SIZES = ((400_000, 32), (900_000, 40))
"""Side of the input up to a number of views; smaller ones cost 0.45 and 0.7 of the full size."""
FULL_SIZE = 48
STRENGTH, FINAL_STRENGTH = 1.0, 0.4
"""Strength of the augmentation in the trunk and at the end of a branch."""
OWN_OPINION_FROM = 3_000_000
"""Number of views after which the current averaged network becomes its own teacher, and the interval of
updates."""
FINISH_ROUNDS = 20
"""Number of rounds of a branch: half a million views."""
SCORED_EVERY = 3
"""Rounds between two measurements."""


def input_size(views: int) -> int:
    """Return the side of the input after a number of views."""
    return next((side for until, side in SIZES if views < until), FULL_SIZE)


def learning_rate(views: int, finished: float | None) -> float:
    """Return the learning rate: linear warm-up, then `RATE`, or half a cosine over a branch."""
    if finished is not None:
        return RATE * 0.5 * (1 + math.cos(math.pi * finished))
    return RATE * min(1.0, (views + BATCH) / WARM_UP_VIEWS)


def labelled(sets: dict[str, FaceSet], opinions: dict[str, NDArray[np.float32]]) -> dict[str, FaceSet]:
    """Return the sets with their targets and weights."""
    result = {}
    for name, faces in sets.items():
        targets, weights = refined(name, faces.targets, opinions.get(name, faces.targets))
        result[name] = replace(faces, targets=targets, weights=weights)
    return result


def form_opinions(net: FaceNet, sets: dict[str, FaceSet], size: int) -> dict[str, NDArray[np.float32]]:
    """Return posteriors (N, 7) of a network for FER+ and ExpW."""
    return {name: opinion(net, sets[name].images, size) for name in ("ferplus", "expw")}


def new_network(seed: int) -> nn.ModuleDict:
    """Return random weights and zero offsets."""
    torch.manual_seed(seed)
    return nn.ModuleDict({"net": FaceNet(SCRATCH_WIDTHS), "habits": Habits()})


def train(
    data: Path,
    out: Path,
    detector: FaceDetector,
    *,
    init: Path | None = None,
    finish: bool = False,
    left_out: frozenset[str] = frozenset(),
    views: int | None = None,
    hours: float | None = None,
    seed: int = 1,
    rows: int | None = None,
    steps: int = STEPS,
    rounds: int = FINISH_ROUNDS,
) -> None:
    """Run or resume a trunk, or a branch of one.

    Args:
        data: folder that contains `faces/`.
        out: folder for `last.pt` (all state), `kept.pt` (to keep), `ema.pt` (the end of a branch),
            `log.jsonl`.
        detector: detector for JAFFE's images.
        init: a `kept.pt` to start from; the trunk of a branch.
        finish: whether this is a branch.
        left_out: sets that are not trained on.
        views: number of views of a trunk.
        hours: maximum duration of this call.
        seed: seed of all random choices.
        rows: maximum number of rows per set, for experiments.
        steps: number of batches in a round.
        rounds: number of rounds of a branch.
    """
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    shares = batch_rows(left_out) if finish else batch_rows(left_out, TRUNK_SHARES)
    sets = {name: load_set(data, name, detector) for name in shares}
    if rows:
        sets = {name: _first(faces, rows) for name, faces in sets.items()}
    both = new_network(seed)
    state: dict[str, Any] = {"views": 0, "round": 0, "processor_hours": 0.0}
    if init is not None:
        saved = torch.load(init, map_location="cpu", weights_only=True)
        net, habits = load_weights(init)
        both = nn.ModuleDict({"net": net, "habits": habits})
        state = dict(saved["state"])
    both = both.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    ema = copy.deepcopy(both)
    optimizer = make_optimizer(both, RATE)
    first_round = state["round"]
    checkpoint = out / "last.pt"
    opinions: dict[str, NDArray[np.float32]] = {}
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        both.load_state_dict(saved["both"])
        ema.load_state_dict(saved["ema"])
        optimizer.load_state_dict(saved["optimizer"])
        state, first_round = saved["state"], saved["first_round"]
        opinions = {name: value.numpy() for name, value in saved["opinions"].items()}
    if not opinions:
        own = state["views"] >= OWN_OPINION_FROM
        opinions = form_opinions(ema["net"] if own else restore(TEACHER), sets, FULL_SIZE)
    batches = Batches(labelled(sets, opinions), shares)
    workers = Workers(both)
    print(json.dumps({"rows": {n: len(s.images) for n, s in sets.items()}, **state}), flush=True)
    print(f"{multiply_adds(FaceNet(SCRATCH_WIDTHS)) / 1e6:.1f} M multiply-adds", flush=True)

    def over() -> bool:
        if hours is not None and time.monotonic() - began > hours * 3600:
            return True
        if finish:
            return bool(state["round"] - first_round >= rounds)
        return views is not None and state["views"] >= views

    while not over():
        spent, total = time.process_time(), 0.0
        size = FULL_SIZE if finish else input_size(state["views"])
        for step in range(steps):
            finished = (state["round"] - first_round + step / steps) / rounds if finish else None
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(state["views"], finished)
            strength = STRENGTH - (STRENGTH - FINAL_STRENGTH) * (finished or 0.0)
            total += workers.step(batches, (seed, state["round"], step), size, strength)
            optimizer.step()
            state["views"] += BATCH
            update_average(ema, both, state["views"] // BATCH)
        before = state["views"] - BATCH * steps
        if state["views"] // OWN_OPINION_FROM > before // OWN_OPINION_FROM:
            opinions = form_opinions(ema["net"], sets, size)
            batches = Batches(labelled(sets, opinions), shares)
        state["round"] += 1
        line: dict[str, Any] = {"round": state["round"], "views": state["views"], "size": size}
        line["loss"] = round(total / steps, 4)
        if state["round"] % SCORED_EVERY == 0 or over():
            line |= held_out(data, ema, size)
        state["processor_hours"] += (time.process_time() - spent) / 3600
        line["processor_hours"] = round(state["processor_hours"], 3)
        print(json.dumps(line), flush=True)
        with (out / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        _save(
            {
                "both": both.state_dict(),
                "ema": ema.state_dict(),
                "optimizer": optimizer.state_dict(),
                "state": state,
                "first_round": first_round,
                "opinions": {name: torch.from_numpy(value) for name, value in opinions.items()},
            },
            checkpoint,
        )
        _save(kept(ema, state), out / "kept.pt")
    if finish and state["round"] - first_round >= rounds:
        _save({"net": ema["net"].state_dict(), "habits": ema["habits"].state_dict()}, out / "ema.pt")


def held_out(data: Path, ema: nn.ModuleDict, size: int) -> dict[str, list[float]]:
    """Return accuracy and macro recall on FER+ Valid and held-out RAF-DB, each with its own offsets."""
    raf = load_rafdb(data / "faces", "held_out")
    parts = {
        "ferplus": load_ferplus_split(data / "faces", "Valid"),
        "rafdb": (np.stack(raf.images), raf.labels),
    }
    return {
        name: held_out_scores(ema["net"], ema["habits"], name, *part, size) for name, part in parts.items()
    }


def kept(ema: nn.ModuleDict, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state to continue from: averaged weights in half precision, offsets, number of views."""

    def half(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: value.half() if value.is_floating_point() else value for name, value in values.items()}

    return {
        "net": half(ema["net"].state_dict()),
        "habits": half(ema["habits"].state_dict()),
        "state": dict(state),
    }


def _save(what: dict[str, Any], path: Path) -> None:
    torch.save(what, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def _first(faces: FaceSet, rows: int) -> FaceSet:
    return replace(
        faces, images=faces.images[:rows], targets=faces.targets[:rows], weights=faces.weights[:rows]
    )


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--out", type=Path, required=True, help="checkpoints and log")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder with the face detector")
    parser.add_argument("--init", type=Path, help="a kept.pt to go on from")
    parser.add_argument(
        "--finish", action="store_true", help="let the rate fall to zero, with the posed sets"
    )
    parser.add_argument(
        "--leave-out", action="append", default=[], choices=SETS, help="a set not to train on"
    )
    parser.add_argument("--views", type=int, default=12_000_000, help="end of a trunk")
    parser.add_argument("--hours", type=float, help="stop for now after so long; the same command goes on")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(None if arguments is None else list(arguments))
    train(
        args.data,
        args.out,
        FaceDetector(args.models / "face_detector.tflite"),
        init=args.init,
        finish=args.finish,
        left_out=frozenset(args.leave_out),
        views=args.views,
        hours=args.hours,
        seed=args.seed,
    )


if __name__ == "__main__":
    main()
