"""Faults of a disk that does not respond: fsfreeze(8) blocks every write in the kernel until the thaw."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from faults.bench import START_S, Bench
from faults.fault import fault
from faults.surroundings import Skipped, holds, program, until

SEGMENT_S: Final = 5
NOTICED_S: Final = 60.0
RESUMES_S: Final = 90.0
STUCK_S: Final = 240.0
"""Seconds; a thread may hang for two minutes."""
DISK_BYTES: Final = 64 * 1024 * 1024
PRIVACY_S: Final = 2.0
PROMISED_END_S: Final = 3.0


@fault(quick=True)
def state_disk_hangs(bench: Bench) -> float:
    """The disk of the state folder hangs (fsfreeze of a loop disk), spool included: privacy ON, OFF, SIGTERM.

    ON closes the source, is published and stored in memory. `health` continues and names the disk; OFF is
    refused. SIGTERM publishes offline within 3 s. Once the disk responds, the process ends, and after a
    restart privacy is ON.
    """
    bench.state.mkdir()
    freeze, thaw = _loop_disk(bench, bench.state)
    bench.start_all()
    freeze()
    bench.kill_broker()
    time.sleep(2)  # from now on messages must be spooled
    bench.start_broker()
    until(lambda: bench.last("status") == b"online", "the daemon is connected", RESUMES_S)
    bench.command("margin", "0.4")  # saving it hangs
    took_s = _privacy_on(bench)
    until(lambda: bench.state_of("control") == "degraded", "health names the settings", NOTICED_S)
    bench.goes_on("health", "health continues")
    bench.command("privacy", "OFF")
    until(lambda: "does not answer" in str(bench.payloads("control/error")), "OFF is refused")
    holds(not bench.has_open(bench.clip), "the source stays closed")
    begun_s = time.monotonic()
    bench.process.send_signal(signal.SIGTERM)
    until(lambda: bench.last("status") == b"offline", "offline was published")
    bench.within(time.monotonic() - begun_s, PROMISED_END_S, "it took too long to publish offline")
    thaw()
    holds(bench.process.wait(NOTICED_S) == 0, f"exit code {bench.process.returncode}")
    bench.listener.heard.clear()
    bench.start()
    until(lambda: bench.control("privacy") == "ON", "privacy is on after a restart", START_S)
    holds(not bench.has_open(bench.clip), "the source is closed")
    return took_s


@fault()
def state_disk_stays_hung(bench: Bench) -> float:
    """The disk of the state folder hangs (fsfreeze of a loop disk) for more than two minutes, privacy OFF.

    `health` names the disk, then the process ends on its own initiative: it logs the reason, publishes
    offline, closes the source and ends with exit code 1 once the kernel releases it.
    """
    bench.state.mkdir()
    freeze, thaw = _loop_disk(bench, bench.state)
    bench.start_all()
    freeze()
    bench.command("margin", "0.4")  # saving it hangs
    until(lambda: bench.state_of("control") == "degraded", "health names the settings", NOTICED_S)
    holds("does not answer" in str(bench.part("control").get("reason")), "the reason is named")
    until(lambda: bench.last("status") == b"offline", "it ends", STUCK_S)
    until(lambda: not bench.has_open(bench.clip), "the source is closed")
    until(lambda: "the settings thread hangs" in bench.log_text(), "the log says why")
    begun_s = time.monotonic()
    thaw()
    holds(bench.process.wait(NOTICED_S) == 1, f"exit code {bench.process.returncode}")
    bench.start()
    until(lambda: bench.last("status") == b"online", "a new process is connected", START_S)
    return time.monotonic() - begun_s


@fault()
def recordings_disk_hangs(bench: Bench) -> float:
    """The disk of the recordings and snapshots hangs (fsfreeze of a loop disk): privacy ON, SIGTERM.

    ON closes the source and is published; analysis and `health` continue; SIGTERM publishes offline within 3
    s.
    """
    bench.recordings.mkdir()
    freeze, thaw = _loop_disk(bench, bench.recordings)
    bench.start_all(recording__mode="continuous", recording__max_segment_s=SEGMENT_S)
    until(bench.segments, "a first segment is finished", START_S)
    freeze()
    bench.command("snapshot", "PRESS")
    bench.goes_on("emotion", "analysis continues")
    bench.goes_on("health", "health continues")
    took_s = _privacy_on(bench)
    begun_s = time.monotonic()
    bench.process.send_signal(signal.SIGTERM)
    until(lambda: bench.last("status") == b"offline", "offline was published")
    bench.within(time.monotonic() - begun_s, PROMISED_END_S, "it took too long to publish offline")
    thaw()
    holds(bench.process.wait(NOTICED_S) == 0, f"exit code {bench.process.returncode}")
    return took_s


def _loop_disk(bench: Bench, at: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """Mount a small loop disk; return the calls that freeze and thaw it. The bench thaws it at the end."""
    image = bench.folder / "disk.img"
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    made = subprocess.run(
        [program("mkfs.ext4", "e2fsprogs"), "-q", str(image)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise Skipped(f"cannot create a disk here: {made.stderr.strip()}")
    bench.mount("-o", "loop", str(image), at=at)
    freezer = program("fsfreeze", "util-linux")

    def freeze() -> None:
        done = subprocess.run([freezer, "-f", str(at)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Skipped(f"cannot freeze a disk here: {done.stderr.strip()}")
        bench.cleanup(thaw)

    def thaw() -> None:
        subprocess.run([freezer, "-u", str(at)], capture_output=True, check=False)

    return freeze, thaw


def _privacy_on(bench: Bench) -> float:
    """Switch privacy ON; return the seconds until the source was closed."""
    bench.command("privacy", "ON")
    begun_s = time.monotonic()
    until(lambda: not bench.has_open(bench.clip), "the source is closed")
    took_s = time.monotonic() - begun_s
    bench.within(took_s, PRIVACY_S, f"privacy took {took_s:.1f} s")
    until(lambda: bench.control("privacy") == "ON", "privacy is on")
    until(lambda: "ON" in (bench.runtime / "privacy").read_text(encoding="utf-8"), "it is stored in memory")
    return took_s
