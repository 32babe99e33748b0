"""Timing of small pieces of work in processor time, which a busy machine does not stretch."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from emoedge.latency import SHARES, quantiles_ms

WARM_UP: Final = 2
"""First turns left out: they fill caches and load what is loaded late."""


def keep_to_one_core() -> None:
    """Keep this process to one core: threads of libraries cannot wait for each other while they burn time."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        stage: what was done.
        unit: once for what.
        ours_ms: quantiles 0.5, 0.95, 0.99 of one time with everything that the product adds.
        bare_ms: median of the engine alone on the same data, or None where there is no such thing.
    """

    stage: str
    unit: str
    ours_ms: tuple[float, float, float]
    bare_ms: float | None

    @property
    def ratio(self) -> float | None:
        """Ratio to the engine's own cost."""
        return self.ours_ms[0] / self.bare_ms if self.bare_ms else None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        p50, p95, p99 = self.ours_ms
        values = {"stage": self.stage, "unit": self.unit, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}
        return {k: short(v) for k, v in (values | {"bare_ms": self.bare_ms, "ratio": self.ratio}).items()}


def row(
    stage: str, unit: str, ours: Callable[[], object], bare: Callable[[], object] | None, repeats: int
) -> Row:
    """Time two pieces of work in turn, so that a busy moment of the machine falls on both."""
    ours_s: list[float] = []
    bare_ms: list[float] = []
    for turn in range(repeats + WARM_UP):
        taken = processor_s(ours)
        taken_bare = processor_s(bare) * 1000 if bare else 0.0
        if turn >= WARM_UP:
            ours_s.append(taken)
            bare_ms.append(taken_bare)
    p50, p95, p99 = quantiles_ms(ours_s, *SHARES).values()
    return Row(stage, unit, (p50, p95, p99), statistics.median(bare_ms) if bare else None)


def processor_s(work: Callable[[], object]) -> float:
    """Processor time of one run of some work in all threads, seconds."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def times(work: Callable[[], object], count: int) -> Callable[[], None]:
    """The same work, repeated."""

    def repeated() -> None:
        for _ in range(count):
            work()

    return repeated


def short(value: object, digits: int = 4) -> object:
    """Numbers with as many digits as mean something."""
    return round(value, digits) if isinstance(value, float) else value
