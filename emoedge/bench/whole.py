"""The whole pipeline on a clip, as fast as it goes, against the sum of its bare engines.

Each measurement runs in a process of its own (`python -m emoedge.bench.whole KIND`, a job as JSON on standard
input, the answer as JSON on standard output): memory and context switches are then the pipeline's alone.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from emoedge.bench.measure import keep_to_one_core, processor_s, short
from emoedge.config import Settings
from emoedge.errors import EmoedgeError
from emoedge.model_store import resolve
from emoedge.process import peak_mb
from emoedge.translation import tr

DEMO_SPEECH_MODEL: Final = "vosk-es-demo"
CHILD_LIMIT_S: Final = 3600.0
"""A minute of media, some rounds, on the slowest board under emulation."""


class BenchError(EmoedgeError):
    """A measurement could not be made."""


def with_a_speech_model(settings: Settings) -> Settings:
    """The settings, with the demo's speech model where the configured one is not installed."""
    try:
        resolve(settings.speech.model, settings.paths.models)
    except EmoedgeError:
        speech = settings.speech.model_copy(update={"model": DEMO_SPEECH_MODEL})
        return settings.model_copy(update={"speech": speech})
    return settings


def ask(kind: str, settings: Settings, clip: Path, **more: Any) -> dict[str, Any]:
    """Run one measurement in a process of its own.

    Args:
        kind: a key of `KINDS`.
        settings: for the pipeline.
        clip: what it plays.
        more: further arguments of the measurement.

    Raises:
        BenchError: the process failed; says with what.
    """
    return measured(kind, {"settings": settings.model_dump(mode="json"), "clip": str(clip), "more": more})


def measured(kind: str, job: Mapping[str, Any], folder: Path | None = None) -> dict[str, Any]:
    """Run a job in a process of its own.

    Args:
        kind: a key of `KINDS`.
        job: settings, clip and further arguments.
        folder: the tree whose code runs; this one by default.

    Raises:
        BenchError: the process failed; says with what.
    """
    done = subprocess.run(
        [sys.executable, "-m", "emoedge.bench.whole", kind],
        cwd=folder,
        env=None if folder is None else os.environ | {"PYTHONPATH": str(folder)},
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=CHILD_LIMIT_S,
        check=False,
        preexec_fn=keep_to_one_core,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BenchError(
            tr("the measurement of {kind} failed: {last}", kind=kind, last=last), tr("run: emoedge doctor")
        )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def against_engines(settings: Settings, clip: Path, rounds: int = 3) -> dict[str, Any]:
    """Time the pipeline and each bare engine in turns; counts and bytes come from a watched run."""
    from emoedge.bench.bare import bare_engines
    from emoedge.bench.tally import watching
    from emoedge.pipeline.pipeline import Pipeline

    with watching() as tally:
        for _outcome in Pipeline(settings).replay(clip):
            pass
    engines = bare_engines(tally, clip)
    pipeline = Pipeline(settings)
    frames = frame_count(clip)
    media_s = _play(pipeline, clip)  # also warms the caches
    whole_s: list[float] = []
    bare_s: dict[str, list[float]] = {engine.name: [] for engine in engines}
    inside_s: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for _ in range(rounds):
        whole_s.append(processor_s(lambda: _play(pipeline, clip)))
        for engine in engines:
            bare_s[engine.name].append(processor_s(engine.run))
        taken_s = _inside(settings, clip)
        for name, seconds in inside_s.items():
            seconds.append(taken_s.get(name, 0.0))
    sums = [sum(bare_s[e.name][turn] for e in engines if e.counts) for turn in range(rounds)]
    cpu_s = statistics.median(whole_s)
    return {
        "media_s": short(media_s),
        "frames": frames,
        "rounds": rounds,
        "cpu_s_per_media_s": short(cpu_s / media_s),
        "bare_cpu_s_per_media_s": short(statistics.median(sums) / media_s),
        "ratio": short(statistics.median(w / b for w, b in zip(whole_s, sums, strict=True))),
        "frames_per_s_per_core": short(frames / cpu_s, 1),
        "engines": [
            {
                "engine": engine.name,
                "runs": engine.count,
                "runs_per_media_s": short(engine.count / media_s),
                "cpu_s_per_media_s": short(statistics.median(bare_s[engine.name]) / media_s, 6),
                "inside_cpu_s_per_media_s": short(statistics.median(inside_s[engine.name]) / media_s, 6),
                "in_sum": engine.counts,
            }
            for engine in engines
        ],
        "bytes_written_per_media_s": {k: round(v / media_s) for k, v in sorted(tally.written.items())},
    }


def _inside(settings: Settings, clip: Path) -> dict[str, float]:
    """Seconds by engine inside the pipeline, where the caches hold other data."""
    from emoedge.bench.tally import watching
    from emoedge.pipeline.pipeline import Pipeline

    with watching() as tally:
        _play(Pipeline(settings), clip)
    return tally.inside_s


def resident(settings: Settings, clip: Path) -> dict[str, Any]:
    """Memory and context switches of one pipeline that plays the clip once, nothing else in its process."""
    from emoedge.pipeline.pipeline import Pipeline

    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.process_time()
    media_s = _play(Pipeline(settings), clip)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "peak_mb": peak_mb(),
        "cpu_s_with_loading_per_media_s": short((time.process_time() - begun) / media_s),
        "voluntary_switches_per_media_s": short((after.ru_nvcsw - before.ru_nvcsw) / media_s, 1),
        "involuntary_switches_per_media_s": short((after.ru_nivcsw - before.ru_nivcsw) / media_s, 1),
    }


def faces(settings: Settings, clip: Path, rounds: int = 3) -> dict[str, Any]:
    """The face path alone on every frame of a clip, decoded before: processor time a frame, seconds."""
    from emoedge.capture.media import MediaReader
    from emoedge.pipeline.perception import build_face

    frames = list(MediaReader(clip, audio=False).frames())
    seen = 0
    taken = []
    for _ in range(rounds):
        stage = build_face(settings)
        begun = time.process_time()
        for frame in frames:
            seen += len(stage.process(frame).faces)
        taken.append(time.process_time() - begun)
    return {
        "frames": len(frames),
        "faces_per_frame": short(seen / rounds / len(frames)),
        "cpu_s_per_frame": short(statistics.median(taken) / len(frames), 6),
    }


def _play(pipeline: Any, clip: Path) -> float:
    """Play a clip; its length in seconds."""
    for _outcome in pipeline.replay(clip):
        pass
    return float(pipeline.clock.time_s)


def frame_count(clip: Path) -> int:
    """Pictures in a clip."""
    import av

    with av.open(str(clip)) as container:
        return sum(1 for packet in container.demux(video=0) if packet.size) if container.streams.video else 0


def stages(settings: Settings, clip: Path, repeats: int = 60) -> dict[str, Any]:
    """The rows of `emoedge.bench.stages`."""
    from emoedge.bench.stages import stage_rows

    return {"rows": stage_rows(settings, clip, repeats)}


KINDS: Final = {"stages": stages, "against_engines": against_engines, "resident": resident, "faces": faces}


def main() -> None:
    """Do the job on standard input."""
    job = json.load(sys.stdin)
    settings = Settings.model_validate(job["settings"])
    print(json.dumps(KINDS[sys.argv[1]](settings, Path(job["clip"]), **job["more"])))  # noqa: T201


if __name__ == "__main__":
    main()
