"""The file of the history: SQLite in WAL mode, every commit synced, readable by the group at any time.

Python's `sqlite3` cannot ask SQLite to keep `-wal` and `-shm` when the last connection closes
(`SQLITE_FCNTL_PERSIST_WAL`). They are there while the daemon runs, and after a power cut; an orderly end
writes everything into the file itself and removes them, and readers open such a file as immutable.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

from emoedge.errors import EmoedgeError
from emoedge.files import put_aside, sync_folder
from emoedge.history.rows import SYNCED, Changes, GapRow
from emoedge.history.tables import (
    check,
    delete_rows,
    fact,
    merge_minute,
    move_stretch,
    prepare,
    put_episode,
    put_gap,
    size,
    transaction,
    trim,
)
from emoedge.local_time import Zone
from emoedge.record.names import FILE_MODE, share_with_group
from emoedge.sqlite_damage import is_damage
from emoedge.translation import tr

logger = logging.getLogger(__name__)

FILE_NAME: Final = "history.sqlite3"
"""In `paths.state`."""
ASIDE: Final = f"{FILE_NAME}.damaged"
"""Name under which a damaged file is kept."""
FILES: Final = (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", f"{FILE_NAME}-journal", ASIDE)
"""All that may lie there of the history."""
BUSY_S: Final = 2.0
"""Wait for a purge or another writer to end."""

_LAST_STRETCHES: Final = """SELECT coalesce(max(stretch), 0) FROM minute
UNION ALL SELECT coalesce(max(stretch), 0) FROM episode UNION ALL SELECT coalesce(max(stretch), 0) FROM gap"""

_VERSIONS_AT: Final = 18
_VERSIONS_END: Final = 20
_WAL_VERSION: Final = 2
"""Write and read version in the head of a file: 1, or 2 with a write-ahead log."""
FAILURES: Final = (sqlite3.Error, UnicodeDecodeError, OverflowError)
"""Exceptions of SQLite for a disk or a file that it cannot use."""

_Result = TypeVar("_Result")


class HistoryError(EmoedgeError):
    """The history cannot be read, written or deleted."""


class HistoryFile:
    """The file, for its one writer. Not thread-safe; all methods raise HistoryError where the disk fails.

    A damaged file is renamed to `history.sqlite3.damaged` and a new one begun.

    Args:
        state: the folder; it is made.
    """

    def __init__(self, state: Path) -> None:
        self.path = state / FILE_NAME
        self.set_aside = 0
        """Files put aside since the start."""
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._base: int | None = None

    def is_gone(self) -> bool:
        """Return whether the file that was written to is not there any more: it was purged."""
        if self._inode is None:
            return False
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def begin_again(self) -> None:
        """Close a file that was deleted; the next call creates a new one."""
        self._abandon()
        self._inode, self._base = None, 0

    def write(self, changes: Iterable[Changes]) -> None:
        """Write all of it in one synced transaction."""
        self._run(lambda connection: self._write(connection, changes))

    def delete(self, before_ms: int | None, since_ms: int | None = None) -> None:
        """Delete what ended before a moment, and what is not over at another."""
        self._run(lambda connection: delete_rows(connection, before_ms, since_ms))

    def trim(self, max_bytes: int, zone: Zone) -> None:
        """Delete the oldest days until the file is no larger than this; the last day stays."""
        self._run(lambda connection: trim(connection, max_bytes, zone))

    def size_bytes(self) -> int:
        """Size of the file, without what is not written into it yet."""
        return self._run(size)

    def close(self) -> None:
        """Write everything into the file and close it; a later call opens it again."""
        self._abandon()

    def _write(self, connection: sqlite3.Connection, changes: Iterable[Changes]) -> None:
        with transaction(connection):
            for change in changes:
                self._write_one(connection, change)

    def _write_one(self, connection: sqlite3.Connection, change: Changes) -> None:
        if change.begun_ms is not None and (ended_ms := fact(connection, "end")) is not None:
            stretch = self._number(connection, change.begun_stretch)
            put_gap(connection, GapRow(ended_ms, change.begun_ms, "stopped", stretch))
        for minute in change.minutes:
            merge_minute(connection, minute, self._number(connection, minute.stretch))
        for episode in change.episodes:
            put_episode(connection, episode, self._number(connection, episode.stretch))
        for gap in change.gaps:
            stretch = self._number(connection, gap.stretch)
            put_gap(connection, GapRow(gap.from_ms, gap.to_ms, gap.reason, stretch))
        for move in change.moves:
            move_stretch(connection, move, self._number(connection, move.stretch))
        if change.end_ms is not None:
            connection.execute("INSERT OR REPLACE INTO fact VALUES ('end', ?)", (change.end_ms,))

    def _number(self, connection: sqlite3.Connection, stretch: int) -> int:
        """Number of a stretch of this run in the file, in which those of earlier runs have numbers too."""
        if stretch == SYNCED:
            return SYNCED
        if self._base is None:
            numbers = [row[0] for row in connection.execute(_LAST_STRETCHES)]
            if not all(type(number) is int for number in numbers):
                raise sqlite3.DatabaseError("a row has an impossible number")
            self._base = max(numbers)
        return self._base + stretch

    def _run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        try:
            return work(self._opened())
        except FAILURES as error:
            self._abandon()
            if not is_damage(error):
                raise disk_error(self.path, error) from error
            self._put_aside(error)
        try:
            return work(self._opened())
        except FAILURES as error:
            self._abandon()
            raise disk_error(self.path, error) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection, self._inode = _open(self.path)
        return self._connection

    def _abandon(self) -> None:
        if self._connection is None:
            return
        try:
            self._connection.close()
        except sqlite3.Error:
            logger.debug("closing the history failed", exc_info=True)
        self._connection = None

    def _put_aside(self, error: Exception) -> None:
        self.set_aside += 1
        try:
            aside = put_aside(self.path)
            for name in FILES[1:4]:
                self.path.with_name(name).unlink(missing_ok=True)
        except OSError as problem:
            raise disk_error(self.path, problem) from problem
        self.begin_again()
        logger.error(
            "the history %s is damaged (%s): moved to %s, starting a new one", self.path, error, aside
        )


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a file that exists, to delete from it; raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S, isolation_level=None
    )
    try:
        prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def disk_error(path: Path, error: Exception) -> HistoryError:
    """Return the meaning of a failure of the disk or of the file."""
    text, remedy = str(error), tr("free or mount the disk, check permissions")
    if "locked" in text:
        return HistoryError(
            tr("the history {path} is in use", path=path), tr("try again, or stop the daemon")
        )
    if isinstance(error, PermissionError) or "readonly" in text or "unable to open" in text:
        remedy = tr("run it with sudo, or as a member of the group emoedge")
    return HistoryError(tr("the history {path} cannot be used: {error}", path=path, error=text), remedy)


def _open(path: Path) -> tuple[sqlite3.Connection, int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            for name in FILES[1:4]:  # the log of a file that was deleted would bring its rows back
                path.with_name(name).unlink(missing_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE))
            sync_folder(path.parent)
        share_with_group(path)
        inode = path.stat().st_ino
        with path.open("rb") as file:
            versions = file.read(_VERSIONS_END)[_VERSIONS_AT:]
    except OSError as error:
        raise disk_error(path, error) from error
    if any(version > _WAL_VERSION for version in versions):  # SQLite would take it for one that is read-only
        raise sqlite3.DatabaseError("unsupported version")
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        prepare(connection)
        check(connection)
    except BaseException:
        connection.close()
        raise
    return connection, inode
