"""Cost of the console: first paint and bytes of its pages, an idle page, five viewers, memory.

    python -m benchmarks.console [--rounds 3] [--seconds 20] [--json FILE]

Needs Chromium. A real daemon plays the demo clip, and a real console serves it. Paint is wall time from the
browser's own tracing, with the processor time of browser and console up to that moment. Everything else is
processor time. Conditions take turns, so that other load affects all of them equally.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from emoedge.demo.clip import ensure_demo_clip
from emoedge.web.app import PAGES
from tests.report.browser import Browser
from tests.web.conftest import Console, start_console, stop
from tests.web.test_live import end, start_daemon, until

VIEWERS: Final = 5
WAIT_S: Final = 600.0
"""Longest wait for the daemon and for a page on a busy machine, in seconds."""
NAMES: Final = {"": "now"}
"""Names of pages that differ from their addresses."""


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        console = start_console(folder, _configuration(folder))
        stack.callback(stop, console)
        daemon = start_daemon(console)
        stack.callback(end, daemon)
        with console.client(console.key) as client:
            until(lambda: client.get("/api/state").json()["emotion"] is not None, WAIT_S)
            assert client.post("/api/setup").status_code < 500  # the normal pages, not the first steps
        result = {
            "load_1_min": round(os.getloadavg()[0], 1),
            "cores": os.cpu_count(),
            "viewers": _viewers(console, daemon.pid, options.rounds, options.seconds),
        }
        browser = Browser(folder / "profile", loopback=True)
        stack.callback(browser.close)
        result["pages"] = _pages(browser, console, options.rounds)
        result["page"] = _page(browser, console, options.rounds, options.seconds)
        result["memory_mb"] = _memory_mb(console.process.pid)
    print(json.dumps(result, indent=1))
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _configuration(folder: Path) -> str:
    """Return the keys of `[web]`; the devices are in the file that `start_console` finds."""
    clip = ensure_demo_clip()
    (folder / "emoedge.toml").write_text(
        f'device_id = "bench"\n[camera]\nsource = "file:{clip}"\n[microphone]\nsource = "file:{clip}"\n'
        "[speech]\nenabled = false\n[mqtt]\nenabled = false\n"
        f'[recording]\nmode = "manual"\ndir = "{folder / "recordings"}"\n'
        f'[paths]\nstate = "{folder / "daemon"}"\n[web]\nbind = "127.0.0.1:0"\n'
    )
    return ""


def _processor_s(*processes: int) -> float:
    """Return the processor time used by processes, in seconds."""
    found = 0.0
    for pid in processes:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        found += times.user + times.system
    return found


def _viewers(console: Console, daemon: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Return the processor time of daemon and console without and with viewers, in cores."""
    rows: dict[int, list[float]] = {0: [], VIEWERS: []}
    events = []
    for turn in range(rounds):
        for count in (0, VIEWERS) if turn % 2 else (VIEWERS, 0):
            with _reading(console, count) as received:
                before, begun_s, had = (
                    _processor_s(daemon, console.process.pid),
                    time.monotonic(),
                    len(received),
                )
                time.sleep(seconds)
                took_s = time.monotonic() - begun_s
                rows[count].append((_processor_s(daemon, console.process.pid) - before) / took_s)
                if count:
                    events.append((len(received) - had) / took_s / count)
    added = [many - none for many, none in zip(rows[VIEWERS], rows[0], strict=True)]
    return {
        "viewers": VIEWERS,
        "cores_without": [round(one, 4) for one in rows[0]],
        "cores_with": [round(one, 4) for one in rows[VIEWERS]],
        "cores_added_median": round(statistics.median(added), 4),
        "events_a_second_each": round(statistics.median(events), 1),
    }


@contextmanager
def _reading(console: Console, count: int) -> Iterator[list[float]]:
    """Read the events as this many browsers would; yield the times of arrival."""
    received: list[float] = []
    over = threading.Event()

    def read() -> None:
        with console.client(console.key) as client, client.stream("GET", "/api/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("event:"):
                    received.append(time.monotonic())
                if over.is_set():
                    return

    threads = [threading.Thread(target=read, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    until(lambda: len(received) >= 2 * count, WAIT_S)
    try:
        yield received
    finally:
        over.set()
        for thread in threads:
            thread.join(60)


def _open(browser: Browser, console: Console, page: str) -> None:
    time.sleep(1)  # the limit is 20 requests a second per address
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=f"{console.url}/{page}#key={console.key}")
    browser.wait(f"document.documentElement?.dataset.ready === {json.dumps(NAMES.get(page, page))}", WAIT_S)


def _pages(browser: Browser, console: Console, rounds: int) -> dict[str, Any]:
    """Return first paint and bytes of each page, from an empty cache."""
    browser.call("Network.setCacheDisabled", cacheDisabled=True)
    found = {}
    for address in sorted(PAGES):
        page = address.removeprefix("/")
        paints, spent = [], []
        for _ in range(rounds):
            before = _times(_browsers(), console.process.pid)
            _open(browser, console, page)
            after = _times(_browsers(), console.process.pid)
            spent.append(1000 * sum(max(0.0, after[pid] - before.get(pid, 0.0)) for pid in after))
            browser.wait("performance.getEntriesByName('first-contentful-paint').length === 1", WAIT_S)
            paints.append(
                browser.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            )
        size = browser.evaluate(
            "[...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]"
            ".filter((one) => !/picture|thumbnail|video|events/.test(one.name))"
            ".reduce((sum, one) => sum + one.transferSize, 0)"
        )
        found[address] = {
            "first_paint_ms": round(statistics.median(paints)),
            "processor_ms": round(statistics.median(spent)),
            "bytes": size,
        }
    return found


def _browsers(kind: str = "") -> list[int]:
    """Return the browser's processes; those of a kind alone: "renderer" draws pages."""
    wanted = f"--type={kind}" if kind else ""
    children = psutil.Process().children(recursive=True)
    return [child.pid for child in children if wanted in _command(child) and "chrom" in _command(child)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def _times(pids: list[int], *more: int) -> dict[int, float]:
    return {pid: _processor_s(pid) for pid in (*pids, *more)}


def _page(browser: Browser, console: Console, rounds: int, seconds: float) -> dict[str, Any]:
    """Return the cores that the first page takes: under privacy, when nothing happens, and live."""
    rows: dict[str, list[float]] = {"idle": [], "live": []}
    with console.client(console.key) as client:
        for turn in range(rounds):
            for condition in ("idle", "live") if turn % 2 else ("live", "idle"):
                privacy = "ON" if condition == "idle" else "OFF"
                assert client.put("/api/controls/privacy", json={"value": privacy}).status_code == 200
                _open(browser, console, "")
                time.sleep(5)  # let the page finish drawing
                before, begun_s = _processor_s(*_browsers("renderer")), time.monotonic()
                time.sleep(seconds)
                rows[condition].append(
                    (_processor_s(*_browsers("renderer")) - before) / (time.monotonic() - begun_s)
                )
    return {f"{name}_cores": [round(one, 4) for one in values] for name, values in rows.items()}


def _memory_mb(pid: int) -> dict[str, float]:
    """Return the resident and proportional memory of the console after these measurements."""
    full = psutil.Process(pid).memory_full_info()
    return {"rss": round(full.rss / 1e6, 1), "pss": round(full.pss / 1e6, 1), "own": round(full.uss / 1e6, 1)}


if __name__ == "__main__":
    main()
