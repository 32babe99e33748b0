"""Index of the store: what is known of each segment, so that retention need not read every file again.

The folders are the truth. The index is fitted to them: a folder whose names have changed is listed again, and
only what is new in it is looked at. It is kept in `.index.json`, which may be deleted at any time.
"""

from __future__ import annotations

import bisect
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from emoedge.files import PARTIAL, read_small, write_atomically
from emoedge.record.folder import Folder, Remover
from emoedge.record.index_entry import IndexEntry, emotion_of, families, name_of, read_entry
from emoedge.record.names import (
    ALL_SUFFIXES,
    DAY_PATTERN,
    DELETED_SUFFIX,
    FILE_MODE,
    KEEP_SUFFIX,
    LABELS_SUFFIX,
    is_segment_id,
)

logger = logging.getLogger(__name__)

FILE_NAME: Final = ".index.json"
"""The saved index, in the recordings directory."""
SCHEMA: Final = 1
SAVED_FROM: Final = 3
"""Fields of an entry from this one on are saved as they are."""
MAX_INDEX_BYTES: Final = 256 * 1024 * 1024
"""Maximum size of a saved index, that of a million segments; a larger one is not read."""
TICK_NS: Final = 50_000_000
"""A change so soon after another one may leave the time of a folder as it was (the kernel's tick)."""
_USUAL: Final = (
    *ALL_SUFFIXES,
    *(suffix + PARTIAL for suffix in ALL_SUFFIXES),
    KEEP_SUFFIX,
    DELETED_SUFFIX,
    LABELS_SUFFIX,
)


@dataclass(slots=True)
class _Day:
    """A day's folder: its entries, and the time of the folder that they fit."""

    mtime_ns: int = 0
    entries: dict[str, IndexEntry] = field(default_factory=dict)
    writers: int = 0
    fits: bool = False


