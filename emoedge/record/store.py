"""Store of segments on the disk: find, list, show, delete, keep within limits.

<dir>/YYYY-MM-DD/<id>.mp4 .jsonl .json .vtt .jpg       finished
<dir>/YYYY-MM-DD/<id>.*.partial                        being written, or left by a power cut
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from emoedge.clock import parse_rfc3339
from emoedge.errors import RecordingError
from emoedge.files import PARTIAL, partial_of
from emoedge.record.names import (
    DAY_PATTERN,
    MEDIA_SUFFIX,
    is_segment_id,
    remove_unfinished,
)
from emoedge.record.retention import Deletion, Kept, Limits, plan_deletions
from emoedge.record.sidecar import read_details, write_details

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Segment:
    """A finished segment.

    Attributes:
        segment_id: its name, sortable by time.
        day: the folder, a local date.
        media: the MP4.
        bytes: MP4, sidecars, and reports beside them.
    """

    segment_id: str
    day: str
    media: Path
    bytes: int

    def details(self) -> dict[str, Any]:
        """Content of the JSON sidecar; empty when it is missing or damaged."""
        try:
            return read_details(self.media.with_suffix(".json"))
        except (OSError, ValueError) as error:
            logger.warning("cannot read the details of segment %s: %s", self.segment_id, error)
            return {}


class Store:
    """The recordings directory.

    Args:
        root: the directory; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._dated: dict[str, datetime | None] = {}
        self._enforcing = threading.Lock()
        self.opening = threading.Lock()
        """Held while a new file is made and locked: in between it looks like one that a power cut left."""

    def segments(self, day: str | None = None) -> list[Segment]:
        """Finished segments, oldest first, of all days or of one (YYYY-MM-DD)."""
        found: list[Segment] = []
        for folder in self._day_dirs():
            if day is None or folder.name == day:
                for name, files in _families(folder).items():
                    segment = _segment(folder / f"{name}{MEDIA_SUFFIX}", files)
                    found += [segment] if segment else []
        return sorted(found, key=lambda segment: segment.segment_id)

    def partials(self) -> list[Path]:
        """The `.mp4` names of segments that are being written or were interrupted."""
        return sorted(
            path.with_name(path.name.removesuffix(PARTIAL))
            for folder in self._day_dirs()
            for path in _listing(folder)
            if path.name.endswith(MEDIA_SUFFIX + PARTIAL) and is_segment_id(path.name.split(".")[0])
        )

    def find(self, segment_id: str) -> Segment:
        """The segment of that id, which may come from outside.

        Raises:
            RecordingError: it is not an id, or there is no such segment.
        """
        if is_segment_id(segment_id):
            for folder in self._day_dirs():
                segment = _segment(
                    folder / f"{segment_id}{MEDIA_SUFFIX}", _families(folder).get(segment_id, [])
                )
                if segment is not None:
                    return segment
        raise RecordingError(
            f"no segment {segment_id[:60]!r} in {self.root}", "list them with `emoedge recordings list`"
        )

    def delete(self, segment: Segment) -> None:
        """Delete a segment with all files of its name, and the day's folder if it is empty then.

        Reports and exports made beside the video show the same people, so they go along. The MP4 goes
        first: what a power cut leaves are sidecars, which `sweep_orphans` takes away. Raises OSError.
        """
        segment.media.unlink(missing_ok=True)
        for path in _families(segment.media.parent).get(segment.segment_id, []):
            path.unlink(missing_ok=True)
        self._dated.pop(segment.segment_id, None)
        _remove_if_empty(segment.media.parent)

    def purge(self, *, before: datetime | None = None) -> list[str]:
        """Delete all segments, or those recorded before a moment; returns their ids.

        Without `before` nothing of ours stays: cut-off segments, stray sidecars and empty folders go too.
        Only a segment that a running daemon is writing is left alone.
        """
        removed = []
        for segment in self.segments():
            dated = self.dated(segment)
            if before is None or (dated is not None and dated < before):
                self.delete(segment)
                removed.append(segment.segment_id)
        if before is None:
            for media in self.partials():
                with hold(partial_of(media)) as held:
                    if held:
                        remove_unfinished(media)
                        removed.append(media.stem)
            self.sweep_orphans()
        return removed

    def sweep_orphans(self) -> None:
        """Remove sidecars whose MP4 is gone, and empty folders."""
        busy = {media.stem for media in self.partials()}
        for folder in self._day_dirs():
            for name, files in _families(folder).items():
                if folder / f"{name}{MEDIA_SUFFIX}" not in files and name not in busy:
                    for path in files:
                        path.unlink(missing_ok=True)
            _remove_if_empty(folder)

    def usage(self) -> tuple[int, int]:
        """Number of finished segments, and their bytes with sidecars."""
        segments = self.segments()
        return len(segments), sum(segment.bytes for segment in segments)

    def free_bytes(self) -> int:
        """Free space on the disk that the store is (or will be) on, for users other than root.

        Raises:
            RecordingError: the way to it is a link that leads nowhere.
            OSError: the disk cannot be asked.
        """
        return shutil.disk_usage(self._nearest()).free

    def writable(self) -> bool:
        """Return whether the folder can be written to, or be created."""
        try:
            nearest = self._nearest()
        except RecordingError:
            return False
        return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)

    def dated(self, segment: Segment) -> datetime | None:
        """When a segment was recorded, or None where no trusted clock knew it.

        Its start where the clock was synchronized, else the first moment a synchronized clock saw it.
        """
        if segment.segment_id not in self._dated:
            details = segment.details()
            key = "started" if details.get("clock_synced") else "dated"
            self._dated[segment.segment_id] = parse_rfc3339(details.get(key))
        return self._dated[segment.segment_id]

    def enforce(
        self,
        limits: Limits,
        *,
        now: datetime,
        clock_synced: bool,
        deleted: Callable[[Segment, Deletion], None] = lambda _segment, _deletion: None,
    ) -> None:
        """Delete what exceeds the limits and call `deleted` for each segment; raises OSError.

        One thread at a time: the recorder makes room for a new segment while housekeeping finishes the last.
        """
        with self._enforcing:
            self._enforce(limits, now, clock_synced, deleted)

    def _enforce(
        self,
        limits: Limits,
        now: datetime,
        clock_synced: bool,
        deleted: Callable[[Segment, Deletion], None],
    ) -> None:
        segments = {segment.segment_id: segment for segment in self.segments()}
        if clock_synced and limits.keep_days > 0:
            for segment in segments.values():
                self._adopt(segment, now)
        kept = [Kept(segment.segment_id, segment.bytes, self.dated(segment)) for segment in segments.values()]
        unfinished = sum(_size(partial_of(media)) for media in self.partials())
        for deletion in plan_deletions(
            kept,
            limits,
            free_bytes=self.free_bytes(),
            now=now,
            clock_synced=clock_synced,
            unfinished_bytes=unfinished,
        ):
            segment = segments[deletion.segment_id]
            self.delete(segment)
            deleted(segment, deletion)

    def _nearest(self) -> Path:
        """The root, or its nearest parent that exists; raises RecordingError."""
        path = self.root
        while not path.exists() and path != path.parent:
            if path.is_symlink():
                raise RecordingError(
                    f"{path} is a link to {path.readlink()}, which does not exist", "mount the disk it is on"
                )
            path = path.parent
        return path

    def _adopt(self, segment: Segment, now: datetime) -> None:
        """Give a segment from a time without a clock a date from which its age counts."""
        if self.dated(segment) is not None:
            return
        if not segment.media.exists():
            return  # gone meanwhile (a purge beside the daemon): a new sidecar would belong to nothing
        details = segment.details()
        details["dated"] = now.astimezone(timezone.utc).isoformat()
        write_details(segment.media.with_suffix(".json"), details)
        self._dated[segment.segment_id] = now

    def _day_dirs(self) -> list[Path]:
        return [
            path
            for path in _listing(self.root)
            if DAY_PATTERN.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
        ]


class hold:  # noqa: N801 - reads as a statement: `with hold(path) as held`
    """Lock a partial file for as long as the block lasts; True unless another process or thread holds it.

    The lock belongs to the open file, so it ends with the process, however that ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> bool:
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _families(folder: Path) -> dict[str, list[Path]]:
    """The files of each segment: everything whose name begins with an id and a dot."""
    families: dict[str, list[Path]] = {}
    for path in _listing(folder):
        name = path.name.split(".")[0]
        if is_segment_id(name):
            families.setdefault(name, []).append(path)
    return families


def _segment(media: Path, files: list[Path]) -> Segment | None:
    if media.is_symlink() or not media.is_file():
        return None
    return Segment(media.stem, media.parent.name, media, sum(_size(path) for path in files))


def _listing(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        # Not empty: something of another segment, or of the user's, is in it.
        logger.debug("%s is not empty", folder)
