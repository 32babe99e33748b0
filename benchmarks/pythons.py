"""The pipeline on several versions of CPython, in turn.

`python -m benchmarks.pythons PYTHON … --json FILE`: each PYTHON is an interpreter with the dependencies of
emoedge in the same versions; it runs the code of this folder.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from emoedge.bench.clips import DEMO_BEGIN_S, looped
from emoedge.bench.machine import describe_machine
from emoedge.bench.measure import keep_to_one_core, processor_s, short
from emoedge.bench.whole import DEMO_SPEECH_MODEL
from emoedge.cli import ENVIRONMENT
from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip

ROOT: Final = Path(__file__).resolve().parent.parent
SECONDS: Final = 10.0
"""Length of the clip."""
REPEATS: Final = 2
"""Runs of which the better counts, after one that warms the caches."""


def child(clip: str) -> None:
    """Print the version of this interpreter and the processor time of a second of media, ms, as JSON."""
    from emoedge.pipeline.pipeline import Pipeline

    keep_to_one_core()
    pipeline = Pipeline(Settings.model_validate({"speech": {"model": DEMO_SPEECH_MODEL}}))

    def play() -> None:
        for _outcome in pipeline.replay(clip):
            pass

    taken_s = [processor_s(play) for _ in range(REPEATS + 1)]
    ms = min(taken_s[1:]) / pipeline.clock.time_s * 1000
    print(json.dumps({"python": sys.version.split()[0], "ms": short(ms, 2)}))


def measure(programs: list[str], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of processor time a second of media by version, all interpreters in turn."""
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        clip = looped(ensure_demo_clip(), Path(folder) / "clip.mp4", SECONDS, DEMO_BEGIN_S)
        for _ in range(rounds):
            for program in programs:
                command = [program, "-c", f"from benchmarks.pythons import child; child({str(clip)!r})"]
                environment = os.environ | ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
                done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
                answer: dict[str, Any] = json.loads(done.stdout)
                taken.setdefault(answer["python"], []).append(answer["ms"])
    return taken


def main() -> int:
    """Measure; print, and write with --json."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pythons")
    parser.add_argument("pythons", nargs="+", help="interpreters; the others are compared with the first")
    parser.add_argument("--rounds", type=int, default=7, help="rounds (7)")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    taken = measure(options.pythons, options.rounds)
    first = next(iter(taken.values()))
    rows = [
        {
            "python": version,
            "ms_per_media_s": taken_ms,
            "median_ms": short(median(taken_ms), 1),
            "ratio": short(median(own / base for own, base in zip(taken_ms, first, strict=True)), 3),
        }
        for version, taken_ms in taken.items()
    ]
    machine = describe_machine()
    result = {
        "schema": 1,
        "machine": {k: machine[k] for k in ("processor", "cores", "load_1_min")},
        "rows": rows,
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