class Index:
    """Index of the segments in a recordings directory. All methods may be called from any thread.

    Args:
        root: the directory; it need not exist yet.
        remover: notes folders that cannot be read.
    """

    def __init__(self, root: Path, remover: Remover) -> None:
        self._root = root
        self._remover = remover
        self._days: dict[str, _Day] = {}
        self._lock = threading.RLock()
        self._refreshing = threading.Lock()
        self._loaded = False
        self._ordered: list[tuple[int, str, str, IndexEntry]] = []
        self.total_bytes = 0
        """Size of all entries."""
        self.is_saved = True
        """Whether the file holds what is known."""

    def refresh(
        self, *, trust_times: bool = True, trust_files: bool = True, beat: Callable[[], None] = lambda: None
    ) -> None:
        """Fit the index to the folders; raises OSError when the recordings directory cannot be read.

        Args:
            trust_times: leave out folders whose time says that no name has changed.
            trust_files: leave out segments whose names are the same; False reads all of them again.
            beat: called now and then.
        """
        with self._refreshing:
            if not self._loaded:
                self._load()
                self._loaded = True
            try:
                root = Folder(self._root)
            except FileNotFoundError:
                self._drop(list(self._days))
                return
            with root:
                days = {name for name in root.names() if DAY_PATTERN.fullmatch(name)}
                for day in sorted(days):
                    beat()
                    self._refresh_day(root, day, trust_times, trust_files, beat)
            self._drop([day for day in self._days if day not in days])

    def entries(self) -> list[IndexEntry]:
        """Known segments, in the order in which they were made."""
        with self._lock:
            return [entry for *_, entry in self._ordered]

    def get(self, day: str, segment_id: str) -> IndexEntry | None:
        """The entry of a segment."""
        with self._lock:
            found = self._days.get(day)
            return None if found is None else found.entries.get(segment_id)

    @property
    def newest_order(self) -> int:
        """Place of the segment made last; 0 without any."""
        with self._lock:
            return self._ordered[-1][0] if self._ordered else 0

    @contextmanager
    def changing(self, day: str) -> Iterator[None]:
        """Names in a day's folder change by our own hand, and are entered with `update` or not at all."""
        with self._lock:
            known = self._days.setdefault(day, _Day())
            if not known.writers:
                known.fits = self._mtime_of(day) == known.mtime_ns
            known.writers += 1
        try:
            yield
        finally:
            with self._lock:
                known.writers -= 1
                if known.fits:
                    known.mtime_ns = self._mtime_of(day)
                    self.is_saved = False

    def update(
        self, day: str, segment_id: str, folder: Folder, extra: Iterable[str] = ()
    ) -> IndexEntry | None:
        """Look at one segment again, at its usual names and `extra` ones; returns its entry, None if gone."""
        suffixes = tuple(
            sorted(
                suffix
                for suffix in {*_USUAL, *extra}
                if folder.status(name_of(segment_id, suffix)) is not None
            )
        )
        entry = read_entry(folder, segment_id, suffixes) if suffixes else None
        self._put(day, segment_id, entry)
        return entry

    def save(self) -> None:
        """Write the index for the next process; a disk that cannot be written costs only this."""
        with self._lock:
            kinds: dict[tuple[str, ...], int] = {}
            days = {
                day: [
                    known.mtime_ns,
                    {
                        segment_id: [
                            kinds.setdefault(entry.suffixes, len(kinds)),
                            *entry[SAVED_FROM:],
                        ]
                        for segment_id, entry in known.entries.items()
                    },
                ]
                for day, known in self._days.items()
            }
            self.is_saved = True
        value = {"schema": SCHEMA, "days": days, "kinds": list(kinds)}
        try:
            write_atomically(self._root / FILE_NAME, json.dumps(value), mode=FILE_MODE)
        except OSError as error:
            self.is_saved = False
            logger.debug("cannot save the index: %s", error)

    # ---- fitting it to the disk ----

    def _refresh_day(
        self, root: Folder, day: str, trust_times: bool, trust_files: bool, beat: Callable[[], None]
    ) -> None:
        known = self._days.get(day)
        status = root.status(day)
        if known and trust_times and trust_files and status and status.st_mtime_ns == known.mtime_ns:
            return
        try:
            folder = root.child(day)
        except OSError as error:
            # Gone, a link (which is not followed), or another user's.
            if isinstance(error, PermissionError):
                self._remover.note(root, day, error)
            self._drop([day])
            return
        self._remover.left.pop(folder.path, None)  # it could not be read before
        with folder:
            before_ns = folder.mtime_ns
            old = known.entries if known and trust_files else {}
            entries: dict[str, IndexEntry] = {}
            for segment_id, suffixes in families(folder.names()).items():
                entry = old.get(segment_id)
                if entry is None or entry.suffixes != suffixes or entry.is_open:
                    beat()
                    entry = read_entry(folder, segment_id, suffixes)
                entries[segment_id] = entry
            after_ns = folder.mtime_ns
        settled = before_ns == after_ns and abs(time.time_ns() - after_ns) > TICK_NS
        with self._lock:
            known = self._days.setdefault(day, _Day())
            known.mtime_ns = before_ns if settled else 0
            if known.entries == entries:
                return
            known.entries = entries
            self.is_saved = False
            self._count()

    def _put(self, day: str, segment_id: str, entry: IndexEntry | None) -> None:
        with self._lock:
            known = self._days.setdefault(day, _Day())
            old = known.entries.pop(segment_id, None)
            if old is not None:
                self.total_bytes -= old.bytes
                del self._ordered[bisect.bisect_left(self._ordered, (old.order, segment_id, day))]
            if entry is not None:
                known.entries[segment_id] = entry
                self.total_bytes += entry.bytes
                bisect.insort(self._ordered, (entry.order, segment_id, day, entry))
            self.is_saved = False

    def _drop(self, days: list[str]) -> None:
        with self._lock:
            dropped = [self._days.pop(day) for day in days if day in self._days]
            if any(day.entries for day in dropped):
                self.is_saved = False
                self._count()

    def _count(self) -> None:
        entries = [entry for known in self._days.values() for entry in known.entries.values()]
        self._ordered = sorted((entry.order, entry.segment_id, entry.day, entry) for entry in entries)
        self.total_bytes = sum(entry.bytes for entry in entries)

    def _mtime_of(self, day: str) -> int:
        try:
            return (self._root / day).lstat().st_mtime_ns
        except OSError:
            return 0

    # ---- the file ----

    def _load(self) -> None:
        """Read the saved index; what is damaged in it is left out and read from the folders."""
        try:
            value = read_small(self._root / FILE_NAME, MAX_INDEX_BYTES)
            document = json.loads(value)
            if document["schema"] != SCHEMA:
                return
            kinds = [tuple(str(suffix) for suffix in kind) for kind in document["kinds"]]
            days = {
                str(day): _Day(
                    int(mtime_ns),
                    {
                        segment_id: _entry(segment_id, day, row, kinds)
                        for segment_id, row in rows.items()
                        if is_segment_id(segment_id)
                    },
                )
                for day, (mtime_ns, rows) in document["days"].items()
            }
        except FileNotFoundError:
            return
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            AttributeError,
            RecursionError,
        ) as error:
            logger.info("the index of the recordings is made again: %s", error)
            return
        with self._lock:
            self._days = days
            self._count()


def _entry(segment_id: str, day: str, row: list[Any], kinds: list[tuple[str, ...]]) -> IndexEntry:
    """An entry of the saved index; raises ValueError, TypeError or IndexError."""
    kind, size, has_media, is_open, duration_s, dated_s, order, emotion = row
    if not (type(kind) is type(size) is type(order) is int):
        raise TypeError("not an index")
    numbers = [number for number in (duration_s, dated_s) if number is not None]
    if min(kind, size, order) < 0 or not all(math.isfinite(number) for number in numbers):
        raise ValueError("not an index")
    return IndexEntry(
        segment_id,
        day,
        kinds[kind],
        size,
        bool(has_media),
        bool(is_open),
        duration_s,
        dated_s,
        order,
        emotion_of({"emotion": emotion}),
    )
