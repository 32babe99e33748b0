"""What is around the daemon: a real Mosquitto, and a listener that keeps all it hears."""

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
"""A deadline, not a promise: how long it took is a figure of its own."""
LOOPBACK: Final = "127.0.0.1"
POLL_S: Final = 0.02


class Unmet(Exception):  # noqa: N818 - reads as a result
    """An expectation was not met."""


class Skipped(Exception):  # noqa: N818 - reads as a result
    """This fault cannot be caused on this machine."""


def until(condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> float:
    """Wait for a condition; how long it took, seconds. Raises Unmet with `what`."""
    begun_s = time.monotonic()
    while not condition():
        if time.monotonic() - begun_s > timeout_s:
            raise Unmet(f"after {timeout_s:.0f} s still not: {what}")
        time.sleep(POLL_S)
    return time.monotonic() - begun_s


def holds(condition: object, what: str) -> None:
    """An expectation that is met now, or never."""
    if not condition:
        raise Unmet(what)


def open_files(pid: int) -> list[str]:
    """What a process has open, as the kernel names it; nothing where it has ended."""
    names = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # closed meanwhile
                names.append(str(entry.readlink()))
    return names


def file_sizes(folder: Path) -> dict[Path, int]:
    """Bytes of each file below a folder; another process may write and delete there meanwhile."""
    sizes = {}
    # Not Path.rglob, which fails when a folder vanishes while it is read.
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # renamed or deleted meanwhile
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    sizes[path] = status.st_size
    return sizes


def program(name: str, package: str) -> str:
    """Path of a program; Skipped when it is not installed."""
    # Debian keeps daemons where only root's PATH looks.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if found is None:
        raise Skipped(f"{name} is not installed (apt install {package})")
    return found


def faked_clock(folder: Path, offset: str) -> dict[str, object]:
    """Variables of the environment for a wall clock with an offset; Skipped without libfaketime.

    Args:
        folder: for the file `offset`; what is written there counts at once.
        offset: as libfaketime reads it, such as "+365d".
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
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Return whether somebody accepts connections there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Mosquitto:
    """A broker process of our own on a fixed port, which forgets everything when it ends."""

    folder: Path
    port: int = field(default_factory=free_port)
    access: str = "allow_anonymous true"
    options: tuple[str, ...] = ("-v",)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it listens."""
        config = self.folder / "mosquitto.conf"
        # `user root` keeps it from giving up the right to read its folder when run by root.
        config.write_text(
            f"listener {self.port} 127.0.0.1\npersistence false\nuser root\n{self.access}\n", encoding="utf-8"
        )
        with (self.folder / "mosquitto.log").open("ab") as log:
            command = [program("mosquitto", "mosquitto"), "-c", str(config), *self.options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(lambda: listens(self.port), "mosquitto listens")

    def kill(self) -> None:
        """As when its power fails."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def log(self) -> str:
        """All it has written."""
        return (self.folder / "mosquitto.log").read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it arrived; `at_s` is time.monotonic(), `wall_s` time.time()."""

    at_s: float
    wall_s: float
    topic: str
    payload: bytes
    retained: bool


class Listener:
    """Hears everything on a broker, in order.

    Args:
        port: of the broker.
        login: user name and password.
        host: of the broker.
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
        # In one go, however fast: a listener must not be what holds a flood up.
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
        """All on one topic."""
        return [one for one in list(self.heard) if one.topic == topic]

    def send(self, topic: str, payload: bytes | str, *, retain: bool = False, wait: bool = True) -> None:
        """Publish with QoS 1."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if wait:
            info.wait_for_publish(PATIENCE_S)

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()
