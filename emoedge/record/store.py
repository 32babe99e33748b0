"""Store of segments on the disk: find, list, keep, delete, keep within limits."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from emoedge.clock import parse_rfc3339
from emoedge.errors import RecordingError
from emoedge.files import partial_of
from emoedge.record.erasure import erase
from emoedge.record.folder import Folder
from emoedge.record.index_entry import IndexEntry
from emoedge.record.lock import hold
from emoedge.record.names import (
    DAY_PATTERN,
    DELETED_SUFFIX,
    FILE_MODE,
    KEEP_SUFFIX,
    MEDIA_SUFFIX,
    is_segment_id,
)
from emoedge.record.retention import Limits
from emoedge.record.segment_files import Segment, SegmentFiles, suffixes_of
from emoedge.record.sweep import Sweep, Swept
from emoedge.translation import tr

logger = logging.getLogger(__name__)


class Store(SegmentFiles):
    """The recordings directory.

    Args:
        root: the directory; it need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._sweep = Sweep(self)

    # ---- what there is ----

    def segments(self, day: str | None = None) -> list[Segment]:
        """Finished segments in the order of making, of all days or of one (YYYY-MM-DD); raises OSError."""
        return [self.segment_of(entry) for entry in self.finished(day)]

    def newest_first(self, before: str | None = None) -> Iterator[Segment]:
        """Finished segments, the newest first, each made when it is asked for; raises OSError.

        Args:
            before: id of the segment after which to begin, which may have been deleted meanwhile.
        """
        entries = self.finished()[::-1]
        if before is not None:
            place = next((n for n, entry in enumerate(entries) if entry.segment_id == before), None)
            entries = (
                entries[place + 1 :]
                if place is not None
                else [entry for entry in entries if entry.segment_id < before]
            )
        return map(self.segment_of, entries)

    def finished(self, day: str | None = None) -> list[IndexEntry]:
        """Index entries of the same segments; raises OSError."""
        self.refresh()
        return [
            entry
            for entry in self.index.entries()
            if entry.has_media and not entry.is_deleted and (day is None or entry.day == day)
        ]

    def partials(self) -> list[Path]:
        """The `.mp4` names of segments that are being written or were interrupted; raises OSError."""
        self.refresh()
        return sorted(self.media_of(entry) for entry in self.index.entries() if entry.is_open)

    def find(self, segment_id: str, *, deleted: bool = False) -> Segment:
        """Return the segment with an id, which may come from outside.

        Args:
            segment_id: the name.
            deleted: whether it is one that is about to be deleted, see `hide`.

        Raises:
            RecordingError: it is not an id, or there is no such segment.
            OSError: the recordings directory cannot be read.
        """
        if is_segment_id(segment_id):
            with self._days() as days:
                for folder in days:
                    if folder.is_file(segment_id + MEDIA_SUFFIX):
                        extra = suffixes_of(folder, segment_id)
                        entry = self.index.update(folder.path.name, segment_id, folder, extra)
                        if entry is not None and entry.has_media and entry.is_deleted == deleted:
                            return self.segment_of(entry)
        raise RecordingError(
            tr("no segment {segment_id!r} in {root}", segment_id=segment_id[:60], root=self.root),
            tr("choose another one; run: emoedge recordings list"),
        )

    def usage(self) -> tuple[int, int]:
        """Number of finished segments, and the bytes of everything that belongs to one; as last seen."""
        return sum(entry.has_media for entry in self.index.entries()), self.index.total_bytes

    def next_order(self, details: dict[str, Any]) -> int:
        """Place of a new segment in the order of making, see `index.place_of`."""
        started = parse_rfc3339(details.get("started"))
        return max(0 if started is None else round(1000 * started.timestamp()), self.index.newest_order + 1)

    # ---- keeping and deleting ----

    def keep(self, segment: Segment, on: bool = True) -> None:
        """Have retention pass over a segment, or not any more; raises OSError."""
        self._mark(segment, KEEP_SUFFIX, on)

    def hide(self, segment: Segment, on: bool = True) -> None:
        """Take a segment out of sight, to be deleted by a sweep `UNDO_S` later, or back; raises OSError."""
        self._mark(segment, DELETED_SUFFIX, on)

    def _mark(self, segment: Segment, suffix: str, on: bool) -> None:
        """Make or remove an empty file beside a segment."""
        name = segment.segment_id + suffix
        with self.changing(segment.media), Folder(self.root) as root, root.child(segment.day) as folder:
            if on:
                flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                os.close(os.open(name, flags, FILE_MODE, dir_fd=folder.descriptor))
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder.descriptor)

    def purge(self, *, before: datetime | None = None) -> list[str]:
        """Delete all segments, or those recorded before a moment that are not kept; returns their ids.

        Without `before`, everything is deleted: cut-off segments, stray sidecars, snapshots and pages too.
        Only a segment that a running daemon is writing is left alone. What cannot be deleted is in
        `undeletable`, links that were not followed in `remover.links`.
        """
        if before is None:
            removed = erase(self.root, self.remover, _is_written)
            with contextlib.suppress(OSError):
                self.refresh()
            return removed
        removed = []
        for entry in self.finished():
            if entry.dated_s is None or entry.dated_s >= before.timestamp() or entry.is_kept:
                continue
            if self.delete(self.segment_of(entry)):
                removed.append(entry.segment_id)
        return removed

    def purge_since(self, moment: datetime) -> list[str]:
        """Delete what was recorded since a moment, kept or not; returns the ids.

        A segment counts by its end: as its details say, or as its MP4 was last written. One that a daemon is
        writing is left alone.
        """
        since_s, removed = moment.timestamp(), []
        self.refresh()
        for entry in self.index.entries():
            media = self.media_of(entry)
            ended_s = (entry.dated_s or 0.0) + (entry.duration_s or 0.0)
            if max(ended_s, _written_s(media), _written_s(partial_of(media))) < since_s:
                continue
            if not _is_written(partial_of(media)) and self.delete(self.segment_of(entry)):
                removed.append(entry.segment_id)
        return removed

    def enforce(
        self,
        limits: Limits,
        *,
        now: datetime,
        clock_synced: bool,
        deleted: Callable[[Segment, str], None] = lambda _segment, _reason: None,
        shortage_bytes: int = 0,
    ) -> Swept:
        """Delete what exceeds the limits, see `Sweep.enforce`; raises OSError."""
        return self._sweep.enforce(
            limits, now=now, clock_synced=clock_synced, deleted=deleted, shortage_bytes=shortage_bytes
        )

    @contextlib.contextmanager
    def _days(self) -> Iterator[Iterable[Folder]]:
        """The folders of the days that can be opened, the newest first."""

        def opened(root: Folder) -> Generator[Folder, None, None]:
            for name in sorted(filter(DAY_PATTERN.fullmatch, root.names()), reverse=True):
                try:
                    folder = root.child(name)
                except OSError as error:
                    logger.debug("cannot open %s: %s", name, error)
                    continue
                with folder:
                    yield folder

        try:
            root = Folder(self.root)
        except FileNotFoundError:
            yield ()
            return
        with root, contextlib.closing(opened(root)) as folders:
            yield folders


def _is_written(partial: Path) -> bool:
    """Return whether a daemon is writing a partial file."""
    if not partial.is_file() or partial.is_symlink():
        return False
    with hold(partial) as held:
        return not held and os.access(partial, os.R_OK)


def _written_s(path: Path) -> float:
    """When a file was last written, in seconds since 1970; 0 where there is none."""
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0
