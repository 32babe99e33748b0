"""Frames turned upright: all eight orientations, in files, still images and streams, as FFmpeg shows them."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge.capture.convert import Orientation, PictureConverter, orient_bgr, orient_i420
from emoedge.capture.media import MediaReader, read_image
from emoedge.frames import Frame
from tests.conformance import cases as conformance

from .clips import write_clip

ONE = 1 << 16
MATRICES = {"upright": (1, 0, 0, 1)} | conformance.MATRICES
"""a, b, c, d of the display matrix, in the order of the EXIF orientations 1 to 8."""


def corners(_time_s: float = 0.0) -> np.ndarray:
    """A picture without symmetry, uint8 (48, 64, 3), RGB."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32] = (250, 20, 20)
    picture[:12, 40:] = (20, 250, 20)
    picture[40:, :10] = (20, 20, 250)
    return picture


def exif_order(picture: np.ndarray) -> list[np.ndarray]:
    """The picture as it is to be seen with EXIF orientation 1 to 8."""
    transposed = picture.swapaxes(0, 1)
    return [
        picture,
        picture[:, ::-1],
        picture[::-1, ::-1],
        picture[::-1],
        transposed,
        transposed[:, ::-1],
        transposed[::-1, ::-1],
        transposed[::-1],
    ]


def with_matrix(source: Path, path: Path, name: str) -> Path:
    """A copy of a clip with a display matrix."""
    import av

    a, b, c, d = MATRICES[name]
    with av.open(str(source)) as clip, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(clip.streams.video[0])
        stream.set_display_matrix([a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30])
        for packet in clip.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("plain") / "plain.mp4", picture=corners, duration_s=0.2)


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_each_pixel_is_where_ffmpeg_puts_it(tmp_path: Path, plain: Path, name: str, suffix: str) -> None:
    path = with_matrix(plain, tmp_path / f"turned{suffix}", name)
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-"]
    expected = subprocess.run(command, check=True, capture_output=True, timeout=120).stdout
    frames = list(MediaReader(path).frames())
    assert (frames[0].width, frames[0].height) == ((48, 64) if MATRICES[name][0] == 0 else (64, 48))
    assert b"".join(frame.data.tobytes() for frame in frames) == expected


@pytest.mark.parametrize("own", range(8))
@pytest.mark.parametrize(
    "asked", [Orientation(turn, flip) for turn in (0, 90, 180, 270) for flip in (False, True)]
)
def test_what_is_asked_for_comes_after_what_the_file_says(
    tmp_path: Path, plain: Path, own: int, asked: Orientation
) -> None:
    path = with_matrix(plain, tmp_path / "turned.mp4", list(MATRICES)[own])
    upright = next(MediaReader(path).frames())
    both = next(MediaReader(path, orientation=asked).frames())
    np.testing.assert_array_equal(both.luma, orient_bgr(upright.luma, asked))


def tiff_with(orientation: int) -> bytes:
    """A TIFF header with one tag."""
    return b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def tagged(encoded: bytes, suffix: str, orientation: int) -> bytes:
    """An encoded still image with an EXIF orientation."""
    tiff = tiff_with(orientation)
    if suffix == ".jpg":
        exif = b"Exif\0\0" + tiff
        return encoded[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + encoded[2:]
    if suffix == ".png":
        chunk = struct.pack(">I", len(tiff)) + b"eXIf" + tiff + struct.pack(">I", zlib.crc32(b"eXIf" + tiff))
        return encoded[:33] + chunk + encoded[33:]
    height, width = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    extended = struct.pack("<II", 0x08, width - 1)[:7] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + extended + encoded[12:]
    body += b"EXIF" + struct.pack("<I", len(tiff)) + tiff
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_still_images_are_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    bgr = corners()[:, :, ::-1]
    path = tmp_path / f"still{suffix}"
    path.write_bytes(tagged(cv2.imencode(suffix, bgr)[1].tobytes(), suffix, orientation))
    expected = exif_order(bgr)[orientation - 1]
    picture = read_image(path)
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).mean() < 8
    frame = next(MediaReader(path).frames())
    assert np.abs(frame.bgr.astype(int) - expected).mean() < 8


def converted(frames: list) -> list[Frame]:
    convert = PictureConverter()
    return [Frame(0.0, *convert(frame)[:1], "i420", *convert(frame)[1:]) for frame in frames]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_of_a_stream_may_each_say_how_they_are_turned(orientation: int) -> None:
    """JPEG pictures of a network camera, turned in the middle of the stream."""
    import av

    bgr = np.ascontiguousarray(corners()[:, :, ::-1])
    jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    decoder = av.CodecContext.create("mjpeg", "r")
    frames = [
        frame
        for packet in (jpeg, tagged(jpeg, ".jpg", orientation), jpeg, None)
        for frame in decoder.decode(None if packet is None else av.Packet(packet))
    ]
    expected = [bgr, exif_order(bgr)[orientation - 1], bgr]
    for frame, picture in zip(converted(frames), expected, strict=True):
        assert frame.bgr.shape == picture.shape
        assert np.abs(frame.bgr.astype(int) - picture).mean() < 10


RED = (0, 0, 255)


def i420(picture: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420))


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_turning_planes_is_turning_the_picture(rotate: int, mirror: bool) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32] = RED, (0, 255, 0), (255, 0, 0)
    orientation = Orientation(rotate, mirror)
    data = orient_i420(i420(picture), 64, 48, orientation)
    expected = orient_bgr(picture, orientation)
    assert np.abs(cv2.cvtColor(data, cv2.COLOR_YUV2BGR_I420).astype(int) - expected).mean() < 4
    clockwise = {0: (0, 0), 90: (0, -1), 180: (-1, -1), 270: (-1, 0)}[rotate]  # where red goes
    row, column = clockwise if not mirror else (clockwise[0], -1 - clockwise[1])
    assert tuple(expected[row, column]) == RED
