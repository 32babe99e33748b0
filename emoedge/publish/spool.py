"""Messages on disk while the broker is away: SQLite in WAL mode, bounded, in order.

Every commit is synced to the disk (`synchronous=FULL`): NORMAL would survive a kill of the process but
lose the last commits in a power cut, and the spool is written only while the broker is away or slow, a
few times a second at most. The file is locked for one process, so that two daemons never drain it twice.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Final, TypeVar

from emoedge.errors import EmoedgeError
from emoedge.files import put_aside, sync_folder
from emoedge.publish.spool_entry import COLUMNS, FORMAT, Entry, checksum, entry_of
from emoedge.publish.spool_log import log_of, read_damaged_log
from emoedge.publish.spool_salvage import Salvaged, salvage
from emoedge.sqlite_damage import is_damage
from emoedge.translation import tr

logger = logging.getLogger(__name__)

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS message
    (seq INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS bad (seq INTEGER, topic BLOB, payload BLOB);
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES ('dropped', 0);
"""

_ROWS: Final = f"{COLUMNS} WHERE seq > ? ORDER BY seq LIMIT ?"
"""A topic is read as bytes: one that is not UTF-8 would fail the whole query."""
MAX_BAD: Final = 100
"""Bad rows kept for whoever wants to look into them."""
STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
"""Time in the name of a damaged file: the order of the names is that of the times."""
MAX_ASIDE: Final = 3
"""Damaged files kept; the oldest go."""
_PAGE: Final = 500
_TRIM_BAD: Final = "DELETE FROM bad WHERE rowid NOT IN (SELECT rowid FROM bad ORDER BY rowid DESC LIMIT ?)"
_PROBE: Final = "UPDATE counter SET value = value WHERE name = 'dropped'"

_Result = TypeVar("_Result")


class _ShapeError(sqlite3.DatabaseError):
    """The file is whole, and of another version."""


class SpoolError(EmoedgeError):
    """The spool cannot be written or read at present: full disk, no permission, directory gone, locked."""


