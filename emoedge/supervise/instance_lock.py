"""One daemon on a state folder, and one with a client id at a broker, on this machine.

Both locks belong to the process and end with it, however it ends: flock(2) on the state folder itself, so
that nothing is written, and a name in the abstract namespace of Unix sockets (unix(7)), which holds for the
processes of all users. Nothing is sent or received there.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import socket
from pathlib import Path
from typing import Final

from emoedge.config import Settings
from emoedge.errors import EmoedgeError
from emoedge.process import PROC
from emoedge.translation import tr

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LOCK_LINE: Final = re.compile(r"\d+: FLOCK +\w+ +\w+ +(\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) ")


class InstanceLock:
    """Held from the construction until the process ends, or `release`.

    Where the machine does not offer a lock (a disk without them, a folder that cannot be opened), there is
    none: the parts report what is wrong with the folder.

    Args:
        settings: state folder, broker and client id.

    Raises:
        EmoedgeError: another process has the folder or the client id; names the process.
    """

    def __init__(self, settings: Settings) -> None:
        self._held = contextlib.ExitStack()
        try:
            self._lock_state(settings.paths.state)
            if settings.mqtt.enabled:
                self._lock_client_id(settings)
        except BaseException:
            self._held.close()
            raise

    def release(self) -> None:
        """Let another process have them."""
        self._held.close()

    def _lock_state(self, folder: Path) -> None:
        try:
            if not folder.is_dir():  # a hanging disk would block mkdir(2) even if the folder exists
                folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        self._held.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _in_use(
                tr("the state folder {folder}", folder=folder),
                _folder_holder(folder),
                tr("another paths.state"),
            ) from error
        except OSError:
            return

    def _lock_client_id(self, settings: Settings) -> None:
        mqtt, client_id = settings.mqtt, settings.client_id
        host = "localhost" if mqtt.host.lower() in LOOPBACK else mqtt.host.lower()
        name = "emoedge/" + hashlib.sha256(f"{client_id} {host}:{mqtt.port}".encode()).hexdigest()[:32]
        try:
            self._bind(name)
            self._bind(f"{name}/{os.getpid()}")  # for whoever comes second
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise _in_use(
                    tr("the MQTT client id {client_id}", client_id=client_id),
                    _name_holder(name),
                    tr("another device_id or mqtt.client_id"),
                ) from error

    def _bind(self, name: str) -> None:
        place = self._held.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        place.bind(f"\0{name}")


def _in_use(what: str, holder: int | None, instead: str) -> EmoedgeError:
    process = (
        tr("another emoedge") if holder is None else tr("another emoedge (process {holder})", holder=holder)
    )
    return EmoedgeError(
        tr("{what} is in use by {process}", what=what, process=process),
        tr("stop that process, or set {instead}", instead=instead),
    )


def _folder_holder(folder: Path) -> int | None:
    """Return the process that has locked a folder, see proc_locks(5)."""
    try:
        wanted = folder.stat().st_ino
        lines = (PROC / "locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    # Devices are left out: Btrfs has other numbers for them here.
    held = (_LOCK_LINE.match(line) for line in lines)
    return next(
        (int(one[1]) for one in held if one is not None and int(one[4]) == wanted and int(one[1]) > 0), None
    )


def _name_holder(name: str) -> int | None:
    """Return the process that has bound a name, by the second name that it has."""
    with contextlib.suppress(OSError, ValueError):
        for line in (PROC / "net" / "unix").read_text(encoding="utf-8", errors="replace").splitlines():
            _, found, process = line.partition(f" @{name}/")
            if found:
                return int(process)
    return None
