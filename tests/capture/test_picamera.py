"""Picamera2, by a stand-in with the real signatures."""

from __future__ import annotations

import sys
import time
from concurrent.futures import Future
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.capture.devices import CameraDevice, first_camera
from emoedge.capture.factory import open_camera
from emoedge.capture.picamera import TwoSizeFrame, monotonic_of_boot_time, small_size, unpadded_i420
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError

from .clips import read_items
from .test_v4l2 import BLUE, RED, halves


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


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 16))
def test_padding_is_removed_exactly(half_width: int, half_height: int, extra: int) -> None:
    width, height = 2 * half_width, 2 * half_height
    data = np.random.default_rng(1).integers(0, 255, (height * 3 // 2, width), dtype=np.uint8)
    assert np.array_equal(unpadded_i420(padded(data, width + 2 * extra), width, height), data)


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