class Spool:
    """The file. Not thread-safe: one thread opens and uses it.

    A damaged file is renamed to `….<time>.damaged` (three are kept) and a new one begun, with every message
    that can still be read; `set_aside` counts the files, and `lost` the messages that are gone. A single bad
    row is moved to the table `bad`, and counted too. All methods raise SpoolError where the disk fails; the
    next call tries again.

    Args:
        path: the database file; its directory is made.
        max_messages: the bound; beyond it the oldest are dropped and counted.
    """

    def __init__(self, path: Path, max_messages: int) -> None:
        self.path = path
        self.max_messages = max_messages
        self.set_aside = 0
        """Files put aside since the start."""
        self.lost = 0
        """Messages lost to damage since the start."""
        self._connection: sqlite3.Connection | None = None
        self._damaged_log = b""

    def append(self, entries: Sequence[Entry]) -> None:
        """Append entries (`seq` above all others) in one synced transaction and trim to the bound."""
        self._run(lambda connection: self._append(connection, entries))

    def delete(self, seqs: Iterable[int]) -> None:
        """Forget delivered entries; unknown numbers do no harm."""
        rows = [(seq,) for seq in seqs]
        self._run(lambda connection: _in_transaction(connection, "DELETE FROM message WHERE seq = ?", rows))

    def forget(self, is_meant: Callable[[bytes], bool]) -> None:
        """Delete the messages with such payloads and all bad rows, in the file's free pages too."""
        self._run(lambda connection: forget_messages(connection, is_meant))

    def keep_bad(self, entries: Iterable[Entry]) -> None:
        """Move entries that the broker does not take to the table `bad`, whether they are on disk or not."""
        rows = [(entry.seq, entry.topic.encode(), entry.payload) for entry in entries]
        self._run(lambda connection: self._keep_bad(connection, rows))

    def _keep_bad(self, connection: sqlite3.Connection, rows: list[tuple[int, bytes, bytes]]) -> None:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO bad VALUES (?, ?, ?)", rows)
            connection.executemany("DELETE FROM message WHERE seq = ?", [(row[0],) for row in rows])
            connection.execute(_TRIM_BAD, (MAX_BAD,))

    def after(self, seq: int, limit: int) -> list[Entry]:
        """The next entries above `seq` in order, at most `limit`."""
        return self._run(lambda connection: self._after(connection, seq, limit))

    def _after(self, connection: sqlite3.Connection, seq: int, limit: int) -> list[Entry]:
        rows = connection.execute(_ROWS, (seq, limit)).fetchall()
        entries = [entry_of(row) for row in rows]
        if None in entries:
            self._set_rows_aside(connection)
            return self._after(connection, seq, limit)
        return [entry for entry in entries if entry is not None]

    def _set_rows_aside(self, connection: sqlite3.Connection) -> None:
        """Move every row that is not as it was written to the table `bad`, so that it holds up nothing."""
        seq, bad = -(2**63), list[tuple[int]]()
        while rows := connection.execute(_ROWS, (seq, _PAGE)).fetchall():
            seq = rows[-1][0]
            bad += [(row[0],) for row in rows if entry_of(row) is None]
        if not bad:
            return
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO bad SELECT seq, CAST(topic AS BLOB), payload FROM message WHERE seq = ?", bad
            )
            connection.executemany("DELETE FROM message WHERE seq = ?", bad)
            connection.execute(_TRIM_BAD, (MAX_BAD,))
        self.lost += len(bad)
        numbers = ", ".join(str(one[0]) for one in bad[:5])
        logger.error(
            "%d messages in the spool %s are damaged and were set aside: numbers %s",
            len(bad),
            self.path,
            numbers,
        )

    def depth(self) -> int:
        """Messages kept."""
        return self._number("SELECT count(*) FROM message")

    def last_seq(self) -> int:
        """The highest number kept, 0 when empty."""
        return self._number("SELECT coalesce(max(seq), 0) FROM message")

    def dropped(self) -> int:
        """Messages lost to the bound since the file was begun."""
        return self._number("SELECT value FROM counter WHERE name = 'dropped'")

    def probe(self) -> None:
        """Write something that changes nothing: raises where a message could not be kept."""
        self._run(_probe)

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _number(self, query: str) -> int:
        row = self._run(lambda connection: connection.execute(query).fetchone())
        # Messages must not be lost because of a damaged counter.
        return row[0] if row is not None and isinstance(row[0], int) else 0

    def _append(self, connection: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?)",
                [(entry.seq, entry.topic, entry.payload, checksum(entry)) for entry in entries],
            )
            excess = connection.execute("SELECT count(*) FROM message").fetchone()[0] - self.max_messages
            if excess > 0:
                connection.execute(
                    "DELETE FROM message WHERE seq IN (SELECT seq FROM message ORDER BY seq LIMIT ?)",
                    (excess,),
                )
                connection.execute("UPDATE counter SET value = value + ? WHERE name = 'dropped'", (excess,))

    def _run(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        try:
            return work(self._opened())
        except sqlite3.Error as error:
            self._abandon()
            if not is_damage(error):
                raise _disk_error(self.path, error) from error
            self._put_aside(error)
        try:
            return work(self._opened())
        except sqlite3.Error as error:
            self._abandon()
            raise _disk_error(self.path, error) from error

    def _opened(self) -> sqlite3.Connection:
        # Everything written to a deleted file would be lost.
        if self._connection is not None and not self.path.exists():
            logger.warning("the spool %s was deleted while in use; starting a new one", self.path)
            self._abandon()
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _disk_error(self.path, error) from error
        # Read first: SQLite cuts a log off at its first bad frame.
        damaged_log = read_damaged_log(self.path)
        # Private: the texts of a transcript may be in it.
        _touch_private(self.path)
        connection = sqlite3.connect(self.path, timeout=1.0, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection)  # fails where another process has it
            _check_log(damaged_log)
            self._set_rows_aside(connection)
        except sqlite3.Error as error:
            connection.close()
            self._damaged_log = damaged_log if is_damage(error) else b""
            raise
        except BaseException:
            connection.close()
            raise
        return connection

    def _abandon(self) -> None:
        if self._connection is None:
            return
        try:
            self._connection.close()
        except sqlite3.Error:
            logger.debug("cannot close the spool", exc_info=True)
        self._connection = None

    def _put_aside(self, error: sqlite3.Error) -> None:
        """Begin a new file with what can still be read of the damaged one."""
        self.set_aside += 1
        log = log_of(self.path)
        try:
            content = self._damaged_log or (log.read_bytes() if log.exists() else b"")
            aside = put_aside(self.path, f".{datetime.now(tz=timezone.utc):{STAMP}}")
            log.unlink(missing_ok=True)
            self.path.with_name(f"{self.path.name}-shm").unlink(missing_ok=True)
            if isinstance(error, _ShapeError | sqlite3.OperationalError):
                found = Salvaged([], _count(aside, content))
            else:
                found = salvage(aside.read_bytes(), content, is_damaged=not self._damaged_log)
            for old in self._aside()[:-MAX_ASIDE]:
                old.unlink(missing_ok=True)
        except OSError as problem:
            raise _disk_error(self.path, problem) from problem
        self._damaged_log = b""
        self.lost += found.lost or 0
        logger.error(
            "the spool %s is damaged (%s), moved to %s; the new one has %d of its messages, %s are lost",
            self.path,
            error,
            aside,
            len(found.entries),
            "an unknown number" if found.lost is None else found.lost,
        )
        if found.entries:
            try:
                self._append(self._opened(), found.entries)
            except sqlite3.Error as problem:
                raise _disk_error(self.path, problem) from problem

    def _aside(self) -> list[Path]:
        """Return the files put aside, oldest first."""
        return sorted(self.path.parent.glob(f"{self.path.name}.*.damaged"))


def _count(path: Path, log: bytes) -> int | None:
    """Return how many messages a file of another shape holds; None where they cannot be counted."""
    log_of(path).write_bytes(log)
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1.0)) as connection:
            return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])
    except sqlite3.Error:
        return None
    finally:
        log_of(path).unlink(missing_ok=True)


