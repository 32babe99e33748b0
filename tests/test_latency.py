"""Quantiles."""

from __future__ import annotations

import pytest

from emoedge.latency import Latencies, quantiles_ms


def test_quantiles_by_name() -> None:
    found = quantiles_ms([index / 1000 for index in range(101)], "p50", "p95", "p99")
    assert found == pytest.approx({"p50": 50.0, "p95": 95.0, "p99": 99.0})


def test_figures_are_of_the_last_durations() -> None:
    latencies = Latencies(3)
    assert latencies.figures("face") == {}
    for duration_s in (9.0, 9.0, 0.01, 0.01, 0.01):
        latencies.add(duration_s)
    assert latencies.figures("face") == {"face_p50_ms": 10.0, "face_p95_ms": 10.0}
