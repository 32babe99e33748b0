"""Memory of the daemon by mapping, and other ways to keep the pre-roll: `python -m benchmarks.memory`.

The daemon plays the demo clip in each recording mode, without speech recognition. Then each way to keep the
pre-roll takes the same frames in turn, on one core.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.live import first_face, observed, start
from emoedge.bench.clips import DEMO_BEGIN_S, looped
from emoedge.bench.machine import describe_machine
from emoedge.bench.measure import keep_to_one_core, processor_s, short
from emoedge.bench.whole import with_a_speech_model
from emoedge.capture.media import MediaReader
from emoedge.cli import ENVIRONMENT
from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip
from emoedge.model_store.manifest import package_models_dir
from emoedge.process import PROC, peak_mb
from emoedge.record.encoders import CLOCK_HZ, add_video_stream
from faults.surroundings import until

SECONDS: Final = 60.0
MODES: Final = ("off", "continuous", "events")
SETTLE_S: Final = 30.0
PRE_ROLL_S: Final = 6.8
"""Default pre-roll and the time until an episode is known."""
WAYS_S: Final = 20.0
ROUNDS: Final = 5
GROUPS: Final = (
    ("OpenCV", r"/(cv2|opencv_python_headless\.libs)/"),
    ("FFmpeg", r"/(av|av\.libs)/"),
    ("LiteRT", r"/ai_edge_litert/"),
    ("numpy", r"/(numpy|numpy\.libs)/"),
    ("Python and other libraries", r"^/"),
)
"""Files by what they belong to, the first that fits."""
OWN: Final = "own memory (anonymous)"
QUALITIES: Final = (92, 85)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    settings = with_a_speech_model(Settings())
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        clip = looped(ensure_demo_clip(), Path(folder) / "clip.mp4", SECONDS, DEMO_BEGIN_S)
        result = {
            "schema": 1,
            "machine": describe_machine(),
            "modes": [
                *(engines_alone(clip, encode=encode) for encode in (False, True)),
                *(by_mapping(settings, clip, mode) for mode in MODES),
            ],
            "pre_roll": pre_rolls(clip),
        }
    text = json.dumps(result, ensure_ascii=False, indent=1) + "\n"
    print(text)
    if options.json is not None:
        options.json.write_text(text, encoding="utf-8")


def by_mapping(settings: Settings, clip: Path, mode: str) -> dict[str, Any]:
    """Resident memory of a daemon in one recording mode, at its end and at most."""
    with observed() as bench:
        bench.start_broker()
        start(bench, settings, clip, speech__enabled="false", recording__mode=mode)
        first_face(bench)
        if mode == "events":  # the moment at which a segment takes over a full pre-roll
            until(lambda: "started" in {one["type"] for one in bench.payloads("recording")}, "it records")
        time.sleep(SETTLE_S)
        process = PROC / str(bench.pid)
        return {
            "mode": mode,
            "mb": {name: short(kb * 1024 / 1e6, 1) for name, kb in mapped_kb(process).items()},
            "peak_mb": peak_mb(process),
        }


def engines_alone(clip: Path, *, encode: bool) -> dict[str, Any]:
    """Resident memory of a process with the same engines and no code of emoedge."""
    output = clip.with_name("alone.mp4") if encode else "-"
    models = sorted(package_models_dir().glob("*.tflite"))
    command = [sys.executable, "-m", "benchmarks.engines_alone", str(clip), str(output), *map(str, models)]
    with subprocess.Popen(
        command, env=ENVIRONMENT | os.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        folder = PROC / str(process.pid)
        found = {
            "mode": f"engines alone{', encoding' if encode else ''}",
            "mb": {name: short(kb * 1024 / 1e6, 1) for name, kb in mapped_kb(folder).items()},
            "peak_mb": peak_mb(folder),
        }
        process.stdin.write(b"\n")
        process.stdin.close()
    return found


def mapped_kb(process: Path) -> dict[str, int]:
    """Resident kB by group: what is mapped from files, and a process's own memory."""
    found: Counter[str] = Counter()
    group = ""
    for line in (process / "smaps").read_text(encoding="utf-8", errors="replace").splitlines():
        head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)", line)
        if head:
            group = next((name for name, pattern in GROUPS if re.search(pattern, head[1])), OWN)
        elif line.startswith("Rss:"):
            found[group] += int(line.split()[1])
        elif line.startswith("Anonymous:"):  # written pages of a file's mapping are the process's own
            written = int(line.split()[1])
            found[group] -= written
            found[OWN] += written
    return {name: found[name] for name in (*(name for name, _ in GROUPS), OWN)}


