"""Reports of a running daemon about its devices, which no other process can try meanwhile."""

from __future__ import annotations

import os
from typing import Any, Literal

from emoedge.config import Settings
from emoedge.doctor.result import CheckResult, failed, ok, warning
from emoedge.local_socket.client import connect
from emoedge.local_socket.protocol import DaemonError
from emoedge.redact import redact
from emoedge.translation import Given, tr

Device = Literal["camera", "microphone"]


def from_daemon(settings: Settings, device: Device) -> CheckResult | None:
    """The result for a device of a running daemon.

    Args:
        settings: to be tried.
        device: which.

    Returns:
        None where no daemon with this state folder runs, it does not answer, or has another source.
    """
    try:
        client = connect(settings, "doctor")
        if client is None:
            return None
        with client:
            found = client.ask("doctor")
    except DaemonError:
        return None
    part = (found.get("parts") or {}).get(device)
    wanted = _source(settings, device)
    if not isinstance(part, dict):
        return None
    if found.get(device) != redact(wanted) and not is_same_device(
        wanted, str((part.get("figures") or {}).get("device") or "")
    ):
        return None
    return _result(device, part, is_private=found.get("privacy") is True)


def is_same_device(wanted: str, described: str) -> bool:
    """Return whether a source is the device that the daemon has open under another name, such as "auto".

    Args:
        wanted: a source, such as a stable path of a camera or the name of a microphone.
        described: the daemon's device in `health`, such as "/dev/video0, 640 x 480"; empty without one.
    """
    if described == wanted or described.startswith(f"{wanted}, "):
        return True
    node = described.partition(", ")[0]
    return (
        wanted.startswith("/") and node.startswith("/") and os.path.realpath(wanted) == os.path.realpath(node)
    )


def _source(settings: Settings, device: Device) -> str:
    return settings.camera.source if device == "camera" else settings.microphone.source


def _result(device: Device, part: dict[str, Any], *, is_private: bool) -> CheckResult:
    state = part.get("state")
    reason: str = Given(str(part.get("reason") or ""), str(part.get("reason_text") or ""))
    if is_private:
        return ok(device, tr("privacy is on: the daemon has closed it"))
    if state == "ok":
        figures = part.get("figures") or {}
        value = figures.get("fps" if device == "camera" else "level_dbfs")
        if value is None:
            return ok(device, tr("in use by the running daemon"))
        if device == "camera":
            return ok(device, tr("in use by the running daemon: {rate} frames a second", rate=value))
        return ok(device, tr("in use by the running daemon: {level} dBFS", level=value))
    remedy = tr("run: journalctl -u emoedge -n 50")
    if state == "failed":
        return failed(device, reason, remedy)
    return warning(device, reason or str(state), remedy)
