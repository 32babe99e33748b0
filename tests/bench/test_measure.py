"""Quantiles, ratios, and processor time."""

from __future__ import annotations

import time

from emoedge.bench.measure import processor_s, row


def _burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_ratio_of_ours_to_the_engine() -> None:
    found = row("work", "turn", lambda: _burn(0.004), lambda: _burn(0.002), repeats=5)
    assert 1.5 < (found.ratio or 0) < 3
    p50, p95, p99 = found.ours_ms
    assert 4.0 <= p50 <= p95 <= p99


def test_without_an_engine_there_is_no_ratio() -> None:
    assert row("work", "turn", lambda: None, None, repeats=3).to_json()["ratio"] is None


def test_waiting_costs_no_processor_time() -> None:
    assert processor_s(lambda: time.sleep(0.05)) < 0.02
