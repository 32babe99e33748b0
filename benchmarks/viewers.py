"""Cost of viewers of the console: `python -m benchmarks.viewers [--viewers N…] [--json FILE]`.

A real daemon plays the demo clip, and a real console serves it. Each viewer reads `/api/events`, as the live
page does. The processor time of console and daemon is that of the kernel.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from emoedge.bench.machine import describe_machine
from emoedge.web.access import AccessStore
from faults.bench import Bench

SECONDS: Final = 30.0
SETTLE_S: Final = 5.0


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--viewers", type=int, nargs="+", default=[0, 1, 5, 20])
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder)) as bench:
        bench.start_all()
        process, url, key = start_console(bench)
        try:
            for count in options.viewers:
                rows.append(asyncio.run(watch(bench, process, url, key, count, options.seconds)))
                print(rows[-1], flush=True)
        finally:
            process.terminate()
            process.wait(60)
    if options.json is not None:
        result = {"schema": 1, "machine": describe_machine(), "rows": rows}
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def start_console(bench: Bench) -> tuple[subprocess.Popen[str], str, str]:
    """Start a console for the daemon of a bench; return its process, address and a key."""
    folder = bench.folder / "console"
    folder.mkdir()
    config = folder / "emoedge.toml"
    config.write_text(
        f'[recording]\ndir = "{bench.recordings}"\n[web]\nbind = "127.0.0.1:0"\n'
        f'[paths]\nstate = "{bench.state}"\nsocket = "{bench.runtime / "daemon.sock"}"\n'
    )
    key = AccessStore(folder).make_key("view")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EMOEDGE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "emoedge", "web", "--config", str(config)],
        env={**kept, "STATE_DIRECTORY": str(folder), "HOME": str(folder)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    found = re.search(r"port (\d+)", process.stderr.readline())
    assert found is not None, "the console does not report its port"
    return process, f"http://127.0.0.1:{found[1]}", key


async def watch(
    bench: Bench, console: subprocess.Popen[str], url: str, key: str, count: int, seconds: float
) -> dict[str, Any]:
    """Run a number of viewers for some seconds."""
    got = [0] * count
    viewers = [asyncio.create_task(view(url, key, number, got)) for number in range(count)]
    await asyncio.sleep(SETTLE_S)
    processes = {"console": psutil.Process(console.pid), "daemon": psutil.Process(bench.pid)}
    before, first, begun_s = (
        {name: one.cpu_times() for name, one in processes.items()},
        list(got),
        time.monotonic(),
    )
    await asyncio.sleep(seconds)
    passed_s = time.monotonic() - begun_s
    row: dict[str, Any] = {"viewers": count}
    for name, one in processes.items():
        after = one.cpu_times()
        used_s = after.user + after.system - before[name].user - before[name].system
        row[f"{name}_cores"] = round(used_s / passed_s, 4)
        row[f"{name}_mb"] = round(one.memory_info().rss / 1e6, 1)
    events = [now - then for now, then in zip(got, first, strict=True)]
    row["events_per_s"] = round(max(events, default=0) / passed_s, 1)
    row["slowest_share"] = round(min(events, default=0) / max(1, *events), 3) if events else None
    for viewer in viewers:
        viewer.cancel()
    await asyncio.gather(*viewers, return_exceptions=True)
    return row


async def view(url: str, key: str, number: int, got: list[int]) -> None:
    """Read events until cancelled, from a separate loopback address."""
    transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{number + 2}")
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx.AsyncClient(transport=transport, headers=headers, timeout=None, trust_env=False) as client,
        client.stream("GET", f"{url}/api/events") as response,
    ):
        response.raise_for_status()
        async for line in response.aiter_lines():
            got[number] += line.startswith("event:")


if __name__ == "__main__":
    main()
