"""Purging the recordings of a running daemon."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from faults.bench import BASE, REPOSITORY, START_S, Bench
from faults.fault import fault
from faults.surroundings import Listener, holds, until

FORGET_S: Final = 120.0
RESULTS: Final = (f"{BASE}/emotion", f"{BASE}/summary")


@fault(quick=True)
def purge_while_it_runs(bench: Bench) -> float:
    """`emoedge recordings purge --last 1h` while a manual recording runs and another one is finished.

    Both are deleted from disk, the retained results at the broker are cleared until there are new ones,
    discovery stays, and the recording continues from that moment on.
    """
    bench.start_all()
    bench.command("record", "2")
    until(lambda: _changes(bench, "finished"), "a recording is finished", START_S)
    bench.command("record", "ON")
    until(lambda: len(_changes(bench, "started")) == 2, "another one runs", START_S)
    before = _changes(bench, "started")
    command = [sys.executable, "-m", "emoedge", "recordings", "purge", "--last", "1h", "--yes"]
    done = subprocess.run(
        [*command, "--config", str(bench.folder / "emoedge.toml")],
        check=False, capture_output=True, text=True, env=bench.environment, cwd=REPOSITORY, timeout=FORGET_S,
    )  # fmt: skip
    holds(done.returncode == 0, f"exit code {done.returncode}: {done.stderr}")
    left = [path.name for path in bench.recordings.rglob("*") if path.name[:25] in before]
    holds(not left, f"left: {left}")
    for topic in RESULTS:
        until(lambda: [one for one in bench.listener.on(topic) if not one.payload], f"{topic} is emptied")  # noqa: B023
    took_s = until(lambda: len(_changes(bench, "started")) == 3, "the recording continues", START_S)
    until(lambda: bench.last("emotion"), "a new state is there", START_S)
    late = Listener(bench.broker.port)
    try:
        until(
            lambda: [one for one in late.heard if one.topic.startswith("homeassistant/")], "discovery stays"
        )
    finally:
        late.close()
    return took_s


def _changes(bench: Bench, kind: str) -> list[str]:
    return [str(one["id"]) for one in bench.payloads("recording") if one["type"] == kind]
