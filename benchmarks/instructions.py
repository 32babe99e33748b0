"""Instruction counts of ten seconds of pipeline: `python -m benchmarks.instructions --json FILE`.

Processor time depends on the machine and its load, while the number of instructions hardly does. Callgrind
counts them on x86-64, where it presents every processor as one with AVX2 and without AVX-512; on 64-bit Arm
they are counted in the userland of `scripts/arm64 DIR` (`--arm64 DIR`, see `benchmarks.emulator`). Only the
measured code is counted. A part is a bare engine that processes the data of the pipeline (see
`emoedge.bench.bare`).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import emulator, valgrind
from emoedge.bench.clips import DEMO_BEGIN_S, looped
from emoedge.bench.machine import describe_machine
from emoedge.bench.measure import short
from emoedge.bench.whole import DEMO_SPEECH_MODEL
from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip
from emoedge.frames import SAMPLE_RATE_HZ

SECONDS: Final = 10.0
PIPELINE: Final = "whole pipeline"
FEATURES: Final = "voice features of 3 s"
TOLERANCE: Final = 0.01
"""Two runs of the same code differ by less than this share."""
LIMIT_S: Final = 3600.0
STEADY: Final = {
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENCV_FOR_THREADS_NUM": "1",
    "OMP_NUM_THREADS": "1",
}
"""Environment variables for reproducible runs."""


class SkippedError(Exception):
    """The count cannot be taken on this machine."""


def measure(*, quick: bool = False) -> dict[str, int]:
    """Count the instructions of each part, or only of the whole pipeline.

    Raises:
        SkippedError: Valgrind is not installed, or the processor is not supported.
    """
    return by_callgrind(["benchmarks.instructions", "--child", *(["--quick"] if quick else [])])


def by_callgrind(module: list[str]) -> dict[str, int]:
    """Run a module with arguments; return the counts by the labels with which it has them dumped.

    Raises:
        SkippedError: Valgrind is not installed, or the processor is not supported.
    """
    program = shutil.which("valgrind")
    if program is None or platform.machine() != "x86_64":
        raise SkippedError("Valgrind on x86-64 is needed")
    if " avx2 " not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        raise SkippedError("the processor has no AVX2")
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        out = Path(folder) / "counts"
        command = [
            *("setarch", "-R", program, "--tool=callgrind", "--instr-atstart=no", "--quiet"),
            f"--callgrind-out-file={out}",
            *(sys.executable, "-m", *module),
        ]
        done = subprocess.run(
            command,
            env=os.environ | STEADY | {"EMOEDGE_CONFIG": os.devnull},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        if done.returncode:
            raise RuntimeError(f"the measurement failed: {done.stderr.strip()[-2000:]}")
        return dict(_count(path) for path in sorted(Path(folder).glob("counts.*")))


def measure_arm64(folder: Path, *, quick: bool = False) -> tuple[dict[str, int], dict[str, str]]:
    """Count on emulated 64-bit Arm; return the counts and the versions there.

    Args:
        folder: of `scripts/arm64`.
        quick: only the whole pipeline.

    Raises:
        SkippedError: qemu-user or a compiler is missing.
    """
    for name in (emulator.PROGRAM, "cc"):
        if shutil.which(name) is None:
            raise SkippedError(f"{name} is needed")
    arguments = ["-m", "benchmarks.instructions", "--child", *(["--quick"] if quick else [])]
    return emulator.counts(folder, arguments, STEADY | {"EMOEDGE_CONFIG": os.devnull}, LIMIT_S)


def _count(path: Path) -> tuple[str, int]:
    text = path.read_text(encoding="utf-8", errors="replace")
    label, total = re.search(r"Client Request: (.*)", text), re.search(r"^totals: (\d+)", text, re.MULTILINE)
    assert label is not None, path
    assert total is not None, path
    return label[1], int(total[1])


def child(*, quick: bool) -> None:
    """Run each part once and count its instructions, after loading and warming up everything."""
    from emoedge.bench.bare import bare_engines
    from emoedge.bench.tally import watching
    from emoedge.capture.media import MediaReader
    from emoedge.pipeline.pipeline import Pipeline
    from emoedge.voice.features import features

    emulator.tell_versions(versions)
    settings = Settings.model_validate({"speech": {"model": DEMO_SPEECH_MODEL}})
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        clip = looped(ensure_demo_clip(), Path(folder) / "clip.mp4", SECONDS, DEMO_BEGIN_S)
        pipeline = Pipeline(settings)

        def play() -> None:
            for _outcome in pipeline.replay(clip):
                pass

        parts: dict[str, Callable[[], Any]] = {PIPELINE: play}
        if not quick:
            with watching() as tally:
                for _outcome in Pipeline(settings).replay(clip):
                    pass
            parts |= {engine.name: engine.run for engine in bare_engines(tally, clip)}
            sound = np.concatenate([block.samples for block in MediaReader(clip, video=False).blocks()])
            parts[FEATURES] = lambda: features(sound[: 3 * SAMPLE_RATE_HZ])
        for name, run in parts.items():
            if name in (PIPELINE, FEATURES):
                run()
            valgrind.request(valgrind.ZERO)
            valgrind.request(valgrind.START)
            emulator.mark()
            run()
            valgrind.request(valgrind.STOP)
            valgrind.request(valgrind.DUMP_AT, name)
            emulator.mark(name)


def versions() -> dict[str, str]:
    """Return the versions of the interpreter and the libraries that affect the counts."""
    machine = describe_machine()
    return {"python": machine["python"], **machine["engines"]}


def result_of(counts: dict[str, int], measured_with: dict[str, str]) -> dict[str, Any]:
    """Return the counts for JSON."""
    return {
        "schema": 1,
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": SECONDS,
        "versions": measured_with,
        "millions": {name: short(count / 1e6, 2) for name, count in counts.items()},
    }


def compare(result: dict[str, Any], known: dict[str, Any]) -> tuple[list[str], bool]:
    """Return a comparison as lines of text, and whether no part costs more than before.

    With other versions of the interpreter or of a library no verdict is given.
    """
    now = result["millions"]
    before = {name: count for name, count in known["millions"].items() if name in now}
    same = result["versions"] == known["versions"]
    lines, holds = [], True
    for name in now:
        if name in before:
            ratio = now[name] / before[name]
            holds &= ratio <= 1 + TOLERANCE
            lines.append(f"{name:40} {before[name]:10.2f} {now[name]:10.2f} {ratio - 1:+8.1%}")
        else:
            lines.append(f"{name:40} {'-':>10} {now[name]:10.2f}")
    if not same:
        lines.append("no verdict: measured with other versions of Python, Valgrind or a library")
    return lines, holds or not same


def main() -> int:
    """Measure, then write the figures, compare them, or both."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--json", type=Path, help="write the figures")
    parser.add_argument(
        "--against", type=Path, help="exit 1 if a part costs over 1 %% more than in this file"
    )
    parser.add_argument(
        "--quick", action="store_true", help="measure only the whole pipeline, in half the time"
    )
    parser.add_argument("--arm64", type=Path, metavar="DIR", help="count there: the folder of scripts/arm64")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(quick=options.quick)
        return 0
    try:
        if options.arm64:
            result = result_of(*measure_arm64(options.arm64, quick=options.quick))
        else:
            counts = measure(quick=options.quick)
            version = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True)
            result = result_of(counts, {"valgrind": version.stdout.strip()} | versions())
    except SkippedError as reason:
        print(f"skipped: {reason}")
        return 0
    known = json.loads(options.against.read_text(encoding="utf-8")) if options.against else result
    lines, holds = compare(result, known)
    print("millions of instructions                     before        now", *lines, sep="\n")
    if not holds:
        print(f"more than before: find the cause, or accept it with --json {options.against}")
    if options.json:
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return int(not holds)


if __name__ == "__main__":
    sys.exit(main())
