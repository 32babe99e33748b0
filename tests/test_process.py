"""Looking at a process from outside."""

from __future__ import annotations

import subprocess
import sys
import time

from emoedge.process import (
    OWN,
    PROC,
    Usage,
    open_file_count,
    peak_mb,
    proportional_mb,
    resident_mb,
    thread_count,
)


def test_processor_time_and_switches_of_another_process() -> None:
    program = (
        "import time\nend = time.process_time() + 0.3\n"
        "while time.process_time() < end: pass\nprint(1, flush=True)\ninput()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        used = Usage.read(PROC / str(process.pid))
        time.sleep(0.2)
        resting = Usage.read(PROC / str(process.pid)).since(used)
        process.communicate(b"\n")
    assert used.cpu_s >= 0.3
    assert used.involuntary + used.voluntary > 0
    assert 0 <= resting.cpu_s < used.cpu_s


def test_memory_of_this_process() -> None:
    resident = resident_mb()
    assert resident is not None
    assert 10 < resident <= (peak_mb() or 0)
    assert 0 < (proportional_mb() or 1) <= resident * 1.1


def test_what_cannot_be_read_is_none() -> None:
    gone = PROC / "no-such-process"
    assert [resident_mb(gone), thread_count(gone), open_file_count(gone)] == [None, None, None]


def test_counts() -> None:
    assert (thread_count() or 0) >= 1
    with (OWN / "status").open():
        before = open_file_count()
        with (OWN / "stat").open():
            assert open_file_count() == (before or 0) + 1


def test_mb_are_ten_to_the_sixth() -> None:
    kilobytes = next(
        int(line.split()[1]) for line in (OWN / "status").read_text().splitlines() if line.startswith("VmHWM")
    )
    assert abs((peak_mb() or 0) - kilobytes * 1024 / 1e6) < 20
