"""Identity of the process at the other end of a Unix socket, from the kernel (unix(7))."""

from __future__ import annotations

import grp
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

GROUP: Final = "emoedge"
_SO_PEERGROUPS: Final = 59
_MAX_GROUPS: Final = 65_536
_CREDENTIALS: Final = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class Peer:
    """A process at the other end, as it was when it connected.

    Attributes:
        pid: its number.
        uid: its user.
        groups: its groups, the supplementary ones included.
    """

    pid: int
    uid: int
    groups: frozenset[int]


def peer_of(connection: socket.socket) -> Peer:
    """Return who has connected; raises OSError."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    try:
        listed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MAX_GROUPS)
    except OSError:  # before Linux 4.13
        listed = b""
    more = struct.unpack(f"{len(listed) // 4}I", listed[: len(listed) // 4 * 4])
    return Peer(pid, uid, frozenset({gid, *more}))


def group_id() -> int | None:
    """Return the number of the group `emoedge`; None where there is none."""
    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return None


def is_allowed(peer: Peer, group: int | None) -> bool:
    """Return whether a process may use the socket: root, the daemon's own user, or a member of the group."""
    return peer.uid in (0, os.geteuid()) or (group is not None and group in peer.groups)
