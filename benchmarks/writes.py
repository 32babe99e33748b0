"""Writes of the daemon to the card: bytes and syncs, extrapolated to a day.

    python -m benchmarks.writes [--seconds 600] [--json FILE] [CONDITION…]

A real daemon with default settings plays a clip in real time and is observed from outside: `write_bytes` of
`/proc/PID/io` (pages passed to the kernel for a block device), the syncs that strace reports, and by how much
the recordings have grown.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip
from emoedge.process import PROC
from faults.bench import Bench
from faults.surroundings import Skipped, program, until

DAY_S: Final = 86_400.0
SETTLE_S: Final = 20.0
"""Seconds after the first health message, for the first writes of models, databases and controls."""
WINDOW_S: Final = 600.0
"""Seconds for two batches: quiet minutes are written five at a time."""
STILL_S: Final = 60
CONDITIONS: Final = {
    "quiet": "an empty room, recording off",
    "off": "a person in view, recording off",
    "events": "a person in view, recording of events",
    "continuous": "a person in view, continuous recording",
    "broker_away": "a person in view, recording off, broker away",
}
_SYNC: Final = re.compile(r"\b(fsync|fdatasync)\(\d+<([^>]*)>")


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("conditions", nargs="*", default=list(CONDITIONS), metavar="CONDITION")
    parser.add_argument("--seconds", type=float, default=WINDOW_S)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = measure_writes(options.conditions, options.seconds)
    for name, figures in found.items():
        print(f"{CONDITIONS[name]}: {figures}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measure_writes(
    conditions: Iterable[str] = CONDITIONS,
    window_s: float = WINDOW_S,
    say: Callable[[str], None] = lambda _what: None,
) -> dict[str, dict[str, Any]]:
    """Return the figures by condition, all measured at the same time; see `measure`."""
    names = list(conditions)
    say(f"writes, {window_s:.0f} s")
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(partial(measure, window_s=window_s), names), strict=True))


def measure(condition: str, window_s: float) -> dict[str, Any]:
    """Return megabytes and syncs per day under one condition.

    Raises:
        Skipped: strace is not installed, or the folder of temporary files is not on a disk.
    """
    program("strace", "strace")
    with (
        tempfile.TemporaryDirectory(prefix="emoedge-writes-", dir="/var/tmp") as folder,
        Bench(Path(folder)) as bench,
    ):
        clip = _still(Path(folder) / "still.mp4") if condition == "quiet" else ensure_demo_clip()
        defaults = Settings().publish
        bench.start_broker()
        bench.start(
            camera__source=f"file:{clip}",
            microphone__source=f"file:{clip}",
            recording__mode=condition if condition in {"events", "continuous"} else "off",
            publish__interval=defaults.interval,
            publish__health_interval=defaults.health_interval,
        )
        until(lambda: bench.last("health"), "health is published")
        time.sleep(SETTLE_S)
        if condition == "broker_away":
            bench.kill_broker()
        trace = Path(folder) / "strace"
        watching = bench.spawn(
            "strace", "-f", "-y", "-q", "-e", "trace=fsync,fdatasync", "-o", str(trace), "-p", str(bench.pid)
        )
        before, kept, begun_s = _written(bench.pid), _kept(bench.recordings), time.monotonic()
        time.sleep(window_s)
        written, took_s = _written(bench.pid) - before, time.monotonic() - begun_s
        kept = _kept(bench.recordings) - kept
        bench.check_alive()
        watching.terminate()
        watching.wait(60)
        syncs = Counter(_subject(path) for _call, path in _SYNC.findall(trace.read_text(encoding="utf-8")))
    if condition == "continuous" and not written:
        raise Skipped("the kernel does not count writes to the folder of temporary files")
    a_day = DAY_S / took_s
    return {
        "window_s": round(took_s, 1),
        "mb_a_day": round(written * a_day / 1e6, 1),
        "kept_mb_a_day": round(kept * a_day / 1e6, 1),
        "syncs_a_day": round(sum(syncs.values()) * a_day),
        "syncs": dict(syncs.most_common(8)),
    }


def _written(pid: int) -> int:
    fields = dict(line.split(": ") for line in (PROC / str(pid) / "io").read_text("ascii").splitlines())
    return int(fields["write_bytes"])


def _kept(folder: Path) -> int:
    """Return the size of the recordings, the open segment included."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _subject(path: str) -> str:
    """Return the name of a file, shortened to its suffix for segments."""
    path = path.removesuffix(" (deleted)")
    return (
        f"*{Path(path).suffix}" if re.match(r"\d{8}T\d{6}", Path(path).name.lstrip(".")) else Path(path).name
    )


def _still(path: Path) -> Path:
    """Write a clip of an empty room: only the noise of a camera and a microphone."""
    picture = f"color=gray:s=640x480:r=15:d={STILL_S},noise=alls=5:allf=t"
    sound = f"anoisesrc=r=16000:a=0.001:d={STILL_S}"
    subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            picture,
            "-f",
            "lavfi",
            "-i",
            sound,
            "-pix_fmt",
            "yuv420p",
            str(path),
        ],
        check=True,
    )
    return path


if __name__ == "__main__":
    main()
