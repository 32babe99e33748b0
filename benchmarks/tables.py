"""Measure everything again and write docs/performance.md: `python -m benchmarks.tables [OPTION…]`.

The options are those of scripts/bench. For a quiet machine. What hardly depends on other load runs beside
the ten minutes of `benchmarks.writes`; the rest comes after it, alone. A step that fails leaves the figures
from before. Tables that need other packages, data sets, interpreters or an emulator are not measured here:
`peers.json`, `pythons.json`, `arm64.json`, and the tables of mouth motion and of the local socket.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from emoedge.bench import PARTS
from emoedge.cli import ENVIRONMENT

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT / "docs" / "data"
BENCH: Final = str(DATA / "bench.json")

BESIDE_WRITES: Final = (
    (("instructions", ()), ("store", ()), ("history", ())),
    (
        ("memory", ()),
        ("viewers", ("--seconds", "20")),
        ("broker", ("--devices", "10", "100", "300", "1000", "--seconds", "30")),
        ("console", ("--rounds", "2")),
    ),
)
"""Two lanes of modules with their arguments; each writes the file of its name."""
ALONE: Final = (("scaling", ()), ("decoding", ()))


def main() -> int:
    """Run all steps; return 1 if one failed or a budget is broken."""
    update = ("benchmarks", "--from", BENCH, "--json", BENCH, "--again")
    rest = [
        *PARTS,
        "reference",
        "live",
        "recording",
        "peers",
        *(["recogniser"] if "--recogniser" in sys.argv else []),
    ]
    with ThreadPoolExecutor(len(BESIDE_WRITES)) as beside:
        lanes = [beside.submit(in_turn, lane) for lane in BESIDE_WRITES]
        codes = [run(*update, "writes")]
        codes += [code for lane in lanes for code in lane.result()]
    codes += in_turn(ALONE)
    codes.append(run(*update, *rest, "--strict", *sys.argv[1:]))
    codes += [run("benchmarks.page"), run("benchmarks.plots")]
    return int(any(codes))


def in_turn(steps: Sequence[tuple[str, Sequence[str]]]) -> list[int]:
    """Run some modules one after the other; return their exit statuses."""
    return [
        run(f"benchmarks.{name}", *arguments, "--json", str(DATA / f"{name}.json"))
        for name, arguments in steps
    ]


def run(module: str, *arguments: str) -> int:
    """Run a module of this folder, say how long it took, and return its exit status."""
    begun_s = time.monotonic()
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT | os.environ, check=False)
    print(f"{module}: exit {done.returncode} after {time.monotonic() - begun_s:.0f} s", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
