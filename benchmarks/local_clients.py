"""Cost of socket clients for the daemon: latencies and processor time with and without them.

    python -m benchmarks.local_clients [--rounds 3] [--seconds 60] [--json FILE]

A real daemon plays the demo clip. Three conditions take turns, so that other load affects all of them
equally: no client, a client that reads all events and frames, and a client that has requested them but reads
nothing.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from emoedge.local_socket.client import DaemonClient
from emoedge.local_socket.protocol import EVENTS
from faults.bench import Bench

CONDITIONS: Final = ("no client", "a client that reads", "a client that has stopped reading")
FIGURES: Final = ("face_latency_p50_ms", "face_latency_p95_ms")
AGAIN_S: Final = 20.0
"""Seconds; a client that does not read is disconnected after 30 s, and replaced before that."""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder)) as bench:
        bench.start_all()
        rows = [
            _measure(bench, condition, options.seconds)
            for turn in range(options.rounds)
            for condition in CONDITIONS[turn % 3 :] + CONDITIONS[: turn % 3]
        ]
    result = {
        condition: _medians([row for row in rows if row["condition"] == condition])
        for condition in CONDITIONS
    }
    for condition, figures in result.items():
        print(condition, figures)
    if options.json is not None:
        options.json.write_text(
            json.dumps({"rows": rows, "medians": result}, indent=1) + "\n", encoding="utf-8"
        )


def _medians(rows: list[dict[str, Any]]) -> dict[str, float]:
    names = [name for name in rows[0] if name != "condition"]
    return {name: round(statistics.median(row[name] for row in rows), 2) for name in names}


def _measure(bench: Bench, condition: str, seconds: float) -> dict[str, Any]:
    """Keep a condition for some seconds; return the daemon's figures."""
    daemon = psutil.Process(bench.pid)
    with _client(bench, condition):
        before, begun_s = daemon.cpu_times(), time.monotonic()
        time.sleep(seconds)
        after, took_s = daemon.cpu_times(), time.monotonic() - begun_s
        figures = bench.part("decisions").get("figures", {})
    cores = (after.user + after.system - before.user - before.system) / took_s
    return {
        "condition": condition,
        **{name: float(figures.get(name) or 0) for name in FIGURES},
        "dropped": float(figures.get("dropped") or 0),
        "cores": round(cores, 3),
        "memory_mb": round(bench.resident_bytes() / 1e6, 1),
    }


@contextmanager
def _client(bench: Bench, condition: str) -> Iterator[None]:
    """Run the client of a condition for the length of the block."""
    over = threading.Event()
    work = {CONDITIONS[1]: _read, CONDITIONS[2]: _stop_reading}.get(condition)
    thread = threading.Thread(target=work, args=(bench.runtime / "daemon.sock", over)) if work else None
    if thread is not None:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if thread is not None:
            thread.join()


def _read(place: Path, over: threading.Event) -> None:
    with DaemonClient(place, "benchmark") as client:
        client.subscribe(*EVENTS)
        client.ask("picture", seconds=300)
        while not over.is_set():
            client.take(0.2)
        client.ask("picture_stop")


def _stop_reading(place: Path, over: threading.Event) -> None:
    lines = [
        {"protocol": 1, "client": "benchmark"},
        {"id": 1, "do": "subscribe", "events": sorted(EVENTS)},
        {"id": 2, "do": "picture", "seconds": 300},
    ]
    while not over.is_set():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(place))
            client.sendall(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
            over.wait(AGAIN_S)


if __name__ == "__main__":
    main()
