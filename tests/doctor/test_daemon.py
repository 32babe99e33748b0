"""A running daemon has camera and microphone: `doctor` asks it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emoedge.config import Settings, with_changes
from emoedge.doctor.daemon import from_daemon, is_same_device
from emoedge.doctor.sources import check_camera, check_microphone
from emoedge.local_socket.client import DaemonClient
from emoedge.local_socket.protocol import Request
from emoedge.local_socket.server import Reply, SocketServer
from tests.supervise.running import PATIENCE_S, connected, running_daemon

Make = Callable[..., Settings]


@pytest.fixture
def settings(make_settings: Make, clip: Path, tmp_path: Path) -> Settings:
    return make_settings(
        camera={"source": f"file:{clip}"},
        microphone={"source": f"file:{clip}"},
        face={"enabled": False},
        voice={"enabled": False},
        speech={"enabled": False},
        paths={"socket": tmp_path / "daemon.sock"},
    )


def asked_until(client: DaemonClient, is_met: Callable[[dict[str, Any]], bool]) -> None:
    """Ask, slower than the bound on requests, until the answer is as it should be."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_met(client.ask("doctor")["parts"]):
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def test_devices_of_a_running_daemon(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_daemon(settings), connected(settings) as client:
        asked_until(
            client,
            lambda parts: all(parts.get(one, {}).get("state") == "ok" for one in ("camera", "microphone")),
        )
        for name in ("open_camera", "open_microphone"):
            monkeypatch.setattr(f"emoedge.capture.factory.{name}", lambda *_: pytest.fail("tried itself"))
        (camera,), (microphone,) = check_camera(settings), check_microphone(settings)
        for result in (camera, microphone):
            assert result.detail.startswith("in use by the running daemon"), result
        client.ask("control", name="privacy", value="ON")
        (camera,) = check_camera(settings)
        assert (camera.state, camera.detail) == ("ok", "privacy is on: the daemon has closed it")


def test_another_source_is_tried_as_ever(settings: Settings, tmp_path: Path) -> None:
    with running_daemon(settings), connected(settings) as client:
        asked_until(client, lambda parts: "camera" in parts)
        changed = with_changes(settings, "camera", {"source": f"file:{tmp_path / 'gone.mp4'}"})
        (result,) = check_camera(changed)
        assert result.state == "failed"


@pytest.mark.parametrize(
    ("part", "state"),
    [
        ({"state": "failed", "reason": "no camera"}, "failed"),
        ({"state": "degraded", "reason": "all black"}, "warning"),
        ({"state": "ok", "reason": "", "figures": {}}, "ok"),
        ({"state": 7}, "warning"),
        (None, None),
    ],
)
def test_what_the_daemon_says_is_the_result(
    settings: Settings, tmp_path: Path, part: object, state: str | None
) -> None:
    def handle(_request: Request, reply: Reply) -> None:
        reply({"camera": settings.camera.source, "parts": {"camera": part}, "privacy": False})

    about = {"device": "d", "state": str(settings.paths.state.absolute())}
    server = SocketServer([settings.paths.socket], about, handle)
    server.start()
    try:
        result = from_daemon(settings, "camera")
        assert (None if result is None else result.state) == state
    finally:
        server.stop(PATIENCE_S)


def test_a_device_is_known_under_its_other_names(tmp_path: Path) -> None:
    """A camera chosen by its stable path was tried, and found busy, while the daemon had it as "auto"."""
    node, stable, other = (tmp_path / name for name in ("video0", "usb-cam-index0", "usb-other-index0"))
    for path in (node, tmp_path / "video1"):
        path.touch()
    stable.symlink_to(node)
    other.symlink_to(tmp_path / "video1")
    assert is_same_device(str(stable), f"{node}, 640 x 480")
    assert not is_same_device(str(other), f"{node}, 640 x 480")
    assert is_same_device("USB mic: Audio, hw", "USB mic: Audio, hw, 16000 Hz")
    assert not is_same_device("USB mic", "USB microphone, 16000 Hz")
    assert is_same_device("picamera:0", "picamera:0, 640 x 480 and 320 x 240")
    for wanted in ("auto", "picamera:0", str(stable)):
        assert not is_same_device(wanted, "")


def test_the_camera_that_the_daemon_has_is_not_tried_again(settings: Settings, tmp_path: Path) -> None:
    def handle(_request: Request, reply: Reply) -> None:
        part = {"state": "ok", "reason": "", "figures": {"device": "picamera:7, 640 x 480", "fps": 14.8}}
        reply({"camera": "auto", "parts": {"camera": part}, "privacy": False})

    about = {"device": "d", "state": str(settings.paths.state.absolute())}
    server = SocketServer([settings.paths.socket], about, handle)
    server.start()
    try:
        (result,) = check_camera(with_changes(settings, "camera", {"source": "picamera:7"}))
        assert (result.state, result.detail) == ("ok", "in use by the running daemon: 14.8 frames a second")
    finally:
        server.stop(PATIENCE_S)
