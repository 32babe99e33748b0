"""Camera and microphone checks: with a clip, and broken in every way a file or stand-in can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emoedge.capture import factory as camera
from emoedge.config import Settings
from emoedge.doctor import sources
from emoedge.doctor.sources import check_camera, check_microphone
from emoedge.errors import DeviceError
from emoedge.frames import AudioBlock, Frame

Make = Callable[..., Settings]


class StandIn:
    """A source that gives the same item again and again."""

    def __init__(self, item: Frame | AudioBlock | Exception | None) -> None:
        self.item = item
        self.closed = False

    def open(self) -> None:
        if isinstance(self.item, DeviceError):
            raise self.item

    def read(self, timeout_s: float = 0.5) -> Frame | AudioBlock | None:
        if isinstance(self.item, Exception):
            raise self.item
        return self.item

    def close(self) -> None:
        self.closed = True

    def describe(self) -> str:
        return "stand-in"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "FIRST_PICTURE_S", 0.2)
    monkeypatch.setattr(sources, "LOOK_S", 0.2)
    monkeypatch.setattr(sources, "LISTEN_S", 0.2)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], StandIn]:
    def put(item: object) -> StandIn:
        source = StandIn(item)  # type: ignore[arg-type]
        monkeypatch.setattr(camera, "open_camera", lambda _settings: source)
        monkeypatch.setattr(camera, "open_microphone", lambda _settings: source)
        return source

    return put


def frame(value: int) -> Frame:
    rng = np.random.default_rng(0)
    spread = 30 if value > 40 else 2
    data = np.clip(rng.normal(value, spread, (48, 64, 3)), 0, 255).astype(np.uint8)
    return Frame(0.0, data, "bgr", 64, 48)


def sound(level: float, offset: float = 0.0, hum: float = 0.0) -> AudioBlock:
    samples = np.random.default_rng(0).normal(0, level, 1600) + offset * 32768
    samples += hum * 32768 * np.sin(2 * np.pi * 50 * np.arange(1600) / 16000)
    return AudioBlock(0.0, np.clip(samples, -32768, 32767).astype(np.int16))


def test_switched_off(make_settings: Make) -> None:
    for check in (check_camera, check_microphone):
        (result,) = check(make_settings())
        assert result.state == "ok"
        assert "none" in result.detail


def test_a_clip_gives_picture_and_sound(
    make_settings: Make, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "FIRST_PICTURE_S", 10.0)
    settings = make_settings(camera={"source": f"file:{clip}"}, microphone={"source": f"file:{clip}"})
    (picture,) = check_camera(settings)
    # A busy machine may give fewer pictures than asked for, and it is right to say so.
    assert picture.state in ("ok", "warning")
    assert "640 x 480" in picture.detail
    (heard,) = check_microphone(settings)
    assert heard.state == "ok"
    assert "dBFS" in heard.detail


@pytest.mark.parametrize(
    "source",
    ["file:/nonexistent.mp4", "/dev/v4l/by-id/usb-none", "rtsp://127.0.0.1:1/x", "gst:no-such-element"],
)
def test_a_camera_that_is_not_there(make_settings: Make, source: str) -> None:
    (result,) = check_camera(make_settings(camera={"source": source}))
    assert (result.name, result.state) == ("camera", "failed")
    assert result.detail
    assert result.remedy


def test_the_password_of_a_camera_is_not_shown(make_settings: Make) -> None:
    (result,) = check_camera(make_settings(camera={"source": "rtsp://me:hush@127.0.0.1:1/x"}))
    assert result.state == "failed"
    assert "hush" not in repr(result)


@pytest.mark.parametrize("source", ["file:/nonexistent.wav", "a microphone that nobody has"])
def test_a_microphone_that_is_not_there(make_settings: Make, source: str) -> None:
    (result,) = check_microphone(make_settings(microphone={"source": source}))
    assert (result.name, result.state) == ("microphone", "failed")
    assert result.remedy


def test_a_file_without_sound(make_settings: Make, tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("no sound at all")
    (result,) = check_microphone(make_settings(microphone={"source": f"file:{path}"}))
    assert result.state == "failed"


def test_a_good_camera(make_settings: Make, use: Callable[[object], StandIn]) -> None:
    source = use(frame(120))
    (result,) = check_camera(make_settings(camera={"source": "auto"}))
    assert result.state == "ok"
    assert "frames a second" in result.detail
    assert source.closed


def test_a_black_picture(make_settings: Make, use: Callable[[object], StandIn]) -> None:
    use(frame(16))
    (result,) = check_camera(make_settings(camera={"source": "auto"}))
    assert result.state == "warning"
    assert "lens cap" in result.remedy


def test_too_few_pictures(
    make_settings: Make, use: Callable[[object], StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    source = use(frame(120))
    monkeypatch.setattr(source, "read", lambda: (time.sleep(0.15), source.item)[1])
    (result,) = check_camera(make_settings(camera={"source": "auto", "fps": 30}))
    assert result.state == "warning"
    assert "instead of 30" in result.detail


@pytest.mark.parametrize(
    "item",
    [TimeoutError("nothing"), None, DeviceError("busy", "end the other program")],
    ids=["stalled", "empty", "busy"],
)
def test_no_pictures(make_settings: Make, use: Callable[[object], StandIn], item: object) -> None:
    source = use(item)
    (result,) = check_camera(make_settings(camera={"source": "auto"}))
    assert result.state == "failed"
    assert result.remedy
    assert source.closed


@pytest.mark.parametrize(
    ("item", "state", "words"),
    [
        (sound(1000), "ok", "dBFS"),
        (sound(0), "warning", "silence"),
        (sound(30000), "warning", "too loud"),
        (sound(1000, offset=0.05), "warning", "offset of 5.0%"),
        (sound(1000, offset=-0.2), "warning", "offset of 20.0%"),
        (sound(300, hum=0.1), "warning", "hum"),
        (None, "failed", "no audio"),
        (TimeoutError(), "failed", "no audio"),
        (DeviceError("busy", "end the other program"), "failed", "busy"),
    ],
)
def test_what_a_microphone_gives(
    make_settings: Make, use: Callable[[object], StandIn], item: object, state: str, words: str
) -> None:
    source = use(item)
    (result,) = check_microphone(make_settings(microphone={"source": "auto"}))
    assert (result.state, words in result.detail) == (state, True), result
    assert bool(result.remedy) == (state != "ok")
    assert source.closed


def test_a_device_that_the_running_service_holds_is_no_failure(
    make_settings: Make, use: Callable[[object], StandIn], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(DeviceError("busy", "end the other program"))
    monkeypatch.setattr(sources, "_service_runs", lambda: True)
    (result,) = check_camera(make_settings(camera={"source": "auto"}))
    assert result.state == "warning"
    assert "systemctl stop emoedge" in result.remedy
