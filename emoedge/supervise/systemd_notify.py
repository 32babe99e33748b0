"""Notifications to systemd: ready, status, watchdog, stopping (sd_notify(3)). Does nothing without it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from emoedge.health import Health

_STATUS_CHARACTERS: Final = 200
_TROUBLE: Final = ("degraded", "failed")


class _Sender(Protocol):
    def notify(self, state: str) -> None: ...


class _Watched(Protocol):
    """The daemon, as far as systemd is concerned."""

    @property
    def health_parts(self) -> tuple[Health, ...]: ...


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
        self._is_ready = False
        self._status = ""

    def pulse(self, daemon: _Watched) -> None:
        """To be called at every turn of the main loop, and only while all stages make progress.

        The first call tells systemd that the service is up. When the calls end without `stopping`, the
        watchdog restarts the service.
        """
        lines = ["WATCHDOG=1"]
        if not self._is_ready:
            self._is_ready = True
            lines.insert(0, "READY=1")
        # A line break would begin another field.
        status = " ".join(status_line(daemon.health_parts).split())[:_STATUS_CHARACTERS]
        if status != self._status:
            self._status = status
            lines.append(f"STATUS={status}")
        self._sender.notify("\n".join(lines))

    def stopping(self) -> None:
        """The end has begun: no more pulses are to be expected."""
        self._sender.notify("STOPPING=1\nSTATUS=stopping")


def status_line(parts: Iterable[Health]) -> str:
    """One line for `systemctl status`: what is not well, or that all is."""
    parts = tuple(parts)
    trouble = [f"{part.name} {part.state}: {part.reason}" for part in parts if part.state in _TROUBLE]
    if trouble:
        return "; ".join(trouble)
    off = [part.name for part in parts if part.state == "off"]
    return "all well" + (f" (off: {', '.join(off)})" if off else "")
