"""`emoedge run` as it is, looked at from outside: start-up, latencies, memory, context switches, rest.

The daemon plays a clip in real time on the test bench of `faults`: a process of its own, a real Mosquitto, a
listener.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final

from emoedge.bench.measure import short
from emoedge.config import Settings
from emoedge.latency import SHARES, quantiles_ms
from emoedge.process import PROC, Usage, peak_mb, resident_mb, thread_count
from faults.bench import BASE, START_S, Bench
from faults.surroundings import Heard, until

FACE_HZ: Final = 30.0
"""Every picture that is looked at is published, which is ten a second; a limit of ten would leave out those
that come early."""
SETTLE_S: Final = 5.0
"""After the first result: models of the other modalities are loaded, pages are touched."""
PRIVACY_SETTLE_S: Final = 3.0
RECORDING_ROUNDS: Final = 7
"""The difference of two loads of a tenth of a core varies from one pair to the next."""


def live(settings: Settings, clip: Path, window_s: float = 20.0, rest_s: float = 15.0) -> dict[str, Any]:
    """Run the daemon twice: everything on, then at rest; without speech recognition, recording in between.

    Args:
        settings: folder and name of the models are taken from it; all else is default.
        clip: played in real time, round and round.
        window_s: how long each run is looked at; best the length of the clip.
        rest_s: how long it is looked at with privacy on.

    Raises:
        Unmet: the daemon does not start.
        Skipped: no broker.
    """
    everything = _run(settings, clip, window_s, rest_s=rest_s)
    without = _run(settings, clip, window_s, record=True, speech__enabled="false")
    starts = (everything, without)
    return {
        **everything,
        # The better of two: what else the machine does can only make a start slower.
        "first_face_s": min(one["first_face_s"] for one in starts),
        "first_face_cpu_s": min(one["first_face_cpu_s"] for one in starts),
        "window_s": window_s,
        "peak_mb_without_speech": without["peak_mb"],
        "peak_mb_of_speech": short(everything["peak_mb"] - without["peak_mb"], 1),
        "cpu_cores_without_speech": without["cpu_cores"],
        "cpu_cores_of_recording": without["cpu_cores_of_recording"],
        "peak_mb_with_recording_without_speech": without["peak_mb_with_recording"],
    }


@contextmanager
def observed() -> Iterator[Bench]:
    """A test bench in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder, Bench(Path(folder)) as bench:
        yield bench


def start(bench: Bench, settings: Settings, clip: Path, **changed: object) -> None:
    """Start the daemon as a user would have it, with a clip instead of the devices."""
    ordinary = {
        "camera__source": f"file:{clip}",
        "microphone__source": f"file:{clip}",
        "publish__face_hz": FACE_HZ,
        "publish__interval": settings.publish.interval,
        "publish__health_interval": settings.publish.health_interval,
        "recording__mode": "off",
        "paths__models": settings.paths.models,
        "speech__model": settings.speech.model,
    }
    bench.start(**(ordinary | changed))


def first_face(bench: Bench) -> Heard:
    """Wait for the first message with a face."""

    def found() -> list[Heard]:
        bench.check_alive()
        return [one for one in bench.listener.on(f"{BASE}/face") if _json(one)["faces"]][:1]

    until(found, "a face is published", START_S)
    return found()[0]


def _run(
    settings: Settings,
    clip: Path,
    window_s: float,
    *,
    rest_s: float = 0.0,
    record: bool = False,
    **changed: object,
) -> dict[str, Any]:
    with observed() as bench:
        bench.start_broker()
        begun_s = time.monotonic()
        start(bench, settings, clip, **changed)
        found = first_face(bench)
        process = PROC / str(bench.pid)
        starting = Usage.read(process)
        time.sleep(SETTLE_S)
        used, times = _window(process, window_s)
        result: dict[str, Any] = {
            "first_face_s": short(found.at_s - begun_s, 3),
            "first_face_cpu_s": short(starting.cpu_s, 3),
            "cpu_cores": short(used.cpu_s / (times[1] - times[0])),
            "peak_mb": peak_mb(process),
            "resident_mb": resident_mb(process),
            "threads": thread_count(process),
            "voluntary_switches_per_s": short(used.voluntary / window_s, 1),
            "involuntary_switches_per_s": short(used.involuntary / window_s, 1),
        }
        result |= _delays("capture_to_publish", bench.listener.on(f"{BASE}/face"), times, "time")
        result |= _delays("end_of_speech_to_text", bench.listener.on(f"{BASE}/text"), times, "end")
        if record:
            result |= _recording(bench, process, window_s, result["cpu_cores"])
        if rest_s:
            bench.command("privacy", "ON")
            until(lambda: bench.control("privacy") == "ON", "privacy is on")
            time.sleep(PRIVACY_SETTLE_S)
            idle, times = _window(process, rest_s)
            result["privacy_cpu_cores"] = short(idle.cpu_s / (times[1] - times[0]), 5)
            result["privacy_switches_per_s"] = short(idle.voluntary / rest_s, 1)
        return result


def _window(process: Path, seconds: float) -> tuple[Usage, tuple[float, float]]:
    """What a process uses in a stretch of time, and from when to when that was."""
    before, begun_s = Usage.read(process), time.monotonic()
    time.sleep(seconds)
    return Usage.read(process).since(before), (begun_s, time.monotonic())


def _has_mode(bench: Bench, mode: str) -> bool:
    return bench.control("recording_mode") == mode


def _recording(bench: Bench, process: Path, window_s: float, before_cores: float) -> dict[str, Any]:
    """Measure what continuous recording adds to the mean of the windows beside it: the median of rounds."""
    without: list[float] = [before_cores]
    recording: list[float] = []
    for _ in range(RECORDING_ROUNDS):
        for mode, cores in (("continuous", recording), ("off", without)):
            bench.command("recording_mode", mode)
            until(partial(_has_mode, bench, mode), f"recording is {mode}")
            time.sleep(SETTLE_S)
            used, times = _window(process, window_s)
            cores.append(used.cpu_s / (times[1] - times[0]))
    added = [
        on - (before + after) / 2 for on, before, after in zip(recording, without, without[1:], strict=False)
    ]
    return {
        "cpu_cores_of_recording": short(statistics.median(added)),
        "cpu_cores_of_recording_rounds": [short(cores) for cores in added],
        "peak_mb_with_recording": peak_mb(process),
    }


def _json(heard: Heard) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(heard.payload)
    return value


def _delays(name: str, heard: list[Heard], window: tuple[float, float], key: str) -> dict[str, Any]:
    """From a payload's time to the moment it reached the subscriber: quantiles and how many there were."""
    taken = [one.wall_s - wall_s(_json(one)[key]) for one in heard if window[0] <= one.at_s < window[1]]
    if not taken:
        return {f"{name}_count": 0}
    figures = {f"{name}_{key}_ms": short(value, 1) for key, value in quantiles_ms(taken, *SHARES).items()}
    return {f"{name}_count": len(taken), **figures}


def wall_s(stamp: str) -> float:
    """Seconds since 1970 of an RFC 3339 time in UTC, as payloads have it."""
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
