"""Start-up, latencies, memory and context switches of `emoedge run`, measured from outside.

The daemon plays a clip in real time on the test bench of `faults`, in its own process, with a real Mosquitto
and a listener.
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
"""Ten frames a second are analysed, and all are published; a limit of ten would drop those that are early."""
SETTLE_S: Final = 5.0
"""Seconds after the first result, for loading the models of the other modalities."""
PRIVACY_SETTLE_S: Final = 3.0
RECORDING_ROUNDS: Final = 7
"""Number of pairs: the difference of two loads of a tenth of a core varies between pairs."""


def live(settings: Settings, clip: Path, window_s: float = 20.0, rest_s: float = 15.0) -> dict[str, Any]:
    """Run the daemon twice: with everything on and then at rest; without speech but with recording.

    Args:
        settings: settings for folder and names of the models; everything else is at its default.
        clip: clip to play in real time, in a loop.
        window_s: seconds that each run is observed; preferably the length of the clip.
        rest_s: seconds of observation with privacy on.

    Raises:
        Unmet: the daemon does not start.
        Skipped: Mosquitto is not installed.
    """
    everything = _run(settings, clip, window_s, rest_s=rest_s)
    without = _run(settings, clip, window_s, record=True, speech__enabled="false")
    starts = (everything, without)
    return {
        **everything,
        # The better of two: other load can only slow down a start.
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
    """Test bench in its own folder."""
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
    """Resources that a process uses in a window, with begin and end of the window."""
    before, begun_s = Usage.read(process), time.monotonic()
    time.sleep(seconds)
    return Usage.read(process).since(before), (begun_s, time.monotonic())


def _has_mode(bench: Bench, mode: str) -> bool:
    return bench.control("recording_mode") == mode


def _recording(bench: Bench, process: Path, window_s: float, before_cores: float) -> dict[str, Any]:
    """Measure the cost of continuous recording against the mean of adjacent windows: median of rounds."""
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
    """Return quantiles of the latency from a payload's time to its arrival, and the number of messages."""
    taken = [one.wall_s - wall_s(_json(one)[key]) for one in heard if window[0] <= one.at_s < window[1]]
    if not taken:
        return {f"{name}_count": 0}
    figures = {f"{name}_{key}_ms": short(value, 1) for key, value in quantiles_ms(taken, *SHARES).items()}
    return {f"{name}_count": len(taken), **figures}


def wall_s(stamp: str) -> float:
    """Return the seconds since 1970 of a payload's RFC 3339 time in UTC."""
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
