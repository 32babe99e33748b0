"""Average weights of several short rounds from one start: ``python -m training.face.soup A/ema.pt B/ema.pt --out soup.pt``.

Networks that were fine-tuned from the same weights lie in one basin, and their mean does a little better than each, at the
cost of one (Wortsman et al. 2022, arXiv:2203.05482).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor


def average(states: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of state dicts of one architecture; counters are taken from the first.

    Raises:
        ValueError: none are given, or their names differ.
    """
    if not states or any(state.keys() != states[0].keys() for state in states):
        raise ValueError("weights of one architecture are needed")
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0)
        if first.dtype.is_floating_point
        else first
        for name, first in states[0].items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, nargs="+", help="state dicts")
    parser.add_argument("--out", type=Path, required=True, help="the mean of them")
    args = parser.parse_args()
    torch.save(average([torch.load(path, weights_only=True) for path in args.weights]), args.out)


if __name__ == "__main__":
    main()
