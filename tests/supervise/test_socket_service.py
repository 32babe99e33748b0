"""A daemon, started in this process, and a client of its socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emoedge.config import Settings
from emoedge.local_socket.client import DaemonClient, connect
from emoedge.local_socket.protocol import DaemonError
from emoedge.supervise.assembly import assemble
from emoedge.supervise.daemon import Daemon, run
from tests.publish.conftest import until

PATIENCE_S = 120.0


class Quiet:
    """Stands in for systemd."""

    def pulse(self, daemon: Daemon) -> None:
        """Do nothing."""

    def stopping(self) -> None:
        """Do nothing."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "device_id": "salon",
            "camera": {"source": "none"},
            "microphone": {"source": "none"},
            "mqtt": {"enabled": False},
            "recording": {"dir": str(tmp_path / "recordings"), "min_free_bytes": 0},
            "paths": {"state": str(tmp_path / "state"), "socket": str(tmp_path / "daemon.sock")},
        }
    )


@pytest.fixture
def running(settings: Settings) -> Iterator[threading.Thread]:
    """The thread in which the daemon runs."""
    settings.paths.state.mkdir()
    stop, daemon = threading.Event(), Daemon(assemble(settings))
    thread = threading.Thread(target=run, args=(daemon, stop, Quiet()))
    thread.start()
    yield thread
    stop.set()
    thread.join(PATIENCE_S)
    assert not settings.paths.socket.exists()


@pytest.fixture
def client(settings: Settings, running: threading.Thread) -> Iterator[DaemonClient]:
    found: list[DaemonClient] = []

    def is_there() -> bool:
        found.extend(one for one in [connect(settings, "test")] if one is not None)
        return bool(found)

    until(is_there, "the daemon listens", PATIENCE_S)
    with found[0] as client:
        yield client


def asked_until(client: DaemonClient, act: str, is_met: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Ask, slower than the bound on requests, until the answer is as it should be."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_met(found := client.ask(act)):
        assert time.monotonic() < deadline_s, found
        time.sleep(0.1)
    return found


def test_the_state_says_what_is(client: DaemonClient) -> None:
    state = asked_until(client, "state", lambda state: state["emotion"] and state["health"])
    assert (state["device"], state["privacy"], state["language"]) == ("salon", False, "es")
    assert state["emotion"]["reason"] == "no_opinion"
    assert state["controls"]["margin"] == "0.2"
    assert state["recording"] == {"on": False, "id": None, "seconds": 0.0}
    assert state["health"]["parts"]["camera"]["state"] == "off"


def test_controls_are_changed_and_what_is_refused_says_why(client: DaemonClient) -> None:
    client.subscribe("control")
    assert client.ask("control", name="margin", value="0.35") == {"value": "0.35"}
    assert client.take(PATIENCE_S) == ("control", {"name": "margin", "value": "0.35"})
    assert client.ask("state")["controls"]["margin"] == "0.35"
    for name, value in (
        ("margin", "7"),
        ("nothing", "1"),
        ("margin", ""),
        ("margin", 7),
        ("margin", "x" * 300),
    ):
        with pytest.raises(DaemonError) as caught:
            client.ask("control", name=name, value=value)
        assert caught.value.code == "value"
    with pytest.raises(DaemonError, match="no frame available") as refused:
        client.ask("control", name="snapshot", value="PRESS")
    assert refused.value.code == "refused"


def test_privacy_is_answered_once_it_is_done(client: DaemonClient, settings: Settings) -> None:
    assert client.ask("control", name="privacy", value="ON") == {"value": "ON"}
    assert client.ask("state")["privacy"] is True
    assert client.ask("control", name="privacy", value="OFF") == {"value": "OFF"}
    assert client.ask("state")["privacy"] is False
    assert '"privacy": false' in (settings.paths.state / "state.json").read_text(encoding="utf-8")


def test_doctor_and_what_nobody_knows(client: DaemonClient) -> None:
    found = asked_until(client, "doctor", lambda found: found["parts"])
    assert found["camera"] == "none"
    assert found["parts"]["camera"] == {"state": "off", "reason": "", "figures": {}}
    with pytest.raises(DaemonError) as caught:
        client.ask("format_disk")
    assert caught.value.code == "unknown"


def test_restart_ends_it_in_order(client: DaemonClient, running: threading.Thread) -> None:
    client.ask("restart")
    with pytest.raises(DaemonError) as caught:
        client.take(PATIENCE_S)
    assert caught.value.code == "gone"
    running.join(PATIENCE_S)
    assert not running.is_alive()


def test_a_socket_that_cannot_be_had_is_said_and_the_daemon_runs(settings: Settings) -> None:
    settings.paths.state.mkdir()
    settings.paths.socket.write_text("a file", encoding="utf-8")
    daemon = Daemon(assemble(settings))
    daemon.start()
    try:
        daemon.look()
        part = next(part for part in daemon.health_parts if part.name == "socket")
        assert part.state == "degraded"
        assert str(settings.paths.socket) in part.reason
        assert daemon.stuck() == ""
    finally:
        daemon.stop()
