"""Looking at a process from outside."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from benchmarks.live import _delays, wall_s
from emoedge.clock import rfc3339
from faults.surroundings import Heard


def _stamp(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, timezone.utc))


def test_time_stamps_of_payloads() -> None:
    assert wall_s(_stamp(1_700_000_000.25)) == pytest.approx(1_700_000_000.25)


def test_delays_are_taken_in_the_window_only() -> None:
    def heard(at_s: float, late_s: float) -> Heard:
        payload = b'{"time": "%s"}' % _stamp(1000.0 + at_s - late_s).encode()
        return Heard(at_s, 1000.0 + at_s, "t", payload, retained=False)

    found = _delays("x", [heard(1, 9.0), heard(5, 0.05), heard(6, 0.05)], (4.0, 7.0), "time")
    assert found["x_count"] == 2
    assert found["x_p95_ms"] == pytest.approx(50, abs=1)
    assert _delays("x", [], (0, 1), "time") == {"x_count": 0}
