"""All measurements of `emoedge bench`, as one JSON-ready result."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from emoedge.bench.clips import DEMO_BEGIN_S, looped
from emoedge.bench.machine import describe_machine
from emoedge.bench.measure import short
from emoedge.bench.whole import BenchError, ask, with_a_speech_model
from emoedge.capture.media import probe
from emoedge.config import Settings
from emoedge.errors import EmoedgeError
from emoedge.files import sha256_of
from emoedge.model_store import resolve
from emoedge.model_store.manifest import SHIPPED
from emoedge.translation import tr

SCHEMA: Final = 1
"""Counts incompatible changes of the result; a new field is not one."""

PARTS: Final = ("stages", "pipeline", "memory", "start")


@dataclass(frozen=True, slots=True)
class Plan:
    """Selection of the measurements.

    Attributes:
        clip: video with faces and speech; the demo's where None.
        seconds: the clip is repeated up to this length.
        repeats: of each small measurement.
        rounds: of the whole pipeline.
        starts: of each command, of which the best counts.
        parts: which measurements are made, of `PARTS`.
    """

    clip: Path | None = None
    seconds: float = 60.0
    repeats: int = 60
    rounds: int = 3
    starts: int = 5
    parts: tuple[str, ...] = PARTS


def run_bench(
    settings: Settings, plan: Plan | None = None, say: Callable[[str], None] = lambda _text: None
) -> dict[str, Any]:
    """Measure.

    Args:
        settings: the models are used; the demo's speech model stands in where the configured one is missing.
        plan: what is measured.
        say: told what is being measured.

    Returns:
        JSON-ready: `schema`, `machine`, `clip`, `models`, `stages`, `pipeline`, `memory`, `start`, and
        `skipped` with the reason for each part that could not be measured.

    Raises:
        MediaError, ModelError: clip or models are not available.
    """
    from emoedge.demo.clip import ensure_demo_clip

    plan = plan or Plan()
    settings = with_a_speech_model(settings)
    source = plan.clip or ensure_demo_clip()
    begin_s = 0.0 if plan.clip else DEMO_BEGIN_S
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        clip = looped(source, Path(folder) / "clip.mp4", plan.seconds, begin_s)

        def part(name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
            if name not in plan.parts:
                skipped[name] = "not asked for"
                return None
            say(name)
            try:
                return measure()
            except (BenchError, subprocess.TimeoutExpired) as error:
                skipped[name] = str(error)
                return None

        stages = part("stages", lambda: ask("stages", settings, clip, repeats=plan.repeats))
        pipeline = part("pipeline", lambda: ask("against_engines", settings, clip, rounds=plan.rounds))
        memory = part("memory", lambda: _memory(settings, clip))
        start = part("start", lambda: _start(plan.starts))
        return {
            "schema": SCHEMA,
            "made": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "machine": describe_machine(),
            "clip": _describe_clip(clip, source.name if plan.clip else "demo"),
            "models": _models(settings),
            "stages": stages["rows"] if stages else [],
            "pipeline": pipeline,
            "memory": memory,
            "start": start,
            "skipped": skipped,
        }


def _memory(settings: Settings, clip: Path) -> dict[str, Any]:
    """Peak with and without speech recognition, each in a process of its own."""
    silent = settings.model_copy(update={"speech": settings.speech.model_copy(update={"enabled": False})})
    everything, without = ask("resident", settings, clip), ask("resident", silent, clip)
    return {
        **everything,
        "peak_mb_without_speech": without["peak_mb"],
        "peak_mb_of_speech": short(everything["peak_mb"] - without["peak_mb"], 1),
    }


def _start(count: int) -> dict[str, Any]:
    """From the shell: best of some runs, wall time and processor time in seconds."""
    commands = {"help": ["--help"], "first_sentence": ["classify", "text", "hola"]}
    figures: dict[str, Any] = {}
    for name, arguments in commands.items():
        runs = [_started(arguments) for _ in range(count)]
        figures[f"{name}_s"] = short(min(wall_s for wall_s, _cpu_s in runs), 3)
        figures[f"{name}_cpu_s"] = short(min(cpu_s for _wall_s, cpu_s in runs), 3)
    return figures


def _started(arguments: list[str]) -> tuple[float, float]:
    """Wall time and processor time of one command."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "emoedge", *arguments], capture_output=True, text=True, check=False
    )
    wall_s, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise BenchError(
            tr(
                "emoedge {arguments} failed: {stderr}",
                arguments=" ".join(arguments),
                stderr=done.stderr.strip()[-200:],
            )
        )
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _describe_clip(clip: Path, name: str) -> dict[str, Any]:
    info = probe(clip)
    return {
        "name": name,
        "seconds": short(info.duration_s or 0.0, 2),
        "width": info.width,
        "height": info.height,
        "fps": short(info.frame_rate_hz, 2),
        "sample_rate_hz": info.sample_rate_hz,
    }


def _models(settings: Settings) -> dict[str, str]:
    """Name of the speech model, and the first digits of the digest of the others."""
    found = {"speech": settings.speech.model}
    for name in SHIPPED:
        try:
            path = resolve(name, settings.paths.models)
        except EmoedgeError:
            continue
        found[name] = sha256_of(path)[:12]
    return found