def _prepare(connection: sqlite3.Connection) -> None:
    # Exclusive first: then WAL needs no shared memory file and a second daemon is refused.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # delivered messages must not remain in free pages
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, FORMAT):
        raise _ShapeError(f"format {version} instead of {FORMAT}")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    connection.executescript(_TABLES)
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def forget_messages(connection: sqlite3.Connection, is_meant: Callable[[bytes], bool]) -> None:
    """Delete messages from an open spool, also from what SQLite leaves of deleted rows."""
    rows = connection.execute("SELECT seq, payload FROM message").fetchall()
    meant = [(seq,) for seq, payload in rows if is_meant(payload)]
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("DELETE FROM message WHERE seq = ?", meant)
        connection.execute("DELETE FROM bad")
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _check_log(damaged_log: bytes) -> None:
    if damaged_log:
        raise sqlite3.DatabaseError("its write-ahead log has bad checksums")


def _probe(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_PROBE)


def _in_transaction(connection: sqlite3.Connection, statement: str, rows: list[tuple[int]]) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows)


def _touch_private(path: Path) -> None:
    """Make the file, and make sure that a power cut does not unmake it."""
    if path.exists():
        return
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)
    except OSError as error:
        raise _disk_error(path, error) from error


def _disk_error(path: Path, error: Exception) -> SpoolError:
    if "locked" in str(error):  # SQLITE_BUSY has a name from Python 3.11 on only
        return SpoolError(
            tr("the spool {path} is in use by another emoedge", path=path),
            tr("stop it, or set another paths.state"),
        )
    return SpoolError(
        tr("the spool {path} cannot be used: {error}", path=path, error=error),
        tr("free or mount the disk, check permissions"),
    )
