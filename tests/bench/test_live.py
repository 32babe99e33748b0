"""Looking at a process from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from emoedge.bench.live import Heard, Usage, _delays, wall_s
from emoedge.bench.whole import peak_mb, status_mb
from emoedge.clock import rfc3339


def test_processor_time_and_switches_of_another_process() -> None:
    program = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\nprint(1, flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = Usage.read(Path("/proc") / str(process.pid))
        time.sleep(0.2)
        resting = Usage.read(Path("/proc") / str(process.pid)).since(used)
        process.communicate(b"\n")
    assert 0.3 <= used.cpu_s < 1.0
    assert used.involuntary + used.voluntary > 0
    assert resting.cpu_s < 0.05


def test_memory_of_a_process() -> None:
    resident = status_mb(Path("/proc/self/status"), "VmRSS")
    assert resident is not None
    assert 10 < resident <= (peak_mb() or 0)
    assert status_mb(Path("/proc/self/no-such-file"), "VmRSS") is None


def _stamp(seconds: float) -> str:
    return rfc3339(datetime.fromtimestamp(seconds, timezone.utc))


def test_time_stamps_of_payloads() -> None:
    assert wall_s(_stamp(1_700_000_000.25)) == pytest.approx(1_700_000_000.25)


def test_delays_are_taken_in_the_window_only() -> None:
    def heard(at_s: float, late_s: float) -> Heard:
        return Heard(at_s, 1000.0 + at_s, "t", b'{"time": "%s"}' % _stamp(1000.0 + at_s - late_s).encode())

    found = _delays("x", [heard(1, 9.0), heard(5, 0.05), heard(6, 0.05)], (4.0, 7.0), "time")
    assert found["x_count"] == 2
    assert found["x_p95_ms"] == pytest.approx(50, abs=1)
    assert _delays("x", [], (0, 1), "time") == {"x_count": 0}


def test_own_process_is_readable() -> None:
    assert Usage.read(Path("/proc") / str(os.getpid())).cpu_s > 0
