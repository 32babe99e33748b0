"""Animated still images: the first picture is taken, and it is said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge.capture.animation import first_picture, is_animated
from emoedge.capture.media import MediaReader, read_image
from emoedge.capture.notes import Notes
from emoedge.errors import MediaError

CODECS = {"gif": ["-pix_fmt", "rgb8"], "webp": ["-c:v", "libwebp_anim", "-f", "webp"], "apng": []}
PAINTED = "color=red:s=64x48:d=0.2:r=5[a];color=blue:s=64x48:d=0.6:r=5[b];[a][b]concat"


def made(path: Path, *options: str, filters: str = PAINTED) -> Path:
    command = ["ffmpeg", "-v", "error", "-filter_complex", filters, *options, str(path)]
    subprocess.run(command, check=True, timeout=120)
    return path


def is_red(picture: np.ndarray) -> bool:
    blue, green, red = picture[20, 20].astype(int)
    return bool(red > 230 and blue < 25 and green < 25)


@pytest.mark.parametrize("suffix", CODECS)
def test_the_first_picture_is_taken_and_said(tmp_path: Path, suffix: str) -> None:
    path = made(tmp_path / f"a.{suffix}", *CODECS[suffix])
    notes = Notes(str(path))
    picture = read_image(path, notes)
    assert picture.shape == (48, 64, 3)
    assert is_red(picture)
    assert notes.texts == ["animated: only the first frame is used"]


@pytest.mark.parametrize("suffix", ["gif", "webp"])
@pytest.mark.parametrize("options", [(), ("-pix_fmt", "bgra", "-lossless", "1")])
def test_an_opencv_that_cannot_read_it_is_helped(
    tmp_path: Path, suffix: str, options: tuple[str, ...]
) -> None:
    path = made(tmp_path / f"a.{suffix}", *CODECS[suffix], *(options if suffix == "webp" else ()))
    picture = first_picture(path.read_bytes())
    assert picture is not None
    assert is_red(picture)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg", ".bmp"])
def test_a_still_picture_is_not_called_animated(suffix: str) -> None:
    assert not is_animated(cv2.imencode(suffix, np.zeros((48, 64, 3), np.uint8))[1].tobytes())


def test_a_gif_of_one_picture_is_not_called_animated(tmp_path: Path) -> None:
    path = made(tmp_path / "a.gif", *CODECS["gif"], "-frames:v", "1", filters="color=red:s=64x48")
    assert not is_animated(path.read_bytes())
    assert is_red(read_image(path))


@pytest.mark.parametrize("suffix", CODECS)
def test_cut_and_damaged_animations_are_pictures_or_errors(tmp_path: Path, suffix: str) -> None:
    whole = made(
        tmp_path / f"whole.{suffix}", *CODECS[suffix], filters="testsrc=s=64x48:d=1:r=5"
    ).read_bytes()
    random = np.random.default_rng(5)
    path = tmp_path / f"a.{suffix}"
    for _ in range(60):
        data = bytearray(whole[: random.integers(1, len(whole) + 1)])
        for at in random.integers(0, len(data), 4):
            data[at] = random.integers(0, 256)
        path.write_bytes(data)
        is_animated(bytes(data))
        first_picture(bytes(data))
        try:
            assert read_image(path, Notes("a")).ndim == 3
        except MediaError as error:
            assert error.remedy  # noqa: PT017


def test_an_animated_webp_as_a_clip_is_its_first_picture(tmp_path: Path) -> None:
    reader = MediaReader(made(tmp_path / "a.webp", *CODECS["webp"]))
    frames = list(reader.frames())
    assert len(frames) == 1
    assert is_red(frames[0].bgr)
    assert reader.notes.texts
