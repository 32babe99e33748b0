"""Workers with devices that go away, hang and come back. No real device, real threads and short times."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from emoedge.backoff import Backoff
from emoedge.capture import device_thread as keeper
from emoedge.capture.capture_threads import (
    CameraWorker,
    MicrophoneWorker,
    make_camera_worker,
    make_microphone_worker,
)
from emoedge.capture.source import Closing
from emoedge.config.capture_settings import CameraSettings, MicrophoneSettings
from emoedge.errors import DeviceError
from emoedge.frames import AudioBlock, Frame

QUICK = Backoff(first_s=0.05, longest_s=0.05)


class Device:
    """What all attempts share: whether the cable is in, and who has the device open."""

    def __init__(self) -> None:
        self.plugged = True
        self.hanging = threading.Event()
        self.open_count = 0
        self.held = 0
        self.ends = False
        self.fails: Exception | None = None


class ScriptedCamera(Closing):
    def __init__(self, device: Device) -> None:
        self.device = device
        self.is_open = False
        self.count = 0

    def open(self) -> None:
        if not self.device.plugged:
            raise DeviceError("no camera", "plug one in")
        self.is_open = True
        self.device.open_count += 1
        self.device.held += 1

    def read(self, timeout_s: float = 0.5) -> Frame | None:
        time.sleep(0.01)
        while self.device.hanging.is_set():
            time.sleep(0.01)
        if self.device.fails:
            raise self.device.fails
        if self.device.ends:
            return None
        if not self.device.plugged:
            raise DeviceError("camera lost", "check the cable")
        self.count += 1
        data = np.random.default_rng(self.count).integers(16, 235, (48, 32), dtype=np.uint8)
        return Frame(time.monotonic(), data, "i420", 32, 32, self.count)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self.device.held -= 1

    def describe(self) -> str:
        return "scripted"


def until(condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not be taken for a driver that hangs."""
    monkeypatch.setattr(keeper, "END_LIMIT_S", 60.0)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, patient: None) -> None:
    """For drivers that hang."""
    monkeypatch.setattr(keeper, "END_LIMIT_S", 0.2)


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def worker(device: Device):
    worker = CameraWorker(lambda: ScriptedCamera(device), stall_s=60.0, backoff=QUICK)
    yield worker
    device.hanging.clear()
    worker.stop()
    until(lambda: worker.released)
    assert device.held == 0


def test_frames_arrive_and_health_says_so(worker: CameraWorker) -> None:
    slot = worker.subscribe()
    worker.start()
    frame = slot.take(60.0)
    assert frame is not None
    assert worker.health().state == "ok"
    assert worker.health().figures["device"] == "scripted"


def test_each_consumer_gets_the_newest(worker: CameraWorker) -> None:
    first, second = worker.subscribe(), worker.subscribe()
    worker.start()
    until(lambda: int(worker.health().figures["frames"]) > 10)
    newest = first.take(60.0)
    assert newest is not None
    assert newest.sequence > 5
    assert second.take(60.0) is not None


def test_a_missing_camera_is_reported_and_found_later(worker: CameraWorker, device: Device) -> None:
    device.plugged = False
    worker.start()
    until(lambda: worker.health().state == "failed")
    assert "no camera" in worker.health().reason
    assert "plug one in" in worker.health().reason
    device.plugged = True
    until(lambda: worker.health().state == "ok")
    assert worker.health().reason == ""


def test_unplugging_and_replugging(worker: CameraWorker, device: Device) -> None:
    worker.start()
    until(lambda: worker.health().state == "ok")
    device.plugged = False
    until(lambda: worker.health().state == "failed")
    assert device.held == 0
    device.plugged = True
    until(lambda: worker.health().state == "ok")
    assert worker.health().figures["losses"] == 1
    assert device.open_count == 2


def test_the_end_of_a_stream_and_odd_errors_are_losses(worker: CameraWorker, device: Device) -> None:
    worker.start()
    until(lambda: worker.health().state == "ok")
    device.ends = True
    until(lambda: "ended" in worker.health().reason)
    device.ends, device.fails = False, ZeroDivisionError("driver")
    until(lambda: "ZeroDivisionError" in worker.health().reason)
    device.fails = None
    until(lambda: worker.health().state == "ok")


