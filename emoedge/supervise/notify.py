"""What systemd is told: ready, status, watchdog, stopping (sd_notify(3)). Does nothing where it is absent."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Final, Protocol

logger = logging.getLogger(__name__)

# systemd kills the service after the whole time; half of it leaves room for one late pulse (sd_watchdog_enabled(3)).
_PULSES_PER_TIMEOUT: Final = 2
_STATUS_CHARACTERS: Final = 200


class _Sender(Protocol):
    def notify(self, state: str) -> None: ...


class Notifier:
    """Messages to the service manager.

    Args:
        sender: for tests; by default the socket that systemd named in NOTIFY_SOCKET, if it did.
    """

    def __init__(self, sender: _Sender | None = None) -> None:
        if sender is None:
            import sdnotify

            sender = sdnotify.SystemdNotifier()
        self._sender = sender

    def ready(self, status: str = "") -> None:
        """The service is up: models loaded, sources opened or being retried."""
        self._send("READY=1", status)

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send("", status)

    def watchdog(self) -> None:
        """Still alive."""
        self._send("WATCHDOG=1")

    def stopping(self, status: str = "") -> None:
        """Shutting down."""
        self._send("STOPPING=1", status)

    def _send(self, state: str, status: str = "") -> None:
        lines = [state] if state else []
        if status:
            # A line break would begin another field.
            lines.append("STATUS=" + " ".join(status.split())[:_STATUS_CHARACTERS])
        if lines:
            self._sender.notify("\n".join(lines))


def watchdog_interval_s(environ: Mapping[str, str] | None = None, pid: int | None = None) -> float | None:
    """Seconds between pulses that systemd's watchdog asks of this process; None when it asks for none."""
    environ = os.environ if environ is None else environ
    own = str(os.getpid() if pid is None else pid)
    if environ.get("WATCHDOG_PID", own) != own:
        return None
    try:
        timeout_us = int(environ.get("WATCHDOG_USEC", "0"))
    except ValueError:
        return None
    return timeout_us / 1e6 / _PULSES_PER_TIMEOUT if timeout_us > 0 else None


class WatchdogPulse:
    """Tells the watchdog that the service is alive, for as long as it is.

    Args:
        interval_s: seconds between pulses; None: there is no watchdog, nothing runs.
        alive: whether all stages make progress. When it says no, or raises, the pulse stops and systemd
            restarts the service.
        notifier: where pulses go.
    """

    def __init__(self, interval_s: float | None, alive: Callable[[], bool], notifier: Notifier) -> None:
        self._interval_s = interval_s
        self._alive = alive
        self._notifier = notifier
        self._stop = threading.Event()
        self._was_alive = True
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin; the first pulse goes out at once."""
        if self._interval_s is not None:
            self._thread.start()

    def stop(self) -> None:
        """End, and wait until it has."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def beat(self) -> bool:
        """Pulse once if alive; whether it was."""
        alive = self._is_alive()
        if alive:
            self._notifier.watchdog()
        elif self._was_alive:
            logger.error("no progress: the watchdog gets no more pulses, systemd will restart the service")
        self._was_alive = alive
        return alive

    def _is_alive(self) -> bool:
        try:
            return self._alive()
        except Exception:
            # A check that cannot tell must not keep a broken service running.
            logger.exception("the check for progress failed")
            return False

    def _run(self) -> None:
        self.beat()
        while not self._stop.wait(self._interval_s):
            self.beat()
