"""Picamera2 and V4L2: stand-ins with the real signatures, and a real V4L2 device where there is one."""

from __future__ import annotations

import os
import struct
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.capture import devices
from emoedge.capture.convert import Orientation, orient_bgr, orient_i420
from emoedge.capture.devices import CameraDevice, first_camera, list_cameras
from emoedge.capture.factory import open_camera
from emoedge.capture.picamera import TwoSizeFrame, monotonic_of_boot_time, small_size, unpadded_i420
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


def i420(picture: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420))


def padded(data: np.ndarray, stride: int) -> np.ndarray:
    """As picamera2 hands it over: rows of `stride` bytes, chroma rows of half of it, two to an array row."""
    height, width = data.shape[0] * 2 // 3, data.shape[1]
    out = np.full((height * 3 // 2, stride), 77, np.uint8)
    out[:height, :width] = data[:height]
    chroma = data[height:].reshape(-1, width // 2)
    out[height:].reshape(-1, stride // 2)[:, : width // 2] = chroma
    return out


# ---- planes ----


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 16))
def test_padding_is_removed_exactly(half_width: int, half_height: int, extra: int) -> None:
    width, height = 2 * half_width, 2 * half_height
    data = np.random.default_rng(1).integers(0, 255, (height * 3 // 2, width), dtype=np.uint8)
    assert np.array_equal(unpadded_i420(padded(data, width + 2 * extra), width, height), data)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_turning_planes_is_turning_the_picture(rotate: int, mirror: bool) -> None:
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:], picture[24:, :32] = RED, (0, 255, 0), BLUE
    orientation = Orientation(rotate, mirror)
    data = orient_i420(i420(picture), 64, 48, orientation)
    expected = orient_bgr(picture, orientation)
    assert np.abs(cv2.cvtColor(data, cv2.COLOR_YUV2BGR_I420).astype(int) - expected).mean() < 4
    clockwise = {0: (0, 0), 90: (0, -1), 180: (-1, -1), 270: (-1, 0)}[rotate]  # where red goes
    row, column = clockwise if not mirror else (clockwise[0], -1 - clockwise[1])
    assert tuple(expected[row, column]) == RED


# ---- picamera2 ----


class StandInRequest:
    def __init__(self, sizes: dict[str, tuple[int, int]], strides: dict[str, int]) -> None:
        self._sizes, self._strides = sizes, strides
        self.released = False

    def get_metadata(self) -> dict:
        return {"SensorTimestamp": time.clock_gettime_ns(time.CLOCK_BOOTTIME) - 20_000_000}

    def make_array(self, name: str) -> np.ndarray:
        width, height = self._sizes[name]
        return padded(i420(halves(width, height)), self._strides[name])

    def release(self) -> None:
        self.released = True


class StandInPicamera2:
    """Signatures of picamera2 0.3.38."""

    cameras: list[dict] = [{"Model": "imx708", "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a", "Num": 0}]  # noqa: RUF012
    made: list[StandInPicamera2] = []  # noqa: RUF012

    @staticmethod
    def global_camera_info() -> list[dict]:
        return StandInPicamera2.cameras

    def __init__(self, camera_num: int = 0, verbose_console=None, tuning=None, allocator=None) -> None:
        self.requests: list[StandInRequest] = []
        self.running = False
        self.closed = False
        self.stalls = False
        StandInPicamera2.made.append(self)

    def create_video_configuration(
        self, main={}, lores=None, raw={}, transform=None, colour_space=None, buffer_count=6, controls={},  # noqa: B006
        display="main", encode="main", queue=True, sensor={}, use_case="video",  # noqa: B006
    ) -> dict:  # fmt: skip
        assert colour_space == "SMPTE170M"
        assert controls["FrameRate"] == 20
        return {"main": dict(main), "lores": dict(lores)}

    def configure(self, camera_config="preview") -> None:
        self.config = camera_config

    def camera_configuration(self) -> dict:
        return self.config

    def start(self, config=None, show_preview=False) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def close(self) -> None:
        self.closed = True

    def capture_request(self, wait=None, signal_function=None, flush=None) -> Future:
        assert wait is False
        job: Future = Future()
        sizes = {name: self.config[name]["size"] for name in ("main", "lores")}
        request = StandInRequest(sizes, {name: size[0] + 32 for name, size in sizes.items()})
        self.requests.append(request)
        if not self.stalls:
            job.set_result(request)
        return job

    def wait(self, job: Future, timeout=None) -> StandInRequest:
        return job.result(timeout)


@pytest.fixture
def picamera2(monkeypatch: pytest.MonkeyPatch) -> type[StandInPicamera2]:
    module, libcamera = ModuleType("picamera2"), ModuleType("libcamera")
    vars(module)["Picamera2"] = StandInPicamera2
    vars(libcamera)["ColorSpace"] = SimpleNamespace(Smpte170m=lambda: "SMPTE170M")
    monkeypatch.setitem(sys.modules, "picamera2", module)
    monkeypatch.setitem(sys.modules, "libcamera", libcamera)
    monkeypatch.setattr(StandInPicamera2, "made", [])
    return StandInPicamera2


def test_both_streams_of_a_pi_camera(picamera2: type[StandInPicamera2]) -> None:
    settings = CameraSettings(source="picamera:0", fps=20, rotate=180)
    begun_s = time.monotonic()
    with open_camera(settings) as camera:
        frames = read_items(camera, 3)
        (device,) = picamera2.made
        assert device.running
    frame = frames[-1]
    assert isinstance(frame, TwoSizeFrame)
    assert (frame.width, frame.height, frame.sequence) == (640, 480, 2)
    assert frame.bgr[100, 100].astype(int) == pytest.approx(BLUE, abs=6)  # turned: blue is left now
    assert frame.bgr[100, 600].astype(int) == pytest.approx(RED, abs=6)
    small = frame.small_rgb(160, 120)
    assert small[60, 20].astype(int) == pytest.approx((0, 0, 255), abs=6)
    assert np.abs(small.astype(int) - super(TwoSizeFrame, frame).small_rgb(160, 120)).mean() < 4
    assert begun_s - 0.02 < frame.time_s < time.monotonic()
    assert all(request.released for request in device.requests)
    assert not device.running
    assert device.closed


def test_a_stalled_pi_camera_times_out(picamera2: type[StandInPicamera2]) -> None:
    with open_camera(CameraSettings(source="picamera:0", fps=20)) as camera:
        picamera2.made[0].stalls = True
        for _ in range(3):
            with pytest.raises(TimeoutError):
                camera.read(timeout_s=0.02)
        assert len(picamera2.made[0].requests) == 1, (
            "the open request must be waited for again, not asked again"
        )


def test_a_pi_camera_that_is_not_there(picamera2: type[StandInPicamera2]) -> None:
    with pytest.raises(DeviceError, match="no such camera"):
        open_camera(CameraSettings(source="picamera:3")).open()


def test_auto_takes_the_pi_camera_first(picamera2: type[StandInPicamera2]) -> None:
    assert first_camera() == CameraDevice("picamera:0", "imx708")


@given(st.integers(64, 4096), st.integers(64, 4096))
def test_the_small_stream_is_small_and_even(width: int, height: int) -> None:
    small_width, small_height = small_size(width, height)
    assert small_width <= width
    assert small_height <= height
    assert small_width % 16 == small_height % 16 == 0


def test_boot_time_becomes_monotonic_time() -> None:
    # The clocks are read one after the other, and a busy machine may do something else in between.
    def error_s() -> float:
        begun_s, boot_s = time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME)
        return abs(monotonic_of_boot_time(boot_s) - begun_s)

    assert min(error_s() for _ in range(100)) < 0.001


# ---- V4L2 ----


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
        with pytest.raises(DeviceError, match="no picture"):
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


CAPTURE, METADATA, MPLANE = 0x1, 0x00800000, 0x1000


@pytest.mark.parametrize(
    ("driver", "device_capabilities", "listed"),
    [
        (b"uvcvideo", CAPTURE, True),
        (b"uvcvideo", METADATA, False),
        (b"some", MPLANE, True),
        (b"unicam", CAPTURE, False),
    ],
)
def test_which_nodes_are_cameras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: bytes, device_capabilities: int, listed: bool
) -> None:
    answer = struct.pack(
        "16s32s32sIII12x",
        driver,
        "Cámara USB".encode(),
        b"usb-1",
        0,
        0x80000000 | 0xFFFF,
        device_capabilities,
    )
    assert len(answer) == 104
    monkeypatch.setattr("fcntl.ioctl", lambda *_: answer)
    node = tmp_path / "video0"
    node.touch()
    found = devices._v4l2_camera(node, "/dev/v4l/by-id/x")
    assert found == (CameraDevice("/dev/v4l/by-id/x", "Cámara USB", str(node)) if listed else None)


def test_stable_names_come_before_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "video3"
    node.touch()
    for folder, name in (("by-id", "usb-cam-index0"), ("by-path", "pci-0")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).symlink_to(node)
    monkeypatch.setattr(devices, "V4L_LINKS", (tmp_path / "by-id", tmp_path / "by-path"))
    assert devices._stable_names() == {str(node): str(tmp_path / "by-id" / "usb-cam-index0")}


@pytest.mark.device
def test_a_real_v4l2_camera() -> None:
    cameras = [camera for camera in list_cameras() if camera.node and camera.usable]
    if not cameras:
        pytest.skip("no V4L2 camera (modprobe v4l2loopback, and feed it)")
    with open_camera(CameraSettings(source=cameras[0].source)) as camera:
        frames = read_items(camera, 10)
    assert frames[-1].time_s < time.monotonic()
    assert (np.diff([frame.time_s for frame in frames]) > 0).all()
