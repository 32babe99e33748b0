"""Quantiles of durations, in milliseconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import numpy as np

SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
"""Names of the quantiles in `health` and in the benchmarks."""


def quantiles_ms(durations_s: Iterable[float], *names: str) -> dict[str, float]:
    """Quantiles "p50", "p95" and "p99" of durations in seconds, with linear interpolation."""
    values = np.quantile(list(durations_s), [SHARES[name] for name in names])
    return {name: float(value) * 1000 for name, value in zip(names, values, strict=True)}


class Latencies:
    """The last durations of a repeated act.

    Args:
        kept: number of durations that the quantiles are taken of.
    """

    def __init__(self, kept: int) -> None:
        self._durations_s: deque[float] = deque(maxlen=kept)

    def add(self, duration_s: float) -> None:
        """Take one duration; callable while another thread asks for the figures."""
        self._durations_s.append(duration_s)

    def figures(self, name: str) -> dict[str, float]:
        """`<name>_p50_ms` and `<name>_p95_ms` for `health`; empty before the first duration."""
        durations_s = self._durations_s.copy()
        if not durations_s:
            return {}
        return {
            f"{name}_{key}_ms": round(value, 1)
            for key, value in quantiles_ms(durations_s, "p50", "p95").items()
        }
