"""The socket file: made, shared with the group, and removed."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Final

from emoedge.local_socket.peer import group_id
from emoedge.local_socket.places import at_place, is_answered

WITH_GROUP: Final = 0o660
WITHOUT_GROUP: Final = 0o600


class UnixListener:
    """Listens at a path, for owner and group alone.

    Args:
        backlog: connections that may wait to be accepted.
    """

    def __init__(self, backlog: int) -> None:
        self.group = group_id()
        """Group that is let in; None where there is none, or the daemon does not belong to it."""
        self._backlog = backlog
        self._path: Path | None = None
        self._inode = (0, 0)

    def bind(self, place: Path) -> socket.socket:
        """Listen; a socket file on which no process listens is replaced. Raises OSError."""
        place.parent.mkdir(mode=0o750, exist_ok=True)
        if is_answered(place):
            raise OSError(f"another process listens there; stop it, or set paths.socket: {place}")
        if place.is_socket():
            place.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            at_place(place, listener.bind)
            self._share(place)
            status = place.lstat()
            self._path, self._inode = place, (status.st_dev, status.st_ino)
            listener.listen(self._backlog)
        except BaseException:
            listener.close()
            raise
        return listener

    def remove(self) -> None:
        """Remove the socket file, unless it is another's by now."""
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            status = self._path.lstat()
            if (status.st_dev, status.st_ino) == self._inode:
                self._path.unlink()

    def _share(self, place: Path) -> None:
        """Let the group in, where there is one and the daemon belongs to it."""
        # The service belongs to the group anyway, and its sandbox forbids chown(2).
        if self.group is not None and place.lstat().st_gid != self.group:
            try:
                os.chown(place, -1, self.group)
            except OSError:
                self.group = None
        place.chmod(WITHOUT_GROUP if self.group is None else WITH_GROUP)
