"""Snapshots made by command: `<dir>/snapshots/<id>.jpg`, bounded in number and age."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from emoedge.errors import RecordingError
from emoedge.files import write_atomically
from emoedge.frames import Frame
from emoedge.record.folder import Folder, Remover
from emoedge.record.names import FILE_MODE, SNAPSHOTS, make_folder, new_segment_id, share_with_group
from emoedge.translation import tr

MAX_KEPT: Final = 200
"""Maximum number of snapshots: anyone with access to the command topic can make one, and must not fill the
disk."""
JPEG_QUALITY: Final = 90
"""Quality of a snapshot."""
EARLIEST: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)
"""When this was written: an older file was made while the clock was wrong (a Pi begins in 1970)."""


class Snapshots:
    """The snapshots of a recordings directory.

    Args:
        root: `recording.dir`.
        keep_days: older ones are deleted while the clock is synchronised; 0 keeps them.
        remover: deletes, and notes what cannot be deleted.
    """

    def __init__(self, root: Path, keep_days: float, remover: Remover | None = None) -> None:
        self._root = root
        self._folder = root / SNAPSHOTS
        self._remover = remover or Remover()
        self._keep_days = keep_days

    def keep(self, frame: Frame, wall: datetime, *, clock_synced: bool) -> Path:
        """Write a snapshot whole or not at all, and delete what is too old or exceeds the number.

        Raises:
            RecordingError: it cannot be written.
        """
        import cv2

        path = self._folder / f"{new_segment_id(wall)}.jpg"
        _, data = cv2.imencode(".jpg", frame.bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        try:
            make_folder(self._root, follow=True)
            make_folder(self._folder)
            write_atomically(path, data.tobytes(), mode=FILE_MODE, prepare=share_with_group)
            self._bound(path)
            self.sweep(wall if clock_synced else None, but=path)
        except OSError as error:
            raise RecordingError(
                tr("no snapshot in {folder}: {strerror}", folder=self._folder, strerror=error.strerror),
                tr("check the disk and its permissions"),
            ) from error
        return path

    def list(self) -> list[tuple[Path, datetime, int]]:
        """Path, time and size in bytes of each snapshot, the oldest first."""
        folder = self._open()
        if folder is None:
            return []
        with folder:
            found = [(name, folder.status(name)) for name in _pictures(folder)]
        return [
            (self._folder / name, datetime.fromtimestamp(status.st_mtime, tz=timezone.utc), status.st_size)
            for name, status in found
            if status is not None
        ]

    def sweep(self, now: datetime | None, but: Path | None = None) -> None:
        """Delete old snapshots except the newest; `now` is None while the clock cannot be trusted.

        What was made before the clock was set counts from the first time that it is seen here.
        """
        if now is None or self._keep_days == 0:
            return
        oldest = now - timedelta(days=self._keep_days)
        folder = self._open()
        if folder is None:
            return
        with folder:
            for name in _pictures(folder):
                status = folder.status(name)
                if status is None:
                    continue  # purged meanwhile
                made = datetime.fromtimestamp(status.st_mtime, tz=timezone.utc)
                if made < EARLIEST:
                    times = (now.timestamp(), now.timestamp())
                    with contextlib.suppress(OSError):
                        os.utime(name, times, dir_fd=folder.descriptor, follow_symlinks=False)
                elif made < oldest and (but is None or name != but.name):
                    self._remover.remove(folder, name)

    def purge_since(self, moment: datetime) -> None:
        """Delete the snapshots made since a moment, and what is left of interrupted ones."""
        folder = self._open()
        if folder is None:
            return
        with folder:
            for name in folder.names():
                status = folder.status(name)
                if status is not None and status.st_mtime >= moment.timestamp():
                    self._remover.remove(folder, name)

    def _bound(self, newest: Path) -> None:
        """Delete what exceeds the number, but never the snapshot just made, whatever the clock says."""
        folder = self._open()
        if folder is None:
            return
        with folder:
            pictures = [name for name in _pictures(folder) if name != newest.name]
            for name in pictures[: -(MAX_KEPT - 1)]:
                self._remover.remove(folder, name)

    def _open(self) -> Folder | None:
        """The folder, or None where there is none; a link is not followed."""
        try:
            with Folder(self._root) as root:
                return root.child(SNAPSHOTS)
        except (FileNotFoundError, NotADirectoryError):
            return None


def _pictures(folder: Folder) -> list[str]:
    return sorted(name for name in folder.names() if name.endswith(".jpg"))
