"""V4L2 cameras: a stand-in with the real signatures, and a real device where there is one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge.capture.devices import list_cameras
from emoedge.capture.factory import open_camera
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError

from .clips import read_items

BLUE = (255, 0, 0)
RED = (0, 0, 255)


def halves(width: int, height: int) -> np.ndarray:
    """BGR; left half red, right half blue."""
    picture = np.full((height, width, 3), BLUE, np.uint8)
    picture[:, : width // 2] = RED
    return picture


class StandInCapture:
    """cv2.VideoCapture on V4L2."""

    stamp_offset_s = -0.03
    frames_left = 3
    opens = True

    def __init__(self, index: int, backend: int) -> None:
        assert isinstance(index, int), "OpenCV 5 opens V4L2 devices by number alone"
        assert backend == cv2.CAP_V4L2
        self.index = index
        self.asked: dict[int, float] = {}

    def isOpened(self) -> bool:
        return self.opens

    def set(self, key: int, value: float) -> bool:
        self.asked[key] = value
        return True

    def get(self, key: int) -> float:
        assert key == cv2.CAP_PROP_POS_MSEC
        return (time.monotonic() + self.stamp_offset_s) * 1000

    def grab(self) -> bool:
        self.frames_left -= 1
        return self.frames_left >= 0

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, halves(321, 240)

    def release(self) -> None:
        self.asked.clear()


@pytest.mark.parametrize(("offset_s", "age_s"), [(-1.0, 1.0), (-1e9, 0.0), (5.0, 0.0)])
def test_v4l2_uses_the_stamps_of_the_driver_when_they_can_be_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offset_s: float, age_s: float
) -> None:
    node = tmp_path / "usb-cam-index0"
    (tmp_path / "video7").touch()
    node.symlink_to(tmp_path / "video7")
    monkeypatch.setattr(cv2, "VideoCapture", StandInCapture)
    monkeypatch.setattr(StandInCapture, "stamp_offset_s", offset_s)
    from emoedge.capture.v4l2 import V4l2Camera

    camera = V4l2Camera(str(node), CameraSettings(width=1920, height=1080, fps=30))
    with camera:
        assert camera._capture.index == 7
        assert camera._capture.asked[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
        begun_s = time.monotonic()
        frame = camera.read()
        assert begun_s <= frame.time_s + age_s <= time.monotonic()
        assert (frame.width, frame.height) == (320, 240)
        assert frame.bgr[100, 10].astype(int) == pytest.approx(RED, abs=6)
        camera.read()
        camera.read()
        with pytest.raises(DeviceError, match="the video has stopped"):
            camera.read()


def test_a_v4l2_camera_that_stalls_gives_the_thread_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a second the worker can see that it must end, and a camera that was late goes on."""
    from emoedge.capture import v4l2

    node = tmp_path / "video0"
    node.touch()
    monkeypatch.setattr(cv2, "VideoCapture", StandInCapture)
    monkeypatch.setattr(v4l2, "SELECT_S", 0.05)
    monkeypatch.delenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", raising=False)
    answers = [False, True, False]

    def grab(_self: StandInCapture) -> bool:
        answer = answers.pop(0)
        time.sleep(0 if answer else 0.05)  # as OpenCV does in select(2)
        return answer

    monkeypatch.setattr(StandInCapture, "grab", grab)
    with v4l2.V4l2Camera(str(node), CameraSettings()) as camera:
        assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "0.05"
        with pytest.raises(TimeoutError):
            camera.read()
        assert camera.read() is not None
        node.unlink()
        with pytest.raises(DeviceError, match="the video has stopped"):
            camera.read()


def test_a_busy_v4l2_camera_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "video0"
    node.touch()
    monkeypatch.setattr(cv2, "VideoCapture", StandInCapture)
    monkeypatch.setattr(StandInCapture, "opens", False)
    from emoedge.capture.v4l2 import V4l2Camera

    with pytest.raises(DeviceError, match="cannot be opened"):
        V4l2Camera(str(node), CameraSettings()).open()


@pytest.mark.device
def test_a_real_v4l2_camera() -> None:
    cameras = [camera for camera in list_cameras() if camera.node and camera.usable]
    if not cameras:
        pytest.skip("no V4L2 camera (modprobe v4l2loopback, and feed it)")
    with open_camera(CameraSettings(source=cameras[0].source)) as camera:
        frames = read_items(camera, 10)
    assert frames[-1].time_s < time.monotonic()
    assert (np.diff([frame.time_s for frame in frames]) > 0).all()
