"""Average networks that went on from the same weights: ``python -m training.face.average A.pt B.pt --data DIR --out ema.pt``.

Networks that share their first training lie in one basin, so that the mean of their weights is a network too, and mostly a
better one than each of them (Wortsman et al. 2022, arXiv:2203.05482). Batch statistics are not averaged but measured
anew on training views.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from training.face.data import load_expw, load_ferplus_train, row_sampling
from training.face.net import INPUT_SIZE, FaceNet
from training.face.train import SECOND, make_views

BATCHES = 100
"""Batches of 128 views for the statistics: more change no digit of the accuracy."""


def average(states: list[dict[str, Tensor]], shares: list[float]) -> dict[str, Tensor]:
    """Weighted mean of state dicts of the same network; integer entries are taken from the first."""
    total = sum(shares)
    mean: dict[str, Tensor] = {}
    for name, first in states[0].items():
        if first.dtype.is_floating_point:
            parts = [state[name] * (share / total) for state, share in zip(states, shares, strict=True)]
            mean[name] = torch.stack(parts).sum(0)
        else:
            mean[name] = first.clone()
    return mean


@torch.no_grad()
def measure_statistics(net: nn.Module, data: Path, seed: int) -> None:
    """Set the running statistics of all batch normalisations to their plain mean over training views."""
    sets = (load_ferplus_train(data / "faces"), load_expw(data / "faces"))
    sampling = [np.cumsum(row_sampling(faces.targets)) for faces in sets]
    rng = np.random.default_rng((seed, BATCHES))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a cumulative mean
    net.train()
    for _ in range(BATCHES):
        x, _, _ = make_views(sets, sampling, INPUT_SIZE, rng, SECOND.strength[1])
        with torch.autocast("cpu", torch.bfloat16):
            net(x)
    net.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, nargs="+", help="ema.pt of each second training")
    parser.add_argument("--shares", type=float, nargs="+", help="weight of each (default: equal)")
    parser.add_argument("--data", type=Path, required=True, help="folder with faces/")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    states = [torch.load(path, weights_only=True) for path in args.weights]
    net = FaceNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    net.load_state_dict(average(states, args.shares or [1.0] * len(states)))
    measure_statistics(net, args.data, args.seed)
    torch.save(net.state_dict(), args.out)


if __name__ == "__main__":
    main()