def test_a_machine_without_a_thread_to_spare_is_tried_again(
    worker: CameraWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ended the one that opens the camera, for good."""
    slot = worker.subscribe()
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "camera-capture":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as crowded:
        crowded.setattr(threading.Thread, "start", refuse)
        worker.start()
        until(lambda: "can't start new thread" in worker.health().reason)
        assert worker.health().state == "failed"
    until(lambda: slot.take(0.1) is not None)


def test_a_hanging_driver_is_left_behind_and_the_next_attempt_works(
    worker: CameraWorker, device: Device, impatient: None
) -> None:
    worker.start()
    until(lambda: worker.health().state == "ok")
    device.hanging.set()
    worker._stall_s = 0.4
    until(lambda: "stalled" in worker.health().reason)
    worker._stall_s = 60.0
    device.hanging.clear()
    until(lambda: worker.health().state == "ok")
    until(lambda: device.held == 1)


def test_loading_a_library_is_not_the_time_of_the_device(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Importing OpenCV takes half a minute on a busy board: its camera was given up again and again."""
    monkeypatch.setattr(keeper, "OPEN_LIMIT_S", 0.2)

    def make() -> ScriptedCamera:
        time.sleep(0.6)
        return ScriptedCamera(device)

    worker = CameraWorker(make, backoff=QUICK)
    worker.start()
    try:
        until(lambda: worker.health().state == "ok")
        assert worker.health().figures["losses"] == 0
        assert device.open_count == 1
    finally:
        worker.stop()


def test_stuck_threads_do_not_add_up(worker: CameraWorker, device: Device, impatient: None) -> None:
    worker.start()
    until(lambda: worker.health().state == "ok")
    device.hanging.set()
    worker._stall_s = 0.01
    until(lambda: worker._stuck() >= 1)

    def hangs_in_open() -> ScriptedCamera:
        while device.hanging.is_set():
            time.sleep(0.01)
        raise DeviceError("x")

    worker._make_source = hangs_in_open
    before = threading.active_count()
    worker._abandoned *= 3
    time.sleep(0.5)
    assert threading.active_count() <= before + 1


def test_stop_does_not_wait_for_a_driver_that_hangs(
    worker: CameraWorker, device: Device, impatient: None
) -> None:
    worker.start()
    until(lambda: worker.health().state == "ok")
    device.hanging.set()
    assert not worker.stop()
    device.hanging.clear()
    until(lambda: worker.released)


def test_pause_releases_and_resume_opens_again(worker: CameraWorker, device: Device) -> None:
    slot = worker.subscribe()
    worker.start()
    until(lambda: worker.health().state == "ok")
    assert worker.pause()
    assert device.held == 0
    assert worker.health().state == "off"
    assert slot.take(0.0) is None, "what was seen before must not come out after"
    assert slot.take(0.3) is None
    worker.resume()
    assert slot.take(60.0) is not None
    assert device.held == 1


def test_pause_during_a_hang_is_honest(worker: CameraWorker, device: Device, impatient: None) -> None:
    worker.start()
    until(lambda: worker.health().state == "ok")
    device.hanging.set()
    assert not worker.pause()
    assert worker.health().state == "degraded"
    assert "not released" in worker.health().reason
    device.hanging.clear()
    until(lambda: worker.health().state == "off")
    assert device.held == 0


def test_many_pauses_never_leave_the_device_open(worker: CameraWorker, device: Device) -> None:
    worker.start()
    for _ in range(20):
        assert worker.pause()
        assert device.held == 0
        worker.resume()
        time.sleep(0.02)


class ScriptedMicrophone(Closing):
    def __init__(self) -> None:
        self.left = 10

    def open(self) -> None:
        pass

    def read(self, timeout_s: float = 0.5) -> AudioBlock | None:
        time.sleep(0.02)
        self.left -= 1
        if self.left < 0:
            raise DeviceError("microphone lost", "check the cable")
        return AudioBlock(time.monotonic(), np.ones(320, np.int16))

    def close(self) -> None:
        pass

    def describe(self) -> str:
        return "scripted"


def test_the_time_without_a_microphone_is_a_gap_for_the_listener() -> None:
    worker = MicrophoneWorker(ScriptedMicrophone, backoff=Backoff(first_s=0.3, longest_s=0.3, jitter=0.0))
    queue = worker.subscribe()
    worker.start()
    blocks = []

    def gap_arrives() -> bool:
        block = queue.take(0.5)
        blocks.extend([block] if block else [])
        return block is not None and block.gap_s > 0

    until(gap_arrives)
    worker.stop()
    assert blocks[-1].gap_s == pytest.approx(blocks[-1].time_s - blocks[-2].end_s, abs=1e-6)
    assert blocks[-1].gap_s > 0.25
    assert worker.health().figures["lost_s"] == 0


def test_sound_that_waits_too_long_is_reported_before_any_is_lost() -> None:
    worker: MicrophoneWorker

    class Quick(ScriptedMicrophone):
        def read(self, timeout_s: float = 0.5) -> AudioBlock | None:
            time.sleep(0.05)
            if "delayed" in worker.health().reason:
                raise TimeoutError
            return AudioBlock(time.monotonic(), np.ones(16000, np.int16))

    worker = MicrophoneWorker(Quick, stall_s=60.0)
    queue = worker.subscribe()
    worker.start()
    until(lambda: "delayed" in worker.health().reason)
    assert worker.health().state == "degraded"
    assert worker.health().figures["lost_s"] == 0
    until(lambda: queue.take(0.01) is None or "delayed" not in worker.health().reason)
    worker.stop()


def test_sound_nobody_takes_in_time_is_counted_and_reported() -> None:
    class Fast(ScriptedMicrophone):
        def read(self, timeout_s: float = 0.5) -> AudioBlock | None:
            time.sleep(0.001)
            return AudioBlock(time.monotonic(), (np.arange(16000) % 97).astype(np.int16))

    worker = MicrophoneWorker(Fast)
    worker.subscribe()
    worker.start()
    until(lambda: float(worker.health().figures["lost_s"]) >= 10)
    until(lambda: "lost" in worker.health().reason)
    assert worker.health().state == "degraded"
    worker.stop()


def test_none_makes_no_worker_and_a_missing_source_is_reported() -> None:
    assert make_camera_worker(CameraSettings(source="none")) is None
    assert make_microphone_worker(MicrophoneSettings(source="none")) is None
    worker = make_camera_worker(CameraSettings(source="/dev/v4l/by-id/usb-none"))
    assert worker is not None
    worker.start()
    until(lambda: "/dev/v4l/by-id/usb-none" in worker.health().reason)
    worker.stop()
