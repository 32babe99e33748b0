"""Disk of the recordings directory: its free space, and whether it can be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from emoedge.errors import RecordingError
from emoedge.files import write_synced
from emoedge.record.names import FILE_MODE
from emoedge.record.retention import UNCOUNTED, Room
from emoedge.translation import tr

PROBE_FILE: Final = ".probe.partial"
"""Written, synced and removed again to see whether a fault of the disk is over."""
PROBE_BYTES: Final = 4096
"""Size of the probe: a block of most file systems."""


def room_of(root: Path) -> Room:
    """Return the free space on the disk of a recordings directory.

    Raises:
        RecordingError: the way to it is a link that leads nowhere.
        OSError: the disk cannot be queried.
    """
    status = os.statvfs(_nearest(root))
    # Some file systems create inodes on demand and report that they have none.
    return Room(status.f_bavail * status.f_frsize, status.f_favail if status.f_files else UNCOUNTED)


def probe(root: Path) -> None:
    """Write and sync a small file in a recordings directory, and remove it.

    Raises:
        RecordingError: the way to it is a link that leads nowhere.
        OSError: the disk cannot be written.
    """
    path = _nearest(root) / PROBE_FILE
    path.unlink(missing_ok=True)
    try:
        write_synced(path, bytes(PROBE_BYTES), mode=FILE_MODE)
    finally:
        path.unlink(missing_ok=True)


def _nearest(root: Path) -> Path:
    """A folder, or its nearest parent that exists; raises RecordingError."""
    path = root
    while not path.exists() and path != path.parent:
        if path.is_symlink():
            raise RecordingError(
                tr(
                    "{path} is a link to {readlink}, which does not exist",
                    path=path,
                    readlink=path.readlink(),
                ),
                tr("mount the disk it is on"),
            )
        path = path.parent
    return path
