"""Rate at which people are mistaken for photographs: `python -m benchmarks.stillness --json FILE CLIP...`.

Each clip with a face is played forward and backward for ten minutes with camera noise: at 640 x 480, and
scaled down until the face is as large as at a distance of three metres. Target: people keep 99 % of their
messages.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip
from emoedge.frames import Frame
from emoedge.pipeline.perception import build_face
from emoedge.pipeline.stages import FacePerceiver

Picture = NDArray[np.uint8]
Film = list[tuple[float, Picture]]
"""Frames of a clip, uint8 BGR (h, w, 3), with their times in seconds."""

WIDTH: Final = 640
HEIGHT: Final = 480
FAR_PIXELS: Final = 36.0
"""Width of the detector's box in pixels for a face of 0.2 m at 3 m, with 640 pixels over 60 degrees."""
FPS: Final = 10.0
NOISE: Final = 4.0
"""Standard deviation of the noise of each pixel, in gray levels."""
NOISES: Final = 8
NOISE_SHIFT: Final = 64
"""Different noise: so many fields, each at so many places down and to the right."""
GRAY: Final = 90


def read_film(clip: Path) -> Film:
    """Return all frames of a clip."""
    import av

    with av.open(str(clip)) as container:
        found = [(float(one.time), one.to_ndarray(format="bgr24")) for one in container.decode(video=0)]
    return [(time_s - found[0][0], picture) for time_s, picture in found]


def length_s(film: Film) -> float:
    """Return the length of a clip including its last frame, in seconds."""
    return film[-1][0] * len(film) / max(1, len(film) - 1)


def to_and_fro(film: Film, seconds: float) -> Iterator[tuple[float, Picture]]:
    """Yield a clip forward and backward in a loop."""
    step_s = length_s(film) / len(film)
    there = [picture for _, picture in film]
    turns = itertools.cycle([*there, *there[::-1]])
    for number in range(round(seconds / step_s)):
        yield number * step_s, next(turns)


def placed(picture: Picture, scale: float) -> Picture:
    """Return the frame, scaled by a factor, in the middle of a gray frame of WIDTH x HEIGHT."""
    import cv2

    height, width = picture.shape[:2]
    size = max(2, round(width * scale)), max(2, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.full((HEIGHT, WIDTH, 3), GRAY, np.uint8)
    left, top = (WIDTH - size[0]) // 2, (HEIGHT - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = small
    return canvas


def full_scale(picture: Picture) -> float:
    """Return the factor that fits a frame into WIDTH x HEIGHT."""
    return min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])


def face_width(film: Film, stage: FacePerceiver) -> float | None:
    """Return the median width of the faces in a clip in pixels, or None."""
    widths = []
    for time_s, picture in film:
        frame = Frame(time_s, np.ascontiguousarray(picture), "bgr", picture.shape[1], picture.shape[0])
        primary = stage.process(frame).primary
        if primary is not None:
            widths.append(primary.box.width * picture.shape[1])
    return float(np.median(widths)) if widths else None


@cache
def noise_fields() -> NDArray[np.int16]:
    """Camera noise, int16 (n, h, w, 3), larger than a frame; drawn once, because drawing costs most."""
    shape = (NOISES, HEIGHT + NOISE_SHIFT, WIDTH + NOISE_SHIFT, 3)
    normal = np.random.default_rng(26).standard_normal(shape, np.float32)
    return np.rint(NOISE * normal).astype(np.int16)


def noisy(picture: Picture, chance: np.random.Generator) -> Picture:
    """The picture, at most WIDTH x HEIGHT, under a camera's noise: a part of a field, by chance."""
    import cv2

    number, top, left = chance.integers((NOISES, NOISE_SHIFT, NOISE_SHIFT)).tolist()
    height, width = picture.shape[:2]
    noise = noise_fields()[number, top : top + height, left : left + width]
    return np.asarray(cv2.add(picture, noise, dtype=cv2.CV_8U), np.uint8)


def kept(film: Film, scale: float, seconds: float, stage: FacePerceiver) -> dict[str, Any]:
    """Return the number of faces found, and how many of them were mistaken for photographs."""
    chance = np.random.default_rng(26)
    pictures = {id(picture): placed(picture, scale) for _, picture in film}
    seen = still = 0
    first_s: float | None = None
    next_s = 0.0
    for time_s, picture in to_and_fro(film, seconds):
        if time_s < next_s - 0.1 / FPS:
            continue
        next_s = time_s + 1.0 / FPS
        shown = noisy(pictures[id(picture)], chance)
        for face in stage.process(Frame(time_s, shown, "bgr", WIDTH, HEIGHT)).faces:
            seen += 1
            still += face.still
            first_s = time_s if face.still and first_s is None else first_s
    return {
        "faces": seen,
        "still": still,
        "kept": round(1 - still / seen, 4) if seen else None,
        "first_still_s": first_s and round(first_s, 1),
    }


def main() -> int:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stillness", description=__doc__)
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="clips; the demo clip by default")
    parser.add_argument("--seconds", type=float, default=600.0, help="seconds for each clip and size (600)")
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    stage = build_face(Settings())
    rows = []
    for clip in options.clips or [ensure_demo_clip()]:
        film = read_film(clip)
        width = face_width(film, stage.renewed())
        if width is None:
            print(clip.name, "no face", flush=True)
            continue
        near = full_scale(film[0][1])
        for size, scale in (("640x480", near), ("3 m", FAR_PIXELS / width)):
            row = {"clip": clip.stem, "size": size, "seconds": options.seconds}
            rows.append(row | kept(film, scale, options.seconds, stage.renewed()))
            print(json.dumps(rows[-1]), flush=True)
            options.json.write_text(
                json.dumps({"schema": 1, "rows": rows}, indent=1) + "\n", encoding="utf-8"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
