"""Cost of the store by number of segments: housekeeping, a deletion, three recordings, the list.

    python -m benchmarks.store [SEGMENTS…] [--one-day] [--json FILE]

Prints processor times (median of `ROUNDS`) in milliseconds. `list` is the whole command, with and without a
saved index; `console` is the newest page of its list on a repeated request.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from emoedge.bench.machine import describe_machine
from emoedge.record.names import new_segment_id
from emoedge.record.retention import Limits
from emoedge.record.store import Store
from emoedge.web.recordings_api import DEFAULT_ITEMS
from emoedge.web.summaries import Summaries

ROUNDS: Final = 5
DELETED: Final = 10
"""Segments deleted in one pass; the cost of one is its share of the pass, less that of an idle pass."""
SIZES: Final = (100, 1000, 4000, 20_000)
A_DAY: Final = 200
"""Segments per day, unless all are of one day."""
NEWEST: Final = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
NO_LIMITS: Final = Limits(keep_days=36_000, max_bytes=0, min_free_bytes=0)
COLUMNS: Final = (
    "first look",
    "nothing to do",
    "a deletion",
    "a recording",
    "list, first",
    "list",
    "console",
)
DETAILS: Final = {"schema": 1, "clock_synced": True, "duration": 12.0, "config": {"x" * 40: list(range(150))}}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("segments", nargs="*", type=int, default=SIZES)
    parser.add_argument("--one-day", action="store_true", help="all segments in one folder")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    print(f"| segments | {' | '.join(COLUMNS)} |")
    print("|---|" + "---|" * len(COLUMNS))
    for count in arguments.segments:
        with tempfile.TemporaryDirectory() as folder:
            row = measure(Path(folder), count, arguments.one_day)
        print(f"| {count} | " + " | ".join(f"{value:.1f}" for value in row) + " |", flush=True)
        rows.append(
            {"segments": count, "ms": dict(zip(COLUMNS, (round(value, 2) for value in row), strict=True))}
        )
    if arguments.json:
        result = {"schema": 1, "machine": describe_machine(), "rows": rows}
        arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def measure(root: Path, count: int, one_day: bool) -> list[float]:
    """Return milliseconds in the order of `COLUMNS`."""
    recordings = root / "recordings"
    for number in range(count):
        make_segment(recordings, number, one_day)
    list_first_ms = list_ms(root)
    list_again_ms = statistics.median(list_ms(root) for _ in range(ROUNDS))
    (recordings / ".index.json").unlink()
    console_ms = page_ms(recordings)
    (recordings / ".index.json").unlink(missing_ok=True)
    store = Store(recordings)
    first_ms = milliseconds(lambda: sweep(store, NO_LIMITS))
    sweep(store, NO_LIMITS)
    nothing_ms = statistics.median(milliseconds(lambda: sweep(store, NO_LIMITS)) for _ in range(ROUNDS))
    deletions = []
    for _ in range(ROUNDS):
        segments, size = store.usage()
        bound = Limits(36_000, size - DELETED * size // segments, 0)
        took_ms = milliseconds(partial(sweep, store, bound)) - nothing_ms
        deletions.append(took_ms / (segments - store.usage()[0]))
    recorded = [milliseconds(partial(record, store, -1 - number, one_day)) for number in range(ROUNDS)]
    return [
        first_ms,
        nothing_ms,
        statistics.median(deletions),
        statistics.median(recorded),
        list_first_ms,
        list_again_ms,
        console_ms,
    ]


def page_ms(recordings: Path) -> float:
    """Return the processor time of the newest page of the console's list."""
    store, summaries = Store(recordings), Summaries()

    def show() -> None:
        for segment in islice(store.newest_first(), DEFAULT_ITEMS + 1):
            summaries.of(segment)
            segment.details()

    show()
    return statistics.median(milliseconds(show) for _ in range(ROUNDS))


def make_segment(recordings: Path, number: int, one_day: bool, *, make: bool = True) -> Path:
    """Write the files of a segment; a higher number is an older segment."""
    started = NEWEST - timedelta(seconds=30 * number)
    day = NEWEST if one_day or number < 0 else NEWEST - timedelta(days=number // A_DAY)
    folder = recordings / f"{day:%Y-%m-%d}"
    media = folder / f"{new_segment_id(started)}.mp4"
    if make:
        folder.mkdir(parents=True, exist_ok=True)
        media.write_bytes(bytes(100))
        for suffix in (".jsonl", ".vtt", ".jpg"):
            media.with_suffix(suffix).write_bytes(bytes(20))
        details = {**DETAILS, "id": media.stem, "started": started.isoformat()}
        media.with_suffix(".json").write_text(json.dumps(details))
    return media


def record(store: Store, number: int, one_day: bool) -> None:
    """Add a segment as the recorder does, and run housekeeping."""
    media = make_segment(store.root, number, one_day, make=False)
    media.parent.mkdir(parents=True, exist_ok=True)
    with store.changing(media):
        make_segment(store.root, number, one_day)
    sweep(store, NO_LIMITS)


def sweep(store: Store, limits: Limits) -> None:
    """Run housekeeping without recovery."""
    store.enforce(limits, now=NEWEST, clock_synced=True)
    store.usage()


def milliseconds(act: Callable[[], object]) -> float:
    """Return the processor time of a call."""
    begun_s = time.process_time()
    act()
    return 1000 * (time.process_time() - begun_s)


def list_ms(root: Path) -> float:
    """Return the processor time of `emoedge recordings list`."""
    config = root / "emoedge.toml"
    config.write_text(f'[recording]\ndir = "{root / "recordings"}"\n')
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "emoedge", "recordings", "list", "--config", str(config)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime)


if __name__ == "__main__":
    main()
