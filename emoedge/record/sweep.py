"""A sweep of the store: what exceeds the limits, and sidecars without their video, are deleted."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

from emoedge.files import partial_of
from emoedge.record.folder import Folder
from emoedge.record.index_entry import IndexEntry, dated_of, name_of
from emoedge.record.names import DELETED_SUFFIX, KEEP_SUFFIX, MEDIA_SUFFIX, UNDO_S
from emoedge.record.retention import Candidate, Deletion, Limits, Room, plan_deletions
from emoedge.record.segment_files import Segment, SegmentFiles
from emoedge.record.sidecar import read_details, write_details
from emoedge.translation import tr

logger = logging.getLogger(__name__)

ORPHAN_AGE_S: Final = 30.0
"""Seconds without a change after which sidecars without an MP4 are deleted: a copy in progress may not have
reached the MP4 yet."""
COPY_AGE_S: Final = 3600.0
"""The same where a hidden file of the same name says that a copy is under way (as rsync makes them)."""


@dataclass(frozen=True, slots=True)
class Swept:
    """Deletions of a sweep.

    Attributes:
        reasons: segments by reason.
        orphans: segments of which there were sidecars alone.
        bytes: of all of it.
        waiting: sidecars without an MP4 that are too new to be deleted.
    """

    reasons: dict[str, int]
    orphans: int
    bytes: int
    waiting: int

    def __str__(self) -> str:
        parts = [f"{count} segments ({reason})" for reason, count in self.reasons.items()]
        parts += (
            [tr("sidecars of {orphans} segments without a video", orphans=self.orphans)]
            if self.orphans
            else []
        )
        return f"{', '.join(parts) or 'nothing'}, {self.bytes / 1e6:.1f} MB"


class Sweep:
    """Deletes what exceeds the limits; what could not be deleted is tried again by the next sweep.

    Args:
        files: the store.
    """

    def __init__(self, files: SegmentFiles) -> None:
        self._files = files
        self._enforcing = threading.Lock()
        self._due: dict[str, Deletion[IndexEntry]] = {}  # what could not be deleted when it had to go

    def enforce(
        self,
        limits: Limits,
        *,
        now: datetime,
        clock_synced: bool,
        deleted: Callable[[Segment, str], None] = lambda _segment, _reason: None,
        shortage_bytes: int = 0,
    ) -> Swept:
        """Delete what exceeds the limits, and sidecars without an MP4; one thread at a time.

        Args:
            limits: the limits of the store.
            now: the wall clock.
            clock_synced: whether it can be trusted.
            deleted: called for each segment whose MP4 is gone, with the reason.
            shortage_bytes: to be freed in any case, because the disk has said that it is full.

        Raises:
            OSError: the disk cannot be read. What cannot be deleted is in `undeletable`.
        """
        with self._enforcing:
            self._files.refresh()
            before = self._files.index.total_bytes
            entries = self._files.index.entries()
            orphans = [entry for entry in entries if not entry.has_media and entry.is_orphan]
            removed = self._remove_orphans(orphans)
            reasons: dict[str, int] = {}
            hidden = [entry for entry in entries if entry.is_deleted and entry.has_media]
            if self._due or hidden:
                self._retry(reasons, deleted)
                self._delete_hidden(hidden, reasons, deleted)
                entries = self._files.index.entries()
            if clock_synced and limits.keep_days > 0:
                undated = [entry for entry in entries if entry.dated_s is None and entry.has_media]
                self._adopt(undated, now)
                entries = self._files.index.entries() if undated else entries
            room = self._files.room()
            candidates = [
                entry
                for entry in entries
                if MEDIA_SUFFIX in entry.suffixes
                and KEEP_SUFFIX not in entry.suffixes
                and entry.segment_id not in self._due
            ]
            if shortage_bytes:
                room = Room(min(room.bytes, limits.min_free_bytes - shortage_bytes), room.files)
                candidates = candidates[:-1]  # not the segment just finished: it is not what fills the disk
            plan = plan_deletions(
                candidates,
                limits,
                room,
                now_s=now.timestamp(),
                clock_synced=clock_synced,
                total_bytes=self._files.index.total_bytes + self._growth_of_open(entries),
            )
            self._carry_out(plan, reasons, deleted)
            return Swept(reasons, removed, before - self._files.index.total_bytes, len(orphans) - removed)

    def _carry_out(
        self,
        plan: Generator[Deletion[IndexEntry], Candidate | None, None],
        reasons: dict[str, int],
        deleted: Callable[[Segment, str], None],
    ) -> None:
        """Delete what is planned, and count the segments by reason."""
        deletion = next(plan, None)
        if deletion is None:
            return
        with Folder(self._files.root) as root:
            while deletion is not None:
                left = self._delete_due(root, deletion, reasons, deleted)
                try:
                    deletion = plan.send(left)
                except StopIteration:
                    break

    def _delete_due(
        self,
        root: Folder,
        deletion: Deletion[IndexEntry],
        reasons: dict[str, int],
        deleted: Callable[[Segment, str], None],
    ) -> IndexEntry | None:
        """Delete a segment that has to go; what is left of it is tried again by the next sweep."""
        entry, reason = deletion.segment, deletion.reason
        left = self._files.delete_known(root, entry)
        if left is None or MEDIA_SUFFIX not in left.suffixes:
            reasons[reason] = reasons.get(reason, 0) + 1
            deleted(self._files.segment_of(entry), reason)
            self._due.pop(entry.segment_id, None)
        else:
            self._due[entry.segment_id] = Deletion(left, reason)
        return left

    def _retry(self, reasons: dict[str, int], deleted: Callable[[Segment, str], None]) -> None:
        """Try again what could not be deleted when it had to go, unless it is gone or kept by now."""
        due, self._due = self._due, {}
        for deletion in due.values():
            entry = self._files.index.get(deletion.segment.day, deletion.segment.segment_id)
            if entry is not None and (not entry.is_kept or entry.is_deleted):
                with Folder(self._files.root) as root:
                    self._delete_due(root, Deletion(entry, deletion.reason), reasons, deleted)

    def _delete_hidden(
        self, hidden: list[IndexEntry], reasons: dict[str, int], deleted: Callable[[Segment, str], None]
    ) -> None:
        """Delete segments whose deletion was not taken back in time."""
        for entry in hidden:
            with contextlib.suppress(FileNotFoundError), Folder(self._files.root) as root:
                with root.child(entry.day) as folder:
                    mark = folder.status(entry.segment_id + DELETED_SUFFIX)
                # Either way: the clock may have been set back since.
                if mark is not None and abs(time.time() - mark.st_mtime) >= UNDO_S:
                    self._delete_due(root, Deletion(entry, "deleted by a user"), reasons, deleted)

    def _remove_orphans(self, orphans: list[IndexEntry]) -> int:
        """Delete sidecars without an MP4, unless they are too new; return the number of segments."""
        if not orphans:
            return 0
        with Folder(self._files.root) as root:
            return sum(
                self._files.delete_known(root, entry) is None
                for entry in orphans
                if not self._is_changing(root, entry)
            )

    def _is_changing(self, root: Folder, entry: IndexEntry) -> bool:
        """Return whether a copy may be under way, by the times of the files."""
        copying = any(suffix.startswith(f"/{MEDIA_SUFFIX}") for suffix in entry.suffixes)
        age_s = COPY_AGE_S if copying else ORPHAN_AGE_S
        with contextlib.suppress(OSError), root.child(entry.day) as folder:
            for suffix in entry.suffixes:
                if self._files.is_noted(folder.path / name_of(entry.segment_id, suffix)):
                    return False  # what a deletion has left
                status = folder.status(name_of(entry.segment_id, suffix))
                # Either way: the clock may have been set back since.
                if status is not None and abs(time.time() - status.st_ctime) < age_s:
                    return True
        return False

    def _growth_of_open(self, entries: list[IndexEntry]) -> int:
        """Bytes of segments being written that the index does not know of yet."""
        growth = 0
        for entry in entries:
            if entry.is_open:
                with contextlib.suppress(OSError):
                    growth += max(0, partial_of(self._files.media_of(entry)).lstat().st_size - entry.bytes)
        return growth

    def _adopt(self, undated: list[IndexEntry], now: datetime) -> None:
        """Give segments from a time without a clock a date from which their age counts."""
        for entry in undated:
            media = self._files.media_of(entry)
            if media in self._files.remover.left or not media.exists():
                continue  # gone meanwhile: a new sidecar would belong to nothing
            try:
                details = read_details(media.with_suffix(".json"))
            except (FileNotFoundError, ValueError):
                details = {}
            except OSError as error:
                logger.debug("cannot date %s: %s", entry.segment_id, error)
                continue
            with self._files.changing(media), contextlib.suppress(OSError):
                if dated_of(details) is None:
                    details["dated"] = now.astimezone(timezone.utc).isoformat()
                    write_details(media.with_suffix(".json"), details)
