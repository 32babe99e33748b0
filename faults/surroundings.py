"""Surroundings of the daemon: a real Mosquitto, and a listener that keeps every message."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PATIENCE_S: Final = 60.0
"""Seconds; a deadline, not a promise: the time taken is reported separately."""
LOOPBACK: Final = "127.0.0.1"
POLL_S: Final = 0.02


class Unmet(Exception):  # noqa: N818 - reads as a result
    """An expectation was not met."""


class Skipped(Exception):  # noqa: N818 - reads as a result
    """The fault cannot be caused on this machine."""


def until(condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> float:
    """Wait for a condition; return the seconds it took. Raises Unmet with `what`."""
    begun_s = time.monotonic()
    while not condition():
        if time.monotonic() - begun_s > timeout_s:
            raise Unmet(f"after {timeout_s:.0f} s still not: {what}")
        time.sleep(POLL_S)
    return time.monotonic() - begun_s


def holds(condition: object, what: str) -> None:
    """Raise Unmet unless the expectation is met now."""
    if not condition:
        raise Unmet(what)


def open_files(pid: int) -> list[str]:
    """Return the kernel's names of the files that a process has open; empty when it has ended."""
    names = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # closed meanwhile
                names.append(str(entry.readlink()))
    return names


def file_sizes(folder: Path) -> dict[Path, int]:
    """Return the bytes of each file below a folder, in which other processes may write and delete."""
    sizes = {}
    # Path.rglob fails when a folder vanishes while it is read.
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # renamed or deleted meanwhile
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    sizes[path] = status.st_size
    return sizes


def program(name: str, package: str) -> str:
    """Return the path of a program; raise Skipped when it is not installed."""
    # Debian installs daemons in folders that only root's PATH contains.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise Skipped(f"{name} is not installed (apt install {package})")
    return found


def faked_clock(folder: Path, offset: str) -> dict[str, object]:
    """Return environment variables for a wall clock with an offset; raise Skipped without libfaketime.

    Args:
        folder: folder of the file `offset`, changes of which take effect at once.
        offset: offset in the syntax of libfaketime, such as "+365d".
    """
    library = next(Path("/usr/lib").rglob("faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise Skipped("libfaketime is not installed (apt install faketime)")
    (folder / "offset").write_text(offset, encoding="ascii")
    return {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": folder / "offset",
        "FAKETIME_NO_CACHE": 1,
        "FAKETIME_DONT_FAKE_MONOTONIC": 1,
    }


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Return whether the port accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Mosquitto:
    """Broker process on a fixed port, without persistence."""

    folder: Path
    port: int = field(default_factory=free_port)
    access: str = "allow_anonymous true"
    options: tuple[str, ...] = ("-v",)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the broker and wait until it listens."""
        config = self.folder / "mosquitto.conf"
        # When run by root, `user root` keeps its right to read the folder.
        config.write_text(
            f"listener {self.port} 127.0.0.1\npersistence false\nuser root\n{self.access}\n", encoding="utf-8"
        )
        with (self.folder / "mosquitto.log").open("ab") as log:
            command = [program("mosquitto", "mosquitto"), "-c", str(config), *self.options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: listens(self.port), "mosquitto listens")

    def kill(self) -> None:
        """Kill the broker, as a power failure would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def log(self) -> str:
        """Return everything that the broker has logged."""
        return (self.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Heard:
    """One received message; `at_s` is time.monotonic(), `wall_s` time.time()."""

    at_s: float
    wall_s: float
    topic: str
    payload: bytes
    retained: bool


class Listener:
    """MQTT client that receives every message of a broker, in order.

    Args:
        port: port of the broker.
        login: user name and password.
        host: host of the broker.
    """

    def __init__(self, port: int, login: tuple[str, str] | None = None, host: str = "127.0.0.1") -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.heard: list[Heard] = []
        ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = self._hear
        # Without pauses: the listener must not slow down a flood.
        self._client.max_queued_messages_set(0)
        if login is not None:
            self._client.username_pw_set(*login)
        self._client.connect(host, port)
        self._client.loop_start()
        if not ready.wait(PATIENCE_S):
            raise Unmet("the listener could not subscribe")

    def _hear(self, _client: Any, _data: Any, message: Any) -> None:
        self.heard.append(
            Heard(time.monotonic(), time.time(), message.topic, bytes(message.payload), bool(message.retain))
        )

    def on(self, topic: str) -> list[Heard]:
        """Return all messages on one topic."""
        return [one for one in list(self.heard) if one.topic == topic]

    def send(self, topic: str, payload: bytes | str, *, retain: bool = False, wait: bool = True) -> None:
        """Publish with QoS 1."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if wait:
            info.wait_for_publish(PATIENCE_S)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()
