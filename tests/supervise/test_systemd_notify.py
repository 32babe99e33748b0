"""sd_notify over a real datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emoedge.health import Health
from emoedge.supervise.systemd_notify import Notifier, status_line


@dataclass
class StandIn:
    health_parts: tuple[Health, ...] = ()


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """The service manager's end of the socket, in both forms that systemd uses."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@emoedge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0"))
        receiver.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield receiver


def test_systemd_receives_ready_pulses_status_and_the_end(manager: socket.socket) -> None:
    notifier, daemon = Notifier(), StandIn((Health("camera", "ok"),))
    notifier.pulse(daemon)
    notifier.pulse(daemon)
    daemon.health_parts = (Health("camera", "failed", "unplugged"),)
    notifier.pulse(daemon)
    notifier.pulse(daemon)
    notifier.stopping()
    received = [manager.recv(500).decode() for _ in range(5)]
    assert received == [
        "READY=1\nWATCHDOG=1\nSTATUS=all well",
        "WATCHDOG=1",
        "WATCHDOG=1\nSTATUS=camera failed: unplugged",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=stopping",
    ]


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Notifier().pulse(StandIn())


def test_a_manager_that_went_away_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    Notifier().pulse(StandIn())


def test_a_status_is_one_line_of_bounded_length() -> None:
    class Recorded:
        messages: tuple[str, ...] = ()

        def notify(self, state: str) -> None:
            self.messages += (state,)

    sender = Recorded()
    reason = "says\nWATCHDOG=trigger " + "x" * 1000
    Notifier(sender).pulse(StandIn((Health("camera", "failed", reason),)))
    *fields, status = sender.messages[0].split("\n")
    assert fields == ["READY=1", "WATCHDOG=1"]
    assert status.startswith("STATUS=camera failed: says WATCHDOG=trigger xxx")
    assert len(status) < 220


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((), "all well"),
        ((Health("camera", "ok"), Health("broker", "ok")), "all well"),
        ((Health("camera", "ok"), Health("text", "off")), "all well (off: text)"),
        (
            (
                Health("camera", "failed", "unplugged"),
                Health("text", "off"),
                Health("broker", "degraded", "away"),
            ),
            "camera failed: unplugged; broker degraded: away",
        ),
    ],
)
def test_status_line(parts: tuple[Health, ...], expected: str) -> None:
    assert status_line(parts) == expected
