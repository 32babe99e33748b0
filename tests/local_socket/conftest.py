"""Shared fixtures."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoedge.local_socket.protocol import DaemonError, Request
from emoedge.local_socket.server import Reply, SocketServer
from emoedge.translation import tr


class Daemon:
    """A server whose requests are kept, and answered with their arguments."""

    def __init__(self, *places: Path, state: str = "/state") -> None:
        self.taken: list[Request] = []
        self.late: queue.Queue[Reply] = queue.Queue()
        self.server = SocketServer(list(places), {"device": "salon", "state": state}, self.handle)
        self.server.start()

    def handle(self, request: Request, reply: Reply) -> None:
        self.taken.append(request)
        if request.act == "late":
            self.late.put(reply)
        elif request.act == "fail":
            raise DaemonError("cannot", "try again", "value")
        elif request.act == "private":
            raise DaemonError(tr("privacy is on"), tr("switch it off first"), "privacy")
        elif request.act == "break":
            raise RuntimeError("for the test")
        else:
            reply({"taken": request.values})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "run" / "daemon.sock"


@pytest.fixture
def daemon(place: Path) -> Iterator[Daemon]:
    daemon = Daemon(place)
    yield daemon
    assert daemon.server.stop(60.0)
    assert daemon.server.thread.died == ""
