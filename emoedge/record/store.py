"""Store of segments on the disk: find, list, keep, delete, keep within limits.

<dir>/YYYY-MM-DD/<id>.mp4 .jsonl .json .vtt .jpg       finished
<dir>/YYYY-MM-DD/<id>.*.partial                        being written, or left by a power cut
<dir>/YYYY-MM-DD/<id>.keep                             retention passes over the segment
<dir>/.index.json                                      see `index.py`
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from emoedge.clock import parse_rfc3339
from emoedge.errors import RecordingError
from emoedge.files import partial_of
from emoedge.record.disk import room_of
from emoedge.record.erasure import erase
from emoedge.record.folder import Folder, Remover, Undeletable
from emoedge.record.index import Index
from emoedge.record.index_entry import IndexEntry, dated_of, families, name_of
from emoedge.record.lock import hold
from emoedge.record.names import (
    DAY_PATTERN,
    FILE_MODE,
    KEEP_SUFFIX,
    MEDIA_SUFFIX,
    is_segment_id,
)
from emoedge.record.retention import Candidate, Deletion, Limits, Room, plan_deletions
from emoedge.record.sidecar import read_details, write_details

logger = logging.getLogger(__name__)

ORPHAN_AGE_S: Final = 30.0
"""Seconds for which nothing has changed about sidecars without an MP4 before they are deleted: a copy that is
being made may not have come to the MP4 yet."""
COPY_AGE_S: Final = 3600.0
"""The same where a hidden file of the same name says that a copy is under way (as rsync makes them)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A finished segment.

    Attributes:
        segment_id: its name, sortable by time.
        day: the folder, a local date.
        media: the MP4.
        bytes: MP4, sidecars, and reports beside them.
        duration_s: length as its details say; None if they do not.
        is_kept: whether retention passes over it.
    """

    segment_id: str
    day: str
    media: Path
    bytes: int
    duration_s: float | None = None
    is_kept: bool = False

    def details(self) -> dict[str, Any]:
        """Content of the JSON sidecar; empty when it is missing or damaged."""
        try:
            return read_details(self.media.with_suffix(".json"))
        except (OSError, ValueError) as error:
            logger.warning("cannot read the details of segment %s: %s", self.segment_id, error)
            return {}


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep has deleted.

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
        parts += [f"sidecars of {self.orphans} segments without a video"] if self.orphans else []
        return f"{', '.join(parts) or 'nothing'}, {self.bytes / 1e6:.1f} MB"


class Store:
    """The recordings directory.

    Args:
        root: the directory; it need not exist yet.

    Attributes:
        remover: deletes, and notes what cannot go.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.remover = Remover()
        self._index = Index(root, self.remover)
        self._enforcing = threading.Lock()
        self._due: dict[str, Deletion[IndexEntry]] = {}  # what could not be deleted when it had to go
        self.opening = threading.Lock()
        """Held while a new file is made and locked: in between it looks like one that a power cut left."""

    # ---- what there is ----

    def refresh(
        self, *, trust_times: bool = True, trust_files: bool = True, beat: Callable[[], None] = lambda: None
    ) -> None:
        """Fit the index to the folders, see `Index.refresh`; raises OSError."""
        self._index.refresh(trust_times=trust_times, trust_files=trust_files, beat=beat)

    def segments(self, day: str | None = None) -> list[Segment]:
        """Finished segments in the order of making, of all days or of one (YYYY-MM-DD); raises OSError."""
        return [self._segment(entry) for entry in self.finished(day)]

    def finished(self, day: str | None = None) -> list[IndexEntry]:
        """Index entries of the same segments; raises OSError."""
        self.refresh()
        return [
            entry for entry in self._index.entries() if entry.has_media and (day is None or entry.day == day)
        ]

    def partials(self) -> list[Path]:
        """The `.mp4` names of segments that are being written or were interrupted; raises OSError."""
        self.refresh()
        return sorted(self._media(entry) for entry in self._index.entries() if entry.is_open)

    def find(self, segment_id: str) -> Segment:
        """The segment of that id, which may come from outside.

        Raises:
            RecordingError: it is not an id, or there is no such segment.
            OSError: the recordings directory cannot be read.
        """
        if is_segment_id(segment_id):
            with self._days() as days:
                for folder in days:
                    if folder.is_file(segment_id + MEDIA_SUFFIX):
                        extra = _suffixes(folder, segment_id)
                        entry = self._index.update(folder.path.name, segment_id, folder, extra)
                        if entry is not None and entry.has_media:
                            return self._segment(entry)
        raise RecordingError(
            f"no segment {segment_id[:60]!r} in {self.root}", "list them with `emoedge recordings list`"
        )

    def usage(self) -> tuple[int, int]:
        """Number of finished segments, and the bytes of everything that belongs to one; as last seen."""
        return sum(entry.has_media for entry in self._index.entries()), self._index.total_bytes

    def undeletable(self) -> list[Undeletable]:
        """What could not be deleted and is still there."""
        self.remover.forget_gone()
        return list(self.remover.left.values())

    def note(self, path: Path, error: OSError) -> None:
        """Remember a file of the store that cannot be deleted; it is logged the first time."""
        with contextlib.suppress(OSError), Folder(path.parent) as folder:
            self.remover.note(folder, path.name, error)

    def remove_partial(self, media: Path) -> None:
        """Delete what a segment was written as, now that it is finished, or note that it cannot go."""
        partial = partial_of(media)
        with contextlib.suppress(OSError), Folder(media.parent) as folder:
            if folder.status(partial.name) is not None:
                self.remover.remove(folder, partial.name)

    def is_noted(self, path: Path) -> bool:
        """Return whether a file could not be deleted the last time."""
        return path in self.remover.left

    def next_order(self, details: dict[str, Any]) -> int:
        """Place of a new segment in the order of making, see `index.place_of`."""
        started = parse_rfc3339(details.get("started"))
        return max(0 if started is None else round(1000 * started.timestamp()), self._index.newest_order + 1)

    def save_index(self) -> None:
        """Save the index if it has changed; costs nothing else where that fails."""
        if not self._index.is_saved and self.root.is_dir():
            self._index.save()

    @contextlib.contextmanager
    def changing(self, media: Path) -> Iterator[None]:
        """The block makes, renames or removes files of a segment: they are entered in the index after it."""
        day, segment_id = media.parent.name, media.stem
        with self._index.changing(day):
            try:
                yield
            finally:
                with contextlib.suppress(OSError), Folder(self.root) as root, root.child(day) as folder:
                    old = self._index.get(day, segment_id)
                    self._index.update(day, segment_id, folder, old.suffixes if old else ())

    def room(self) -> Room:
        """What is free on the disk of the store, see `disk.room_of`; raises RecordingError, OSError."""
        return room_of(self.root)

    # ---- keeping and deleting ----

    def keep(self, segment: Segment, on: bool = True) -> None:
        """Have retention pass over a segment, or not any more; raises OSError."""
        name = segment.segment_id + KEEP_SUFFIX
        with self.changing(segment.media), Folder(self.root) as root, root.child(segment.day) as folder:
            if on:
                flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                os.close(os.open(name, flags, FILE_MODE, dir_fd=folder.descriptor))
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder.descriptor)

    def delete(self, segment: Segment) -> bool:
        """Delete a segment with all files of its name, and the day's folder if it is empty then.

        Reports and exports made beside the video show the same people, so they go along. The MP4 goes
        first: what a power cut leaves are sidecars, which a sweep takes away. Each file is deleted on its
        own; what cannot go is in `undeletable`.

        Returns:
            Whether all of it is gone.
        """
        try:
            with Folder(self.root) as root, root.child(segment.day) as folder:
                return self._delete(root, folder, segment.segment_id, _suffixes(folder, segment.segment_id))
        except FileNotFoundError:
            return True

    def _delete(
        self, root: Folder, folder: Folder, segment_id: str, suffixes: tuple[str, ...] | list[str]
    ) -> bool:
        day = folder.path.name
        with self._index.changing(day):
            media_first = sorted(suffixes, key=lambda suffix: (suffix != MEDIA_SUFFIX, suffix == KEEP_SUFFIX))
            for suffix in media_first:
                self.remover.remove(folder, name_of(segment_id, suffix))
            left = self._index.update(day, segment_id, folder, suffixes)
        if left is None:
            with contextlib.suppress(OSError):
                os.rmdir(day, dir_fd=root.descriptor)  # fails while something of another segment is in it
        return left is None

    def purge(self, *, before: datetime | None = None) -> list[str]:
        """Delete all segments, or those recorded before a moment that are not kept; returns their ids.

        Without `before` nothing of ours stays: cut-off segments, stray sidecars, snapshots and pages go too.
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
            if self.delete(self._segment(entry)):
                removed.append(entry.segment_id)
        return removed

    def purge_since(self, moment: datetime) -> list[str]:
        """Delete what was recorded since a moment, kept or not; returns the ids.

        A segment counts by its end: as its details say, or as its MP4 was last written. One that a daemon is
        writing is left alone.
        """
        since_s, removed = moment.timestamp(), []
        self.refresh()
        for entry in self._index.entries():
            media = self._media(entry)
            ended_s = (entry.dated_s or 0.0) + (entry.duration_s or 0.0)
            if max(ended_s, _written_s(media), _written_s(partial_of(media))) < since_s:
                continue
            if not _is_written(partial_of(media)) and self.delete(self._segment(entry)):
                removed.append(entry.segment_id)
        return removed

    # ---- limits ----

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
            self.refresh()
            before = self._index.total_bytes
            entries = self._index.entries()
            orphans = [entry for entry in entries if not entry.has_media and entry.is_orphan]
            removed = self._remove_orphans(orphans)
            reasons: dict[str, int] = {}
            if self._due:
                self._retry(reasons, deleted)
                entries = self._index.entries()
            if clock_synced and limits.keep_days > 0:
                undated = [entry for entry in entries if entry.dated_s is None and entry.has_media]
                self._adopt(undated, now)
                entries = self._index.entries() if undated else entries
            room = self.room()
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
                total_bytes=self._index.total_bytes + self._growth_of_open(entries),
            )
            self._carry_out(plan, reasons, deleted)
            return Swept(reasons, removed, before - self._index.total_bytes, len(orphans) - removed)

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
        with Folder(self.root) as root:
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
        left = self._delete_known(root, entry)
        if left is None or MEDIA_SUFFIX not in left.suffixes:
            reasons[reason] = reasons.get(reason, 0) + 1
            deleted(self._segment(entry), reason)
            self._due.pop(entry.segment_id, None)
        else:
            self._due[entry.segment_id] = Deletion(left, reason)
        return left

    def _retry(self, reasons: dict[str, int], deleted: Callable[[Segment, str], None]) -> None:
        """Try again what could not be deleted when it had to go, unless it is gone or kept by now."""
        due, self._due = self._due, {}
        for deletion in due.values():
            entry = self._index.get(deletion.segment.day, deletion.segment.segment_id)
            if entry is not None and not entry.is_kept:
                with Folder(self.root) as root:
                    self._delete_due(root, Deletion(entry, deletion.reason), reasons, deleted)

    def _delete_known(self, root: Folder, entry: IndexEntry) -> IndexEntry | None:
        """Delete a segment that is in the index; return what is left of it."""
        try:
            with root.child(entry.day) as folder:
                self._delete(root, folder, entry.segment_id, entry.suffixes)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.remover.note(root, entry.day, error)
            return entry
        return self._index.get(entry.day, entry.segment_id)

    def _remove_orphans(self, orphans: list[IndexEntry]) -> int:
        """Delete sidecars without an MP4, unless they are too new; return the number of segments."""
        if not orphans:
            return 0
        with Folder(self.root) as root:
            return sum(
                self._delete_known(root, entry) is None
                for entry in orphans
                if not self._is_changing(root, entry)
            )

    def _is_changing(self, root: Folder, entry: IndexEntry) -> bool:
        """Return whether a copy may be under way, by the times of the files."""
        copying = any(suffix.startswith(f"/{MEDIA_SUFFIX}") for suffix in entry.suffixes)
        age_s = COPY_AGE_S if copying else ORPHAN_AGE_S
        with contextlib.suppress(OSError), root.child(entry.day) as folder:
            for suffix in entry.suffixes:
                if self.is_noted(folder.path / name_of(entry.segment_id, suffix)):
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
                    growth += max(0, partial_of(self._media(entry)).lstat().st_size - entry.bytes)
        return growth

    def _adopt(self, undated: list[IndexEntry], now: datetime) -> None:
        """Give segments from a time without a clock a date from which their age counts."""
        for entry in undated:
            media = self._media(entry)
            if media in self.remover.left or not media.exists():
                continue  # gone meanwhile: a new sidecar would belong to nothing
            try:
                details = read_details(media.with_suffix(".json"))
            except (FileNotFoundError, ValueError):
                details = {}
            except OSError as error:
                logger.debug("cannot date %s: %s", entry.segment_id, error)
                continue
            with self.changing(media), contextlib.suppress(OSError):
                if dated_of(details) is None:
                    details["dated"] = now.astimezone(timezone.utc).isoformat()
                    write_details(media.with_suffix(".json"), details)

    def _media(self, entry: IndexEntry) -> Path:
        return self.root / entry.day / f"{entry.segment_id}{MEDIA_SUFFIX}"

    def _segment(self, entry: IndexEntry) -> Segment:
        return Segment(
            entry.segment_id, entry.day, self._media(entry), entry.bytes, entry.duration_s, entry.is_kept
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


def _suffixes(folder: Folder, segment_id: str) -> tuple[str, ...]:
    """Suffixes of all files of a segment; raises OSError."""
    return families(name for name in folder.names() if segment_id in name).get(segment_id, ())
