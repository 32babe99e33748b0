"""Kill a process before each rename and deletion while it finishes or recovers a segment.

    python -m faults.crash_renames

Each time the process ends by SIGKILL, which cannot be handled, and a new process recovers the store. The
segment must then have all its parts, equal to those of a segment that was finished without a crash. Exit code
1 if not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from emoedge.frames import AudioBlock, Frame
from emoedge.outcomes import FusedState
from emoedge.record.finish import ClosedSegment, finish
from emoedge.record.mux import VideoFormat
from emoedge.record.names import ALL_SUFFIXES
from emoedge.record.recover import recover
from emoedge.record.segment import OpenSegment, SegmentPlan
from emoedge.record.store import Store
from emoedge.record.timeline import TimelineEntry

STARTED: Final = datetime(2026, 11, 22, 9, 0, tzinfo=timezone.utc)
SEGMENT_ID: Final = "20261122T090000Z-0123abcd"
SECONDS: Final = 2.0
FPS: Final = 10.0
SIZE: Final = (160, 120)
CALLS: Final = ("replace", "rename", "unlink")
NEVER: Final = -1
RECOVERIES: Final = 4
"""One in this many crashes is followed by a recovery that is killed too."""


def main() -> int:
    """Crash before every call; print the faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--child", nargs=3, metavar=("ACT", "STORE", "CALL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        act, store, call = arguments.child
        return _child(act, Path(store), int(call))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        whole = root / "whole"
        _run("finish", whole, NEVER)
        expected = _parts(whole)
        faults, moments = [], 0
        for number in range(100):
            crashed = root / f"finish{number}"
            if not _run("finish", crashed, number):
                break
            moments += 1
            # In some cases the recovery is killed too, before each of its own calls.
            for again in range(100) if number % RECOVERIES == RECOVERIES - 1 else (NEVER,):
                copy = root / f"recover{number}-{again}"
                shutil.copytree(crashed, copy)
                was_killed = _run("recover", copy, again)
                if was_killed:
                    _run("recover", copy, NEVER)
                moments += was_killed
                faults += [f"{copy.name}: {fault}" for fault in _faults(_parts(copy), expected)]
                if not was_killed:
                    break
    for line in (*faults, f"{moments} crashes, {len(faults)} faults"):
        click.echo(line)
    return 1 if faults or moments < len(ALL_SUFFIXES) else 0


def _run(act: str, store: Path, call: int) -> bool:
    """Run a child process that is killed before a call; return whether it reached the call."""
    command = [sys.executable, "-m", "faults.crash_renames", "--child", act, str(store), str(call)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"{act} ended with {done.returncode}: {done.stderr}")
    return done.returncode != 0


def _child(act: str, store: Path, call: int) -> int:
    closed = _closed(store) if act == "finish" else None
    count = 0

    def killed_before(original: Callable[..., Any]) -> Callable[..., Any]:
        def act_or_die(path: Any, *others: Any, **options: Any) -> Any:
            nonlocal count
            if count == call:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
            return original(path, *others, **options)

        return act_or_die

    for name in CALLS:
        setattr(os, name, killed_before(getattr(os, name)))
    if closed is not None:
        finish(closed)
    else:
        list(recover(Store(store), "es"))
    return 0


def _closed(store: Path) -> ClosedSegment:
    """Write a short segment in its state at the end of recording."""
    media = store / "2026-11-22" / f"{SEGMENT_ID}.mp4"
    media.parent.mkdir(parents=True)
    about = {"reason": "event", "clock_synced": True, "models": {"face": "abc"}}
    plan = SegmentPlan(SEGMENT_ID, media, 0.0, STARTED, 0.0, about)
    segment = OpenSegment(plan, VideoFormat(*SIZE, FPS), sound=True, encoder="libx264", overlay=None)
    width, height = SIZE
    for index in range(round(SECONDS * FPS)):
        at_s = index / FPS
        picture = np.full((height * 3 // 2, width), 16 + 5 * index, dtype=np.uint8)
        segment.write(Frame(at_s, picture, "i420", width, height, index))
        segment.write(AudioBlock(at_s, np.zeros(1600, dtype=np.int16)))
        segment.write(TimelineEntry("state", FusedState(at_s, None, "happiness", 0.8, None)))
    return segment.close("finished", STARTED + timedelta(seconds=SECONDS))


def _parts(store: Path) -> dict[str, bytes]:
    return {path.name.removeprefix(SEGMENT_ID): path.read_bytes() for path in store.glob("*/*")}


def _faults(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Return the faults of a recovered segment."""
    faults = [f"{suffix} is missing" for suffix in sorted(set(expected) - set(found))]
    faults += [f"{suffix} was left behind" for suffix in sorted(set(found) - set(expected))]
    faults += [f"{one} differs" for one in (".vtt", ".jsonl") if found.get(one) != expected[one]]
    details, whole = json.loads(found.get(".json", b"{}")), json.loads(expected[".json"])
    faults += [
        f"{key} is {details.get(key)!r}"
        for key in ("started", "duration", "models", "reason")
        if details.get(key) != whole[key]
    ]
    if details.get("bytes") != len(found.get(".mp4", b"")):
        faults.append("the details belong to another MP4")
    return faults


if __name__ == "__main__":
    sys.exit(main())
