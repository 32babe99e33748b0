"""Clients of the daemon's Unix socket that are slow, hostile or owned by another user."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from emoedge.local_socket.client import DaemonClient
from emoedge.local_socket.protocol import EVENTS, MAX_REQUEST_BYTES
from faults.bench import START_S, Bench
from faults.fault import fault
from faults.surroundings import Skipped, holds, until

GREETING: Final = b'{"protocol":1,"client":"fault"}\n'
DISCONNECTED_S: Final = 120.0
"""Seconds; a client that reads nothing for 30 s is disconnected."""
PRIVACY_S: Final = 2.0
MEMORY_BYTES: Final = 80_000_000
"""Half of it is the usual growth of a daemon that has just started."""
NOBODY: Final = 65_534
CONNECT_AS_NOBODY: Final = f"""
import os, socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(60)
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
client.connect(sys.argv[1])
print(client.recv(9999).decode())
"""


@fault(quick=True)
def local_reader_that_stops(bench: Bench) -> float:
    """A client of the socket subscribes to all events, requests frames, and never reads again.

    Another client, MQTT and the analysis are not affected, memory stays bounded, and the first client is
    disconnected.
    """
    bench.start_all()
    with _connected(bench) as other, _raw(bench) as stopped:
        other.subscribe("picture")
        other.ask("picture", seconds=300, hz=15)
        until(lambda: "jpeg" in (other.take(1.0) or ("", {}))[1], "a picture comes", START_S)
        before = bench.resident_bytes()
        other.subscribe("face", "health")
        stopped.sendall(
            GREETING + _line(1, "subscribe", events=sorted(EVENTS)) + _line(2, "picture", seconds=300, hz=15)
        )
        took_s = until(
            lambda: "does not read; disconnected" in bench.log_text(), "it is disconnected", DISCONNECTED_S
        )
        while other.take(0.0) is not None:
            pass
        until(lambda: (other.take(1.0) or ("",))[0] == "face", "the other client gets faces")
        bench.goes_on("health", "health continues")
        grown = bench.resident_bytes() - before
        bench.within(grown, MEMORY_BYTES, f"memory has grown by {grown / 1e6:.0f} MB")
    bench.check_alive()
    return took_s


@fault(quick=True)
def hostile_local_clients(bench: Bench) -> float:
    """Garbage, lines of 10 MB, 1,000 bad requests, 200 idle connections and another user at the socket.

    The other user is refused, nothing is changed, the analysis continues, and `privacy ON` from a regular
    client is carried out within 2 s.
    """
    bench.start_all()
    with contextlib.ExitStack() as held:
        good = held.enter_context(_connected(bench))
        margin = good.ask("state")["controls"]["margin"]
        bad = b"".join(_line(number, "control", name="margin", value="lots") for number in range(1_000))
        for attack in (os.urandom(200_000), b"x" * 10_000_000, b"\n".join([b"[" * 900] * 60) + b"\n", bad):
            client = held.enter_context(_raw(bench))
            with contextlib.suppress(OSError):  # it was disconnected, or the daemon no longer reads
                client.settimeout(1.0)
                client.sendall(GREETING + attack)
        for _ in range(200):
            held.enter_context(_raw(bench))
        _refuse_another_user(bench)
        bench.goes_on("health", "health continues")
        holds(good.ask("state")["controls"]["margin"] == margin, "a bad value changed a control")
        took_s = until(lambda: good.ask("control", name="privacy", value="ON"), "privacy ON is answered")
        bench.within(took_s, PRIVACY_S, f"that took {took_s:.1f} s")
        until(lambda: not bench.has_open(bench.clip), "the source is closed")
    holds(MAX_REQUEST_BYTES < 10_000_000, "a line of 10 MB is too long")
    bench.check_alive()
    return took_s


def _refuse_another_user(bench: Bench) -> None:
    """Check that neither the folder nor the daemon admits another user."""
    if os.geteuid() != 0:
        raise Skipped("needs root to become another user")
    command = [sys.executable, "-S", "-c", CONNECT_AS_NOBODY]
    closed = subprocess.run([*command, str(_place(bench))], check=False, capture_output=True, text=True)
    holds("PermissionError" in closed.stderr, f"another user reached the socket: {closed.stdout}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = Path(folder) / "daemon.sock"
        copy.hardlink_to(_place(bench))
        mode = copy.stat().st_mode
        copy.chmod(0o666)
        opened = subprocess.run([*command, str(copy)], check=False, capture_output=True, text=True)
        copy.chmod(mode & 0o777)
    holds(json.loads(opened.stdout)["error"]["code"] in ("permission", "busy"), f"said: {opened.stdout}")


def _place(bench: Bench) -> Path:
    return bench.runtime / "daemon.sock"


@contextlib.contextmanager
def _connected(bench: Bench) -> Iterator[DaemonClient]:
    until(lambda: _place(bench).exists(), "the socket is there", START_S)
    with DaemonClient(_place(bench), "good") as client:
        yield client


@contextlib.contextmanager
def _raw(bench: Bench) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(_place(bench)))  # waits in a long queue
        client.settimeout(60.0)
        yield client


def _line(number: int, act: str, **values: Any) -> bytes:
    return json.dumps({"id": number, "do": act, **values}).encode() + b"\n"
