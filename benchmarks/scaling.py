"""Cost by number of faces, resolution, frame rate and cameras: `python -m benchmarks.scaling --json FILE`."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.live import SETTLE_S, observed, start
from emoedge.bench.bare import decode
from emoedge.bench.clips import DEMO_BEGIN_S, looped
from emoedge.bench.machine import describe_machine
from emoedge.bench.measure import keep_to_one_core, processor_s
from emoedge.bench.whole import with_a_speech_model
from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip, frames
from emoedge.face.stage import FaceStage
from emoedge.frames import Frame
from emoedge.pipeline.perception import build_face
from emoedge.pipeline.pipeline import Pipeline
from emoedge.process import PROC, Usage, proportional_mb, resident_mb
from faults.bench import START_S
from faults.surroundings import until

SECONDS: Final = 10.0
MOST_FACES: Final = 8
ANALYSED_FPS: Final = 10
RESOLUTIONS: Final = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
RATES: Final = (5, 10, 15, 30)
ROUNDS: Final = 2
LIVE_S: Final = 20.0


def main() -> int:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    result: dict[str, Any] = {
        "schema": 1,
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": describe_machine(),
    }
    say("daemons")
    result["daemons"] = two_daemons()
    keep_to_one_core()
    say("faces")
    result["faces"] = [faces(count) for count in range(1, MOST_FACES + 1)]
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        say("resolution")
        result["resolution"] = [video(Path(folder), size, 15) for size in RESOLUTIONS]
        say("frame rate")
        result["frame_rate"] = [video(Path(folder), (640, 480), rate) for rate in RATES]
    options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


def say(what: str) -> None:
    """Print what is being measured."""
    print(f"measuring: {what}", file=sys.stderr)


# ---- faces ----


def faces(count: int) -> dict[str, Any]:
    """Measure the face path on a group: processor time per second of media at ten frames a second."""
    settings = Settings.model_validate({"face": {"max_faces": MOST_FACES}})
    crowd = list(crowds(count))
    taken, seen, looks, judged = [], 0, 0, 0
    for _ in range(ROUNDS):
        stage = build_face(settings)
        assert isinstance(stage, FaceStage)
        begun = time.process_time()
        for frame in crowd:
            seen += len(stage.process(frame).faces)
        taken.append(time.process_time() - begun)
        looks, judged = stage.looks, stage.classifications
    return {
        "faces": count,
        "faces_seen_per_frame": round(seen / ROUNDS / len(crowd), 3),
        "cpu_s_per_media_s": round(statistics.median(taken) / SECONDS, 5),
        "looks_per_media_s": round(looks / SECONDS, 2),
        "classifications_per_media_s": round(judged / SECONDS, 2),
    }


def crowds(count: int) -> Iterator[Frame]:
    """Return frames of 640 x 480 with copies of the demo's person side by side, each swaying separately."""
    import cv2

    # Frames of the demo in which the person stands still and is completely visible.
    person = [picture for index, picture in enumerate(frames()) if 45 <= index < 120][::5]
    columns = min(count, 4)
    rows = -(-count // columns)
    width, height = 640 // columns // 2 * 2, 480 // rows // 2 * 2
    for index in range(round(SECONDS * ANALYSED_FPS)):
        picture = np.full((480, 640, 3), 190, np.uint8)
        for place in range(count):
            own = person[(index // 3 + 5 * place) % len(person)]
            tile = _tile(own, width, height)
            y, x = place // columns * height, place % columns * width
            picture[y : y + height, x : x + width] = np.roll(
                tile, round(3 * np.sin(index / 4 + place)), axis=1
            )
        data = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
        yield Frame(index / ANALYSED_FPS, data, "i420", 640, 480, index)


def _tile(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Return the middle of an image, cropped to an aspect ratio and resized."""
    import cv2

    full_height, full_width = picture.shape[:2]
    scale = min(full_width / width, full_height / height)
    w, h = round(width * scale), round(height * scale)
    left, top = (full_width - w) // 2, (full_height - h) // 2
    part = picture[top : top + h, left : left + w]
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


# ---- resolution and frame rate ----


def video(folder: Path, size: tuple[int, int], fps: int) -> dict[str, Any]:
    """Measure the whole pipeline, and decoding alone, on a silent clip of a size and rate."""
    clip = folder / f"{size[0]}x{size[1]}-{fps}.mp4"
    write_clip(clip, size, fps)
    silent = Settings.model_validate({"speech": {"enabled": False}, "voice": {"enabled": False}})
    pipeline = Pipeline(silent)

    def play() -> None:
        for _message in pipeline.replay(clip):
            pass

    play()
    whole = [processor_s(play) for _ in range(ROUNDS)]
    alone = [processor_s(lambda: decode(clip)) for _ in range(ROUNDS)]
    return {
        "width": size[0],
        "height": size[1],
        "fps": fps,
        "cpu_s_per_media_s": round(min(whole) / SECONDS, 5),
        "decode_cpu_s_per_media_s": round(min(alone) / SECONDS, 5),
    }


def write_clip(path: Path, size: tuple[int, int], fps: int) -> None:
    """Encode ten seconds of the demo's person as cameras and phones do, from second two on."""
    import av
    import cv2

    pictures = [picture for index, picture in enumerate(frames()) if index < (2 + SECONDS) * 15]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(
            "libx264", rate=fps, options={"preset": "veryfast", "crf": "23", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(round(SECONDS * fps)):
            picture = pictures[min(len(pictures) - 1, round((2 + index / fps) * 15))]
            cut = _tile(picture, *size)
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(cv2.cvtColor(cut, cv2.COLOR_RGB2BGR)), format="bgr24"
            )
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


# ---- cameras ----


def two_daemons() -> list[dict[str, Any]]:
    """Measure one daemon, and two on the same broker; each camera needs one daemon."""
    settings = with_a_speech_model(Settings())
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        clip = looped(ensure_demo_clip(), Path(folder) / "clip.mp4", LIVE_S, DEMO_BEGIN_S)
        return [_daemons(settings, clip, count) for count in (1, 2)]


def _daemons(settings: Settings, clip: Path, count: int) -> dict[str, Any]:
    with ExitStack() as stack:
        benches = [stack.enter_context(observed()) for _ in range(count)]
        for bench in benches:
            bench.start_broker(benches[0])
        for index, bench in enumerate(benches):
            start(bench, settings, clip, device_id=f"bench-{count}-{index}")
        for index, bench in enumerate(benches):
            topic = f"emoedge/bench-{count}-{index}/face"
            until(partial(bench.listener.on, topic), "a face is published", START_S)
        time.sleep(SETTLE_S)
        paths = [PROC / str(bench.pid) for bench in benches]
        before, begun_s = [Usage.read(path) for path in paths], time.monotonic()
        time.sleep(LIVE_S)
        passed_s = time.monotonic() - begun_s
        cores = [
            Usage.read(path).since(first).cpu_s / passed_s for path, first in zip(paths, before, strict=True)
        ]
        return {
            "daemons": count,
            "cpu_cores": round(sum(cores), 4),
            "resident_mb": round(sum(resident_mb(path) or 0.0 for path in paths), 1),
            # Both map the same libraries and models; this is what they really take together.
            "proportional_mb": round(sum(proportional_mb(path) or 0.0 for path in paths), 1),
        }


if __name__ == "__main__":
    sys.exit(main())
