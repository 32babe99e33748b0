"""The daemon as systemd sees it: a process of its own, its notifications, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.publish.control import Command
from emoedge.publish.sinks import NoSink
from emoedge.supervise.assembly import assemble
from emoedge.supervise.daemon import Daemon, run
from emoedge.supervise.stop_request import StopRequest
from emoedge.supervise.systemd_notify import Notifier
from emoedge.worker_thread import WorkerThread

# A busy machine may take long to import the engines; nothing waits longer than it has to.
START_S = 60.0
END_S = 3.0
"""Processor time: other programs do not count. The fault `sigterm` measures the same on the clock."""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(START_S)
        yield receiver


@pytest.fixture
def daemon(tmp_path: Path, manager: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    # Tests that are run under nohup would hand it down.
    command = ["env", "--default-signal=HUP", sys.executable, "-m", "emoedge", "run"]
    process = subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("EMOEDGE_")},
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "EMOEDGE_CAMERA__SOURCE": "none",
        "EMOEDGE_MICROPHONE__SOURCE": "none",
        "EMOEDGE_MQTT__ENABLED": "false",
        "EMOEDGE_RECORDING__DIR": str(tmp_path / "recordings"),
        "EMOEDGE_PATHS__STATE": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path),
    }


def processor_s(pid: int) -> float:
    """Processor time of a process in user and system mode, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def receive(manager: socket.socket) -> list[str]:
    return manager.recv(1000).decode().split("\n")


def test_ready_pulses_and_a_clean_end(daemon: subprocess.Popen[bytes], manager: socket.socket) -> None:
    first = receive(manager)
    assert first[:2] == ["READY=1", "WATCHDOG=1"]
    assert first[2].startswith("STATUS=")
    assert "WATCHDOG=1" in receive(manager)
    before_s = processor_s(daemon.pid)
    daemon.send_signal(signal.SIGTERM)
    while (message := receive(manager))[0] != "STOPPING=1":
        assert "WATCHDOG=1" in message
    os.waitid(os.P_PID, daemon.pid, os.WEXITED | os.WNOWAIT)  # its figures stay until it is waited for
    assert processor_s(daemon.pid) - before_s < END_S
    assert daemon.wait(START_S) == 0


def test_sighup_ends_it_in_order_to_be_started_again(
    daemon: subprocess.Popen[bytes], manager: socket.socket
) -> None:
    """It was killed in mid-recording, and for systemd that was a wish: it stayed down."""
    assert receive(manager)[0] == "READY=1"
    daemon.send_signal(signal.SIGHUP)
    while (message := receive(manager))[0] != "STOPPING=1":
        assert "WATCHDOG=1" in message
    assert daemon.wait(START_S) == 129


def test_under_nohup_it_goes_on(tmp_path: Path, manager: socket.socket) -> None:
    command = ["nohup", sys.executable, "-m", "emoedge", "run"]
    with subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE) as process:
        try:
            assert receive(manager)[0] == "READY=1"
            process.send_signal(signal.SIGHUP)
            for _ in range(3):
                assert "WATCHDOG=1" in receive(manager)
        finally:
            process.kill()


def test_a_dead_publisher_ends_the_daemon(tmp_path: Path) -> None:
    """It went on without anybody hearing of it; only a new process can publish again."""

    class Dead(NoSink):
        @property
        def threads(self) -> tuple[WorkerThread, ...]:
            dead = WorkerThread("publisher", lambda: None)
            dead.died = "for the test"
            return (dead,)

    settings = Settings.model_validate(
        {
            "camera": {"source": "none"},
            "microphone": {"source": "none"},
            "recording": {"dir": tmp_path / "recordings"},
            "paths": {"state": tmp_path / "state"},
        }
    )
    daemon = Daemon(assemble(settings, lambda *_: Dead()))
    assert run(daemon, StopRequest(), Notifier()) == "the publisher thread has died: for the test"


@pytest.mark.parametrize("private", [True, False])
def test_a_thread_that_hangs_ends_the_daemon_unless_privacy_is_on(tmp_path: Path, private: bool) -> None:
    """With privacy ON a new process could do no more, and would forget nothing that matters."""
    settings = Settings.model_validate(
        {
            "camera": {"source": "none"},
            "microphone": {"source": "none"},
            "mqtt": {"enabled": False},
            "recording": {"dir": tmp_path / "recordings"},
            "paths": {"state": tmp_path / "state"},
        }
    )
    daemon = Daemon(assemble(settings))
    daemon.start()
    hung, thawed = threading.Event(), threading.Event()
    writer = daemon.parts.adaptation.writer
    writer._write = lambda _: (hung.set(), thawed.wait(START_S))  # type: ignore[assignment]
    try:
        daemon.parts.controls.handle(Command("privacy", private))
        writer.put({})
        assert hung.wait(START_S)
        assert daemon.stuck() == ""
        assert writer.thread is not None
        writer.thread.limit_s = 0.0
        assert daemon.stuck() == ("" if private else "the adaptation thread hangs")
        daemon.look()
        assert "the adaptation thread hangs" in [part.reason for part in daemon.health_parts]
    finally:
        thawed.set()
        daemon.stop()


def test_damaged_settings_leave_privacy_on_over_a_restart(tmp_path: Path) -> None:
    """The file was read twice, and put aside by the first look: "privacy is ON" was said, and it was OFF."""
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.json").write_text('{"privacy": true, "mar', encoding="utf-8")
    settings = Settings.model_validate(
        {
            "camera": {"source": "none"},
            "microphone": {"source": "none"},
            "mqtt": {"enabled": False},
            "recording": {"dir": tmp_path / "recordings"},
            "paths": {"state": state},
        }
    )
    for _ in range(2):
        daemon = Daemon(assemble(settings))
        states = {message.suffix: message.payload for message in daemon.parts.controls.states()}
        assert states["control/privacy"] == "ON"


def test_a_log_on_a_full_disk_is_no_reason_not_to_run(tmp_path: Path, manager: socket.socket) -> None:
    """It ended at its first word."""
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "emoedge", "run", "--log-level", "info"]
        process = subprocess.Popen(command, env=environment(tmp_path), stdout=full, stderr=full)
    try:
        manager.settimeout(START_S)
        assert receive(manager)[0] == "READY=1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) == 0
    finally:
        process.kill()


def test_a_log_that_is_not_read_holds_up_nothing(tmp_path: Path, manager: socket.socket) -> None:
    """Standard error is a full pipe, as with a hanging journal or Ctrl-S: SIGTERM did nothing."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(write_end, b"x" * 4096)
    os.set_blocking(write_end, True)
    os.read(read_end, 8192)  # room for the first words
    command = [sys.executable, "-m", "emoedge", "run", "--log-level", "debug"]
    process = subprocess.Popen(command, env=environment(tmp_path), stderr=write_end)
    try:
        assert receive(manager)[0] == "READY=1"
        os.set_blocking(write_end, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write_end, b"x")
        os.set_blocking(write_end, True)
        for _ in range(2):
            assert "WATCHDOG=1" in receive(manager)
        process.send_signal(signal.SIGTERM)
        assert process.wait(START_S) == 0
    finally:
        process.kill()
        for end in (read_end, write_end):
            os.close(end)
