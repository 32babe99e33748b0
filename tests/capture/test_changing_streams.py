"""Streams that change in the middle: size, shape of the pixels, sample rate, channels."""

from __future__ import annotations

import socket
import threading
from functools import partial
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge.capture.convert import PictureConverter
from emoedge.capture.media import MediaReader, read_sound
from emoedge.capture.network_camera import NetworkCamera
from emoedge.config.capture_settings import CameraSettings
from emoedge.frames import Frame

from .clips import read_items, serving_bytes, sine, tone_hz, write_clip

LANDSCAPE, PORTRAIT = (96, 64), (64, 96)


def joined(path: Path, parts: list[Path]) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def disc(width: int, height: int) -> np.ndarray:
    """A white disc in the middle, RGB; it is round wherever the picture is not squeezed."""
    rows, columns = np.ogrid[:height, :width]
    inside = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < 24**2
    return np.repeat(np.where(inside, 255, 0).astype(np.uint8)[:, :, None], 3, axis=2)


def disc_at(size: tuple[int, int], _time_s: float) -> np.ndarray:
    return disc(*size)


def turning(folder: Path, part_s: float = 0.6, options: dict[str, str] | None = None) -> Path:
    """Landscape, portrait, and landscape again."""
    parts = [
        write_clip(
            folder / f"{number}.ts",
            picture=partial(disc_at, size),
            duration_s=part_s,
            start_s=part_s * number,
            options=options,
        )
        for number, size in enumerate((LANDSCAPE, PORTRAIT, LANDSCAPE))
    ]
    return joined(folder / "turning.ts", parts)


def assert_round(frame: Frame) -> None:
    white = frame.luma > 128
    across, down = white.any(axis=0).sum(), white.any(axis=1).sum()
    assert abs(int(across) - int(down)) <= 2, f"{across} x {down} in {frame.width} x {frame.height}"


def sizes(frames: list[Frame]) -> list[tuple[int, int]]:
    seen = [(frame.width, frame.height) for frame in frames]
    return [size for index, size in enumerate(seen) if index == 0 or size != seen[index - 1]]


def test_a_file_that_goes_from_landscape_to_portrait_is_not_squeezed(tmp_path: Path) -> None:
    frames = list(MediaReader(turning(tmp_path)).frames())
    assert sizes(frames) == [LANDSCAPE, PORTRAIT, LANDSCAPE]
    for frame in frames:
        assert_round(frame)


def test_a_network_camera_may_change_its_shape(tmp_path: Path) -> None:
    data = turning(tmp_path, 1.6, {"tune": "zerolatency"}).read_bytes()
    with serving_bytes({"/cam.ts": ("video/mp2t", data)}, over_s=4.8) as served:
        url = f"{served.base}/cam.ts"
        camera = NetworkCamera(url, CameraSettings(source=url, fps=60))
        camera.open()
        frames = []
        while (frame := camera.read()) is not None:
            frames.append(frame)
        camera.close()
    assert set(sizes(frames)) == {LANDSCAPE, PORTRAIT}
    for frame in frames:
        assert_round(frame)


def test_broken_pictures_of_a_camera_are_passed_over() -> None:
    """MJPEG with cut, empty and random pictures between whole ones."""
    random = np.random.default_rng(4)
    parts = []
    for number in range(40):
        picture = cv2.imencode(".jpg", disc(*LANDSCAPE))[1].tobytes()
        if number % 4 == 1:
            picture = picture[: len(picture) // 2]
        elif number % 4 == 2:
            picture = random.bytes(300)
        parts.append(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture))
        parts.append(picture + b"\r\n")
    pages = {"/cam.mjpg": ("multipart/x-mixed-replace; boundary=frame", b"".join(parts))}
    with serving_bytes(pages, over_s=4.0) as served:
        url = f"{served.base}/cam.mjpg"
        camera = NetworkCamera(url, CameraSettings(source=url, fps=60))
        camera.open()
        frames = []
        while (frame := camera.read()) is not None:
            frames.append(frame)
        camera.close()
    whole = [frame for frame in frames if frame.luma[32, 48] > 128]
    assert len(whole) >= 10
    assert sizes(frames) == [LANDSCAPE]


def test_a_transport_stream_that_loses_packets_goes_on(tmp_path: Path) -> None:
    """UDP: each twentieth datagram is lost."""
    options = {"tune": "zerolatency", "g": "10"}
    clip = write_clip(
        tmp_path / "cam.ts", picture=partial(disc_at, LANDSCAPE), duration_s=8.0, options=options
    )
    data, size = clip.read_bytes(), 7 * 188
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    over = threading.Event()

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            datagrams = [data[at : at + size] for at in range(0, len(data), size)]
            while not over.is_set():  # again and again: whoever listens late hears the next round
                for number, datagram in enumerate(datagrams):
                    if number % 20 != 19:
                        sender.sendto(datagram, ("127.0.0.1", port))
                    if over.wait(8.0 / len(datagrams)):
                        return

    thread = threading.Thread(target=send)
    thread.start()
    try:
        url = f"udp://127.0.0.1:{port}"
        camera = NetworkCamera(url, CameraSettings(source=url, fps=60))
        camera.open()
        frames = read_items(camera, 60)
        camera.close()
    finally:
        over.set()
        thread.join()
    assert frames[-1].time_s - frames[0].time_s > 1.0
    assert all(later.time_s > earlier.time_s for earlier, later in pairwise(frames))


@pytest.mark.parametrize(("suffix", "codec"), [(".aac", "aac"), (".mp3", "mp3")])
@pytest.mark.parametrize(
    ("first", "second"),
    [((48000, 2), (44100, 1)), ((24000, 1), (48000, 2)), ((48000, 2), (24000, 1))],
)
def test_sample_rate_and_channels_may_change(
    tmp_path: Path, suffix: str, codec: str, first: tuple[int, int], second: tuple[int, int]
) -> None:
    parts = [
        write_clip(
            tmp_path / f"{number}{suffix}",
            picture=None,
            sound=sine(440.0 * number, rate_hz, 2.0, channels),
            rate_hz=rate_hz,
            sound_codec=codec,
        )
        for number, (rate_hz, channels) in enumerate((first, second), start=1)
    ]
    samples = read_sound(joined(tmp_path / f"both{suffix}", parts))
    assert len(samples) / 16000 == pytest.approx(4.0, abs=0.2)
    assert tone_hz(samples[8000:24000]) == pytest.approx(440.0, abs=3)
    assert tone_hz(samples[40000:56000]) == pytest.approx(880.0, abs=3)


def test_size_format_and_range_may_change_at_each_picture() -> None:
    """One converter gives what a new one for each picture gives."""
    import av

    random = np.random.default_rng(6)
    kept = PictureConverter(max_pixels=60 * 50)
    for pixels in ("yuv420p", "yuvj420p", "yuv444p", "gray", "yuv420p10le", "rgb24", "yuvj422p", "nv12"):
        for width, height in ((96, 64), (64, 96), (34, 22)):
            picture = random.integers(0, 255, (height, width, 3), np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixels)
            one, other = kept(frame), PictureConverter(max_pixels=60 * 50)(frame)
            assert one[1:] == other[1:]
            np.testing.assert_array_equal(one[0], other[0])