def pre_rolls(clip: Path) -> list[dict[str, Any]]:
    """Processor time a second and size of each way to keep the pre-roll; the median of rounds in turn."""
    keep_to_one_core()
    frames = takewhile(lambda frame: frame.time_s < WAYS_S, MediaReader(clip, audio=False).frames())
    pictures = [frame.data for frame in frames]
    width, height = pictures[0].shape[1], pictures[0].shape[0] * 2 // 3
    ways: dict[str, Callable[[], int]] = {"as the camera delivers it": lambda: _copied(pictures)}
    ways["the same, ten frames per second"] = lambda: _copied(pictures[::3] + pictures[1::3])
    for quality in QUALITIES:
        ways[f"JPEG of each plane, quality {quality}"] = partial(_jpeg, pictures, quality, planes=True)
        ways[f"JPEG of the planes in one picture, quality {quality}"] = partial(_jpeg, pictures, quality)
    for preset in ("superfast", "ultrafast"):
        ways[f"H.264, {preset}"] = partial(_encoded, pictures, width, height, "libx264", {"preset": preset})
    ways["Ut Video, lossless"] = partial(_encoded, pictures, width, height, "utvideo", {"pred": "left"})
    taken: dict[str, list[float]] = {name: [] for name in ways}
    sizes: dict[str, int] = {}

    def run(name: str, keep: Callable[[], int]) -> None:
        sizes[name] = keep()

    for _ in range(ROUNDS):
        for name, keep in ways.items():
            taken[name].append(processor_s(partial(run, name, keep)))
    return [
        {
            "way": name,
            "cpu_s_per_media_s": short(statistics.median(times) / WAYS_S, 6),
            "mb": short(sizes[name] / WAYS_S * PRE_ROLL_S / 1e6, 2),
        }
        for name, times in taken.items()
    ]


def _copied(pictures: list[NDArray[np.uint8]]) -> int:
    return sum(picture.copy().nbytes for picture in pictures)


def _jpeg(pictures: list[NDArray[np.uint8]], quality: int, *, planes: bool = False) -> int:
    import cv2

    from emoedge.frames import planes_of

    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return sum(
        len(cv2.imencode(".jpg", part, options)[1])
        for picture in pictures
        for part in (planes_of(picture) if planes else (picture,))
    )


def _encoded(
    pictures: list[NDArray[np.uint8]], width: int, height: int, codec: str, options: Mapping[str, str]
) -> int:
    import av

    fps = round(len(pictures) / WAYS_S)
    with av.open(os.devnull, "w", format="nut") as container:
        stream = add_video_stream(container, codec, width, height, fps)
        stream.codec_context.options = {**stream.codec_context.options, **options}
        size = 0
        for index, picture in enumerate(_frames(pictures)):
            picture.pts, picture.time_base = index * CLOCK_HZ // fps, Fraction(1, CLOCK_HZ)
            size += sum(packet.size for packet in stream.encode(picture))
        return size + sum(packet.size for packet in stream.encode())


def _frames(pictures: list[NDArray[np.uint8]]) -> Iterator[Any]:
    import av

    return (av.VideoFrame.from_numpy_buffer(picture, format="yuv420p") for picture in pictures)


if __name__ == "__main__":
    main()
