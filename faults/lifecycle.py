"""Ends of the process: by SIGTERM, or by SIGKILL, which is as close to a power cut as a process can get."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any, Final

from faults.bench import START_S, Bench
from faults.broker import check_order, lost
from faults.fault import fault
from faults.surroundings import holds, program, until

PROMISED_END_S: Final = 3.0
LOST_AT_MOST_S: Final = 2.0
"""Seconds before a power cut; everything recorded earlier must play."""
HUNG_UP: Final = 129
OTHER: Final = "another"
CAUGHT_UP: Final = 5
"""Frames and blocks that wait for the encoder: a fraction of a second."""


@fault(quick=True)
def sigterm(bench: Bench) -> float:
    """SIGTERM while everything works and a manual recording runs.

    It ends within 3 s with exit code 0, publishes offline and leaves no partial recording.
    """
    bench.start_all()
    return _ends_in_order(bench, signal.SIGTERM, 0)


@fault()
def hung_up(bench: Bench) -> float:
    """SIGHUP while a recording runs, as for a reload or from a terminal that was closed.

    It ends within 3 s, publishes offline and leaves a complete recording. The exit code makes systemd restart
    it.
    """
    # Under nohup, in which this catalogue may run, the daemon would ignore SIGHUP, as it should.
    bench.start_all((program("env", "coreutils"), "--default-signal=HUP"))
    return _ends_in_order(bench, signal.SIGHUP, HUNG_UP)


@fault(quick=True)
def another_daemon_on_the_same_state(bench: Bench) -> None:
    """A second daemon is started, with another device id and the same folders.

    It ends with exit code 1 and names the process of the first, which continues. After a SIGKILL of the
    first, a daemon starts again.
    """
    _second_is_refused(bench, device_id=OTHER)


@fault()
def another_daemon_with_the_same_client_id(bench: Bench) -> None:
    """A second daemon is started on this machine, with the same client id and other folders.

    It ends with exit code 1 and names the process of the first, which keeps its connection. After a SIGKILL
    of the first, a daemon starts again.
    """
    other = bench.folder / OTHER
    _second_is_refused(bench, paths__state=other / "state", recording__dir=other / "recordings")


def _second_is_refused(bench: Bench, **settings: str | Path) -> None:
    bench.start_all()
    first = bench.process
    bench.cleanup(lambda: bench.end(first))
    bench.start(**settings)
    holds(bench.process.wait(START_S) == 1, f"exit code {bench.process.returncode}")
    said = bench.log_tail(5)
    holds(f"another emoedge (process {first.pid})" in said, f"the first is named: {said!r}")
    bench.goes_on("emotion", "the first continues")
    holds(first.poll() is None, "the first lives")
    holds(bench.figure("broker", "connections") == 1, "the first keeps its connection to the broker")
    bench.end(first)
    bench.listener.heard.clear()
    bench.start(**settings)
    until(lambda: b"online" in [one.payload for one in list(bench.listener.heard)], "it starts", START_S)


@fault(quick=True)
def sigkill_while_the_broker_is_away(bench: Bench) -> float:
    """The broker is away, messages wait on disk, and the daemon is killed (SIGKILL) and restarted.

    Every message that was on disk arrives in order and byte for byte, with its original time.
    """
    bench.start()
    until(lambda: len(bench.spooled()) >= 3, "messages wait on the disk", START_S)
    bench.kill()
    waiting = bench.spooled()
    bench.start_broker()
    bench.start()
    begun_s = time.monotonic()
    until(lambda: bench.last("status") == b"online", "the daemon is connected", START_S)
    until(lambda: not lost(bench, waiting), "all that waited has arrived")
    check_order(bench, waiting)
    return time.monotonic() - begun_s


@fault(quick=True)
def sigkill_in_mid_recording(bench: Bench) -> float:
    """SIGKILL during a recording, once the encoder has caught up with the pre-roll, then a restart.

    The last will is published; everything recorded up to 2 s before is recovered, finished and plays.
    """
    bench.start_all()
    bench.command("record", "ON")
    started = _wait_recording(bench)
    time.sleep(6)
    until(lambda: bench.figure("recording", "queue") <= CAUGHT_UP, "the encoder has caught up", START_S)
    bench.kill()
    killed = time.time()
    until(lambda: bench.last("status") == b"offline", "the last will is published")
    holds(list(bench.recordings.rglob("*.mp4.partial")), "a partial recording was left")
    bench.start()
    begun_s = time.monotonic()
    until(lambda: _finished(bench), "the recording is recovered", START_S)
    took_s = time.monotonic() - begun_s
    finished = _finished(bench)
    holds(finished["id"] == started["id"], "it is the same recording")
    expected_s = killed - _wall_s(str(started["time"])) - LOST_AT_MOST_S
    played_s = play(Path(str(finished["path"])))
    holds(played_s >= expected_s, f"{played_s:.1f} s play, {expected_s:.1f} s at least were written")
    return took_s


def play(path: Path) -> float:
    """Decode a whole recording; return the time of its last frame in seconds."""
    import av

    with av.open(str(path)) as container:
        times = [frame.time or 0.0 for frame in container.decode(video=0)]
    return max(times, default=0.0)


def _ends_in_order(bench: Bench, by: signal.Signals, code: int) -> float:
    """Start a recording, send the signal and check what is left; return the seconds until the end."""
    bench.command("record", "ON")
    _wait_recording(bench)
    took_s = bench.terminate(by=by)
    holds(bench.process.returncode == code, f"exit code {bench.process.returncode}")
    until(lambda: bench.last("status") == b"offline", "offline was published")
    bench.within(took_s, PROMISED_END_S, f"it took {took_s:.1f} s to end")
    holds(not list(bench.recordings.rglob("*.partial")), "no partial recording is left")
    holds(len(bench.segments()) == 1, "the recording is finished")
    return took_s


def _wait_recording(bench: Bench) -> dict[str, Any]:
    until(lambda: bench.payloads("recording"), "the recording has begun", START_S)
    started = bench.payloads("recording")[0]
    holds(started["type"] == "started", json.dumps(started))
    return started


def _finished(bench: Bench) -> dict[str, Any]:
    return next((one for one in bench.payloads("recording") if one["type"] == "finished"), {})


def _wall_s(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
