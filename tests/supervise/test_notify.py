"""sd_notify over a real datagram socket, and a watchdog that is fed only while all is well."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoedge.supervise.notify import Notifier, WatchdogPulse, watchdog_interval_s


class Recorded:
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.some = threading.Event()

    def notify(self, state: str) -> None:
        self.messages.append(state)
        self.some.set()


@pytest.fixture(params=["path", "abstract"])
def manager(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """The service manager's end of the socket, in both forms that systemd uses."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@emoedge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0"))
        receiver.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield receiver


def test_systemd_receives_the_messages(manager: socket.socket) -> None:
    notifier = Notifier()
    notifier.ready("face, voice and text")
    notifier.status("2 faces")
    notifier.watchdog()
    notifier.stopping()
    received = [manager.recv(500).decode() for _ in range(4)]
    assert received == ["READY=1\nSTATUS=face, voice and text", "STATUS=2 faces", "WATCHDOG=1", "STOPPING=1"]


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Notifier().ready("on its own")


def test_a_manager_that_went_away_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    Notifier().watchdog()


def test_a_status_is_one_line_of_bounded_length() -> None:
    sender = Recorded()
    Notifier(sender).status("camera:\nREADY=1 " + "x" * 1000)
    Notifier(sender).status("")
    (message,) = sender.messages
    assert message.startswith("STATUS=camera: READY=1 xxx")
    assert "\n" not in message
    assert len(message) < 300


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "77"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "often"}, None),
    ],
)
def test_interval(environ: dict[str, str], expected: float | None) -> None:
    assert watchdog_interval_s(environ, pid=77) == expected


def test_pulses_only_while_alive(caplog: pytest.LogCaptureFixture) -> None:
    sender, answers = Recorded(), iter([True, True, False, False, True])
    pulse = WatchdogPulse(1.0, lambda: next(answers), Notifier(sender))
    with caplog.at_level(logging.ERROR):
        assert [pulse.beat() for _ in range(5)] == [True, True, False, False, True]
    assert sender.messages == ["WATCHDOG=1"] * 3
    assert len(caplog.records) == 1, "said once, not at every beat"


def test_a_check_that_fails_counts_as_dead() -> None:
    sender = Recorded()

    def fail() -> bool:
        raise RuntimeError("no stages")

    assert WatchdogPulse(1.0, fail, Notifier(sender)).beat() is False
    assert sender.messages == []


def test_the_thread_pulses_and_stops() -> None:
    sender = Recorded()
    pulse = WatchdogPulse(0.01, lambda: True, Notifier(sender))
    pulse.start()
    for _ in range(3):
        sender.some.clear()
        assert sender.some.wait(5)
    pulse.stop()
    count = len(sender.messages)
    sender.some.clear()
    assert not sender.some.wait(0.1)
    assert len(sender.messages) == count


def test_without_a_watchdog_no_thread_runs() -> None:
    sender = Recorded()
    pulse = WatchdogPulse(None, lambda: True, Notifier(sender))
    pulse.start()
    pulse.stop()
    assert sender.messages == []
