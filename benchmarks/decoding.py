"""What decoding less would save: `python -m benchmarks.decoding [--json FILE]`.

Ten seconds of the demo's person at 15 frames per second, in three kinds of stream: H.264 as phones write it
(with B frames), H.264 as cameras send it (each frame refers to the one before), and MJPEG. Processor time of
decoding on one core; for MJPEG also of bringing the frames to the default size.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.scaling import RESOLUTIONS, SECONDS, write_clip
from emoedge.bench.machine import describe_machine
from emoedge.bench.measure import keep_to_one_core, processor_s, short
from emoedge.capture.convert import PictureConverter

SIZES: Final = RESOLUTIONS[1:]
FPS: Final = 15
ROUNDS: Final = 5
DEFAULT_PIXELS: Final = 640 * 480
JPEG_QUALITY: Final = 85
AS_CAMERAS: Final = {"preset": "ultrafast", "tune": "zerolatency", "g": "30", "crf": "23", "threads": "1"}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    keep_to_one_core()
    rows = []
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        for size in SIZES:
            for row in compare(Path(folder), size):
                rows.append(row)
                print(row, flush=True)
    if options.json is not None:
        result = {"schema": 1, "machine": describe_machine(), "rows": rows}
        options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def compare(folder: Path, size: tuple[int, int]) -> Iterator[dict[str, Any]]:
    """Yield the rows of one size: all ways in turn, the median of each."""
    film = folder / f"{size[0]}.mp4"
    write_clip(film, size, FPS)
    camera, pictures = film.with_suffix(".ts"), film.with_suffix(".mjpeg")
    _as_cameras_send(film, camera, pictures)
    ways: dict[tuple[str, str], Callable[[], int]] = {}
    for kind, path in (("H.264, B frames", film), ("H.264 of a camera", camera)):
        ways[kind, "all"] = partial(decode, path)
        ways[kind, "one thread"] = partial(decode, path, threads=1)
        ways[kind, "without frames that no other needs"] = partial(decode, path, skip="NONREF")
    scale = PictureConverter(max_pixels=DEFAULT_PIXELS)
    ways["MJPEG, scaled", "all"] = partial(decode, pictures, use=scale)
    ways["MJPEG, scaled", "half the size (`lowres`)"] = partial(decode, pictures, use=scale, lowres=1)
    ways["MJPEG, scaled", "every other frame"] = partial(decode, pictures, use=scale, every=2)
    frames: dict[tuple[str, str], int] = {}

    def run(name: tuple[str, str], way: Callable[[], int]) -> None:
        frames[name] = way()

    taken: dict[tuple[str, str], list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            taken[name].append(processor_s(partial(run, name, way)))
    for (kind, way_name), times in taken.items():
        yield {
            "width": size[0],
            "height": size[1],
            "stream": kind,
            "way": way_name,
            "frames_per_s": short(frames[kind, way_name] / SECONDS, 1),
            "cpu_s_per_media_s": short(statistics.median(times) / SECONDS, 6),
        }


def decode(
    path: Path,
    *,
    threads: int = 0,
    skip: str = "DEFAULT",
    lowres: int = 0,
    every: int = 1,
    use: Callable[[Any], object] = lambda _frame: None,
) -> int:
    """Decode a file in one of the ways; return the number of frames."""
    import av

    count = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder = stream.codec_context
        decoder.thread_count, decoder.skip_frame = threads, skip
        decoder.options = {"lowres": str(lowres)} if lowres else {}
        for index, packet in enumerate(container.demux(stream)):
            if packet.size and index % every:
                continue
            for frame in packet.decode():
                use(frame)
                count += 1
    return count


def _as_cameras_send(film: Path, camera: Path, pictures: Path) -> None:
    import av
    import cv2

    with av.open(str(film)) as source, av.open(str(camera), "w") as target, pictures.open("wb") as jpegs:
        stream: Any = target.add_stream("libx264", rate=FPS, options=AS_CAMERAS)
        shown = source.streams.video[0]
        stream.width, stream.height, stream.pix_fmt = shown.width, shown.height, "yuv420p"
        for frame in source.decode(shown):
            picture = frame.to_ndarray(format="bgr24")
            jpegs.write(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes())
            frame.pict_type = 0  # the encoder chooses
            target.mux(stream.encode(frame))
        target.mux(stream.encode())


if __name__ == "__main__":
    main()
