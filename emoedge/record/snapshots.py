"""Snapshots made by command: `<dir>/snapshots/<id>.jpg`, bounded in number and age."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from emoedge.errors import RecordingError
from emoedge.files import PARTIAL, write_atomically
from emoedge.frames import Frame
from emoedge.record.names import FILE_MODE, make_day_dir, new_segment_id, share_with_group

FOLDER: Final = "snapshots"
"""Name of the folder in the recordings directory."""
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
    """

    def __init__(self, root: Path, keep_days: float) -> None:
        self._folder = root / FOLDER
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
            make_day_dir(self._folder)
            write_atomically(path, data.tobytes(), mode=FILE_MODE, prepare=share_with_group)
            self._bound(path)
            self.sweep(wall if clock_synced else None, but=path)
        except OSError as error:
            raise RecordingError(
                f"no snapshot in {self._folder}: {error.strerror}", "check the disk and its permissions"
            ) from error
        return path

    def purge(self) -> int:
        """Delete all snapshots and return their number."""
        pictures = self._pictures()
        for path in [*pictures, *self._folder.glob(f"*{PARTIAL}")]:
            path.unlink(missing_ok=True)
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()
        return len(pictures)

    def sweep(self, now: datetime | None, but: Path | None = None) -> None:
        """Delete old snapshots except the newest; `now` is None while the clock cannot be trusted.

        What was made before the clock was set counts from the first time that it is seen here.
        """
        if now is None or self._keep_days == 0:
            return
        oldest = now - timedelta(days=self._keep_days)
        for path in self._pictures():
            with contextlib.suppress(FileNotFoundError):  # purged meanwhile
                made = datetime.fromtimestamp(path.stat().st_mtime, tz=timezone.utc)
                if made < EARLIEST:
                    os.utime(path, (now.timestamp(), now.timestamp()))
                elif made < oldest and path != but:
                    path.unlink()

    def _bound(self, newest: Path) -> None:
        """Delete what exceeds the number, but never the snapshot just made, whatever the clock says."""
        pictures = [path for path in self._pictures() if path != newest]
        for path in pictures[: -(MAX_KEPT - 1)]:
            path.unlink(missing_ok=True)

    def _pictures(self) -> list[Path]:
        return sorted(self._folder.glob("*.jpg"))
