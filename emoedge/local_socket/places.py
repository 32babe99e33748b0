"""Location of the daemon's socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from emoedge.config import PathSettings, Settings

NAME: Final = "daemon.sock"
_DEFAULTS: Final = PathSettings()
_LONGEST: Final = 100
"""Bytes of a path that fit an address of a Unix socket (unix(7)); longer ones go by their folder."""


def listening_places(settings: Settings) -> list[Path]:
    """Where a daemon with these settings listens: at the first place that it can have.

    `paths.socket` where it is set; else systemd's folder (`RUNTIME_DIRECTORY`), `/run/emoedge` or the user's
    folder for the usual state folder, and at last the state folder itself.
    """
    paths = settings.paths
    if paths.socket != _DEFAULTS.socket:
        return [paths.socket]
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if given:
        return [Path(given) / NAME, paths.state / NAME]
    return [*(_shared() if paths.state == _DEFAULTS.state else []), paths.state / NAME]


def asking_places(settings: Settings) -> list[Path]:
    """Return all paths at which such a daemon may listen, whoever started it."""
    if settings.paths.socket != _DEFAULTS.socket:
        return [settings.paths.socket]
    return list(dict.fromkeys([*listening_places(settings), *_shared()]))


def _shared() -> list[Path]:
    session = os.environ.get("XDG_RUNTIME_DIR")
    return [_DEFAULTS.socket, *([Path(session) / "emoedge" / NAME] if session else [])]


def at_place(path: Path, use: Callable[[str], None]) -> None:
    """Call `bind` or `connect` of a Unix socket with the address of a path, however long; raises OSError."""
    if len(os.fsencode(path)) <= _LONGEST:
        use(str(path))
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        use(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def is_answered(path: Path) -> bool:
    """Return whether a process listens at a path; raises OSError, except where no process does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            at_place(path, probe.connect)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except BlockingIOError:
            return True  # its queue is full
        return True
