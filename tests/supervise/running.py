"""A daemon that runs in this process, and a client of its socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from emoedge.config import Settings
from emoedge.local_socket.client import DaemonClient, connect
from emoedge.supervise.assembly import assemble
from emoedge.supervise.daemon import Daemon, run
from emoedge.supervise.stop_request import StopRequest
from tests.publish.conftest import until

PATIENCE_S = 120.0


class Quiet:
    """Stands in for systemd."""

    def pulse(self, daemon: Daemon) -> None:
        """Do nothing."""

    def stopping(self) -> None:
        """Do nothing."""


@contextmanager
def running_daemon(settings: Settings) -> Iterator[threading.Thread]:
    """Run it for as long as the block lasts; the thread in which it does."""
    settings.paths.state.mkdir(exist_ok=True)
    stop, daemon = StopRequest(), Daemon(assemble(settings))
    thread = threading.Thread(target=run, args=(daemon, stop, Quiet()))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(PATIENCE_S)
    assert not settings.paths.socket.exists()


def connected(settings: Settings) -> DaemonClient:
    """A client, once the daemon listens."""
    found: list[DaemonClient] = []

    def is_there() -> bool:
        found.extend(one for one in [connect(settings, "test")] if one is not None)
        return bool(found)

    until(is_there, "the daemon listens", PATIENCE_S)
    return found[0]
