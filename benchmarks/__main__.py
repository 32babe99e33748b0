"""`python -m benchmarks`: run `emoedge bench`, the peers and the budgets. Called by scripts/bench."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.budgets import as_table, judge
from benchmarks.live import live
from benchmarks.peers import measure_peers
from benchmarks.reference import measure_reference
from benchmarks.writes import measure_writes
from emoedge.bench import PARTS, Plan, run_bench, table
from emoedge.bench.clips import DEMO_BEGIN_S, looped
from emoedge.bench.whole import DEMO_SPEECH_MODEL, ask, with_a_speech_model
from emoedge.cli import ENVIRONMENT
from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip
from faults.surroundings import Skipped, Unmet

ROOT = Path(__file__).resolve().parent.parent
PEER_S = 20.0
"""Seconds of the clip for the peers, whose frames are kept in memory."""


def main() -> int:
    """Measure, print and write; return 0 even for a broken budget, unless --strict."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--clip", type=Path, help="video with faces and speech; the demo clip by default")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="loop the clip for this many seconds (60)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of the whole pipeline (3)")
    parser.add_argument("--yunet", type=Path, help="face_detection_yunet_2023mar.onnx of opencv_zoo")
    parser.add_argument(
        "--recogniser",
        type=Path,
        help="folder of a full-size Vosk model, for one more run of the pipeline",
    )
    parser.add_argument("--no-fer", action="store_true", help="skip fer, which installs TensorFlow")
    parts = (*PARTS, "reference", "live", "recording", "writes", "peers", "recogniser")
    parser.add_argument("--without", nargs="+", choices=parts, default=[], help="parts to skip")
    parser.add_argument(
        "--from", dest="earlier", type=Path, help="use these earlier figures instead of measuring all parts"
    )
    parser.add_argument(
        "--again", nargs="+", choices=parts, default=[], help="parts to measure again with --from"
    )
    parser.add_argument(
        "--json", type=Path, default=ROOT / "build" / "bench.json", help="file for the figures"
    )
    parser.add_argument(
        "--strict", action="store_true", help="exit 1 when a budget is broken that is not a known miss"
    )
    options = parser.parse_args()

    wanted = [name for name in parts if name not in options.without]
    if options.earlier:
        result = json.loads(options.earlier.read_text(encoding="utf-8"))
        wanted = options.again
    else:
        result = {}
    if wanted:
        new = measure(options, tuple(wanted))
        kept = {name: value for name, value in result.items() if name in parts and name not in wanted}
        old_skips = {k: v for k, v in result.get("skipped", {}).items() if k not in wanted}
        new["skipped"] = old_skips | {k: v for k, v in new["skipped"].items() if k not in kept}
        result = new | kept
    verdicts = judge(result)
    result["budgets"] = [verdict.to_json() for verdict in verdicts]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(table(result))
    for name, peer in result["peers"].items():
        print(f"peers.{name:46} {peer}")
    if result.get("recogniser"):
        large = result["recogniser"]
        print(
            f"with {large['speech_model']}: ratio {large['pipeline']['ratio']}, {large['memory']['peak_mb']} MB"  # noqa: E501
        )
    print(f"\n{as_table(verdicts)}\n\nfigures: {options.json}")
    return int(options.strict and any(verdict.is_broken for verdict in verdicts))


def measure(options: argparse.Namespace, wanted: tuple[str, ...]) -> dict[str, Any]:
    """Return the selected parts."""

    def say(what: str) -> None:
        print(f"measuring: {what}", file=sys.stderr)

    settings = with_a_speech_model(Settings())
    plan = Plan(clip=options.clip, seconds=options.seconds, rounds=options.rounds, parts=wanted)
    result = run_bench(settings, plan, say)
    made: dict[str, Callable[[], Any]] = {
        "reference": lambda: run_reference(options),
        "live": lambda: run_live(settings, options),
        "recording": run_recording,
        "writes": lambda: measure_writes(say=say),
    }
    if options.recogniser:
        made["recogniser"] = lambda: full_size(settings, options)
    result["recogniser"] = None
    for name, make in made.items():
        result[name] = None
        if name in wanted:
            say(name)
            try:
                result[name] = make()
            except (Skipped, Unmet) as error:
                result["skipped"][name] = str(error)
    result["peers"] = {}
    if "peers" not in wanted:
        return result
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        source = options.clip or ensure_demo_clip()
        begin_s = 0.0 if options.clip else DEMO_BEGIN_S
        clip = looped(source, Path(folder) / "peers.mp4", min(PEER_S, options.seconds), begin_s)
        build = ROOT / "build"
        build.mkdir(exist_ok=True)
        peers, skipped = measure_peers(settings, clip, build, options.yunet, fer=not options.no_fer, say=say)
    result["peers"] = peers
    result["skipped"].update(skipped)
    return result


def run_reference(options: argparse.Namespace) -> dict[str, Any]:
    """Measure the engines of an earlier version on the looped clip, with the demo's recogniser."""
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        begin_s = 0.0 if options.clip else DEMO_BEGIN_S
        clip = looped(options.clip or ensure_demo_clip(), Path(folder) / "clip.mp4", options.seconds, begin_s)
        return measure_reference(clip, DEMO_SPEECH_MODEL, options.rounds)


def run_live(settings: Settings, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the daemon in its own process, on the looped clip."""
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        begin_s = 0.0 if options.clip else DEMO_BEGIN_S
        clip = looped(options.clip or ensure_demo_clip(), Path(folder) / "clip.mp4", options.seconds, begin_s)
        return live(settings, clip, window_s=min(PEER_S, options.seconds))


def run_recording() -> dict[str, Any]:
    """Measure the parts of recording in a process that keeps to one core."""
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        figures = Path(folder) / "recording.json"
        command = [sys.executable, "-m", "benchmarks.recording", "--json", str(figures)]
        done = subprocess.run(command, env=ENVIRONMENT | os.environ, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise Skipped(f"python -m benchmarks.recording ended with {done.returncode}")
        found: dict[str, Any] = json.loads(figures.read_text(encoding="utf-8"))
    return found


def full_size(settings: Settings, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the pipeline against its engines on a shorter clip, with a full-size recogniser."""
    speech = settings.speech.model_copy(update={"model": str(options.recogniser.resolve())})
    settings = settings.model_copy(update={"speech": speech})
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        source = options.clip or ensure_demo_clip()
        begin_s = 0.0 if options.clip else DEMO_BEGIN_S
        clip = looped(source, Path(folder) / "clip.mp4", min(PEER_S, options.seconds), begin_s)
        pipeline = ask("against_engines", settings, clip, rounds=options.rounds)
        memory = ask("resident", settings, clip)
    return {"speech_model": options.recogniser.name, "pipeline": pipeline, "memory": memory}


if __name__ == "__main__":
    sys.exit(main())
