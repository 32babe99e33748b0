"""A running daemon has camera and microphone: `doctor` asks it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emoedge.config import Settings, with_changes
from emoedge.doctor.running import from_daemon
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
            assert result.detail.startswith("the running daemon has it"), result
        client.ask("control", name="privacy", value="ON")
        (camera,) = check_camera(settings)
        assert (camera.state, camera.detail) == ("ok", "privacy is on: the running daemon has closed it")


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
