"""Tables of the history: how rows are kept in few bytes, moved and deleted.

A minute is a row of integers, most of them 0, which takes no space; an episode refers to its segment by a
number. Times are milliseconds since 1970, minutes their number since then.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Final

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, INDEX
from emoedge.history.rows import (
    COLUMNS,
    LATEST_MS,
    MINUTE_MS,
    REASONS,
    SYNCED,
    WHOLE,
    ClockMove,
    EpisodeRow,
    GapRow,
    MinuteRow,
    are_counts,
)
from emoedge.local_time import Zone, day_span

FORMAT: Final = 1
"""PRAGMA user_version of the file."""
MINUTE_COLUMNS: Final = (
    "minute",
    "stretch",
    *COLUMNS,
    "speech",
    "opinion",
    *(f"p_{name}" for name in EMOTIONS),
    "people",
)
_COLUMNS_OF: Final = {
    "minute": MINUTE_COLUMNS,
    "episode": ("started", "id", "emotion", "length", "peak", "recording", "stretch"),
    "recording": ("number", "id"),
    "gap": ("began", "reason", "stretch", "ended"),
    "fact": ("name", "value"),
}
_TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS minute ({", ".join(f"{name} INTEGER NOT NULL" for name in MINUTE_COLUMNS)},
    PRIMARY KEY (minute, stretch)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS episode (started INTEGER NOT NULL, id BLOB NOT NULL, emotion INTEGER NOT NULL,
    length INTEGER NOT NULL, peak INTEGER NOT NULL, recording INTEGER, stretch INTEGER NOT NULL,
    PRIMARY KEY (started, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recording (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS gap (began INTEGER NOT NULL, reason INTEGER NOT NULL, stretch INTEGER NOT NULL,
    ended INTEGER NOT NULL, PRIMARY KEY (began, reason, stretch)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_PUT_MINUTE: Final = "INSERT OR REPLACE INTO minute VALUES (?" + ", ?" * (len(MINUTE_COLUMNS) - 1) + ")"
SELECT_MINUTES: Final = f"SELECT {', '.join(MINUTE_COLUMNS)} FROM minute"  # noqa: S608 - names of ours
_MOVE_GAPS: Final = """UPDATE OR REPLACE gap SET began = CASE reason WHEN ? THEN began ELSE began + ? END,
ended = ended + ?, stretch = ? WHERE stretch = ?"""
_TIMES: Final = """SELECT min(start), max(start) FROM (SELECT minute * ? AS start FROM minute
UNION ALL SELECT started FROM episode UNION ALL SELECT ended - 1 FROM gap)"""
_STOPPED: Final = REASONS.index("stopped")
_CLOCK: Final = REASONS.index("clock")


def prepare(connection: sqlite3.Connection) -> None:
    """Set an open file up for writing; raises sqlite3.Error."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file, before anything is in it
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON").fetchone()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, FORMAT):
        raise sqlite3.DatabaseError(f"format {version} instead of {FORMAT}")


def check(connection: sqlite3.Connection) -> None:
    """Make tables that are missing; raises sqlite3.Error, also where the file is damaged."""
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    connection.executescript(_TABLES)
    for table, columns in _COLUMNS_OF.items():
        if tuple(row[1] for row in connection.execute(f"PRAGMA table_info({table})")) != columns:
            raise sqlite3.DatabaseError(f"the table {table} has other columns")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


# ---- deleting ----


def delete_rows(connection: sqlite3.Connection, before_ms: int | None, since_ms: int | None = None) -> None:
    """Delete what ended before a moment and what was not over at another, in the free pages too."""
    with transaction(connection):
        if before_ms is not None:
            connection.execute("DELETE FROM minute WHERE minute < ?", (before_ms // MINUTE_MS,))
            connection.execute("DELETE FROM episode WHERE started < ?", (before_ms,))
            connection.execute("DELETE FROM gap WHERE ended <= ?", (before_ms,))
            connection.execute("UPDATE OR REPLACE gap SET began = ?1 WHERE began < ?1", (before_ms,))
        if since_ms is not None:
            connection.execute("DELETE FROM minute WHERE minute >= ?", (since_ms // MINUTE_MS,))
            connection.execute("DELETE FROM episode WHERE started + length >= ?", (since_ms,))
            connection.execute("DELETE FROM gap WHERE began >= ?", (since_ms,))
            connection.execute("UPDATE gap SET ended = ?1 WHERE ended > ?1", (since_ms,))
        connection.execute(
            "DELETE FROM recording WHERE number NOT IN "
            "(SELECT recording FROM episode WHERE recording IS NOT NULL)"
        )
    shrink(connection)


def shrink(connection: sqlite3.Connection) -> None:
    """Give the pages of deleted rows back; what they held is gone from the log as well."""
    connection.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def size(connection: sqlite3.Connection) -> int:
    """Bytes of the file, with what is still in the log."""
    pages, page_bytes = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size")
    )
    return int(pages * page_bytes)


def trim(connection: sqlite3.Connection, max_bytes: int, zone: Zone) -> None:
    """Delete the oldest days until the file is no larger than this; the last day stays."""
    while size(connection) > max_bytes:
        oldest, newest = connection.execute(_TIMES, (MINUTE_MS,)).fetchone()
        if oldest is None:
            return
        if not (type(oldest) is int and type(newest) is int and 0 <= oldest <= newest <= LATEST_MS):
            raise sqlite3.DatabaseError("a row has an impossible time")
        day = datetime.fromtimestamp(oldest / 1000, timezone.utc).astimezone(zone).date()
        end_ms = round(day_span(day, zone)[1].timestamp() * 1000)
        if end_ms > newest:
            return
        delete_rows(connection, end_ms)


# ---- rows ----


def fact(connection: sqlite3.Connection, name: str) -> int | None:
    """A time that is remembered; None without one."""
    row = connection.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return row[0] if row is not None and type(row[0]) is int and 0 <= row[0] <= LATEST_MS else None


def minute_of(values: tuple[Any, ...]) -> MinuteRow | None:
    """A row of the table as a minute; None where it is not one that was written."""
    if type(values[0]) is not int:
        return None
    count = 2 + len(COLUMNS)
    row = MinuteRow(
        values[0] * MINUTE_MS,
        values[1],
        values[2:count],
        values[count],
        values[count + 1],
        values[count + 2 : count + 2 + EMOTION_COUNT],
        values[-1],
    )
    return row if row.is_sound else None


def episode_of(values: tuple[Any, ...]) -> EpisodeRow | None:
    """A row of the table, with the segment's id in place of its number, as an episode; None as above."""
    started_ms, event_id, emotion, length_ms, peak, recording, stretch = values
    if not (
        are_counts((started_ms, emotion, length_ms, peak, stretch))
        and isinstance(event_id, str | bytes)
        and (recording is None or isinstance(recording, str))
        and emotion < EMOTION_COUNT
        and started_ms + length_ms <= LATEST_MS
        and peak <= WHOLE
    ):
        return None
    name = event_id.hex() if isinstance(event_id, bytes) else event_id
    return EpisodeRow(name, EMOTIONS[emotion], started_ms, started_ms + length_ms, peak, recording, stretch)


def gap_of(values: tuple[Any, ...]) -> GapRow | None:
    """A row of the table as a gap; None as above, and where it ends before it begins."""
    from_ms, reason, stretch, to_ms = values
    if not all(type(number) is int for number in values) or not 0 <= reason < len(REASONS):
        return None
    return GapRow(from_ms, to_ms, REASONS[reason], stretch) if 0 <= from_ms < to_ms <= LATEST_MS else None


def merge_minute(connection: sqlite3.Connection, row: MinuteRow, stretch: int) -> None:
    """Add a minute to what is there; one that would make it longer than a minute is not counted again."""
    minute = row.start_ms // MINUTE_MS
    found = connection.execute(
        f"{SELECT_MINUTES} WHERE minute = ? AND stretch = ?", (minute, stretch)
    ).fetchone()
    there = None if found is None else minute_of(found)
    merged = row if there is None else there.merged(row)
    if merged is not None:
        counts = (*merged.spent_ms, merged.speech_ms, merged.opinion_ms, *merged.probabilities)
        connection.execute(_PUT_MINUTE, (minute, stretch, *counts, merged.people_max))


def put_episode(connection: sqlite3.Connection, row: EpisodeRow, stretch: int) -> None:
    """Add an episode."""
    number = None
    if row.recording is not None:
        connection.execute("INSERT OR IGNORE INTO recording (id) VALUES (?)", (row.recording,))
        found = connection.execute("SELECT number FROM recording WHERE id = ?", (row.recording,))
        number = found.fetchone()[0]
    length_ms = row.ended_ms - row.started_ms
    connection.execute(
        "INSERT OR REPLACE INTO episode VALUES (?, ?, ?, ?, ?, ?, ?)",
        (row.started_ms, _packed(row.event_id), INDEX[row.emotion], length_ms, row.peak, number, stretch),
    )


def put_gap(connection: sqlite3.Connection, gap: GapRow) -> None:
    """Add a gap, or make the one that began at the same time longer."""
    connection.execute(
        "INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?)",
        (gap.from_ms, REASONS.index(gap.reason), gap.stretch, gap.to_ms),
    )


def move_stretch(connection: sqlite3.Connection, move: ClockMove, stretch: int) -> None:
    """Give what lies in a stretch of unsynchronised time its place."""
    rows = connection.execute(f"{SELECT_MINUTES} WHERE stretch = ? ORDER BY minute", (stretch,)).fetchall()
    connection.execute("DELETE FROM minute WHERE stretch = ?", (stretch,))
    for values in rows:
        row = minute_of(values)
        if row is not None and row.start_ms + move.minutes_ms >= 0:
            placed = replace(row, start_ms=row.start_ms + move.minutes_ms, stretch=SYNCED)
            merge_minute(connection, placed, SYNCED)
    connection.execute(
        "UPDATE OR REPLACE episode SET started = started + ?, stretch = ? WHERE stretch = ?",
        (move.shift_ms, SYNCED, stretch),
    )
    # A jump between two wrong clocks is no longer meaningful.
    connection.execute("DELETE FROM gap WHERE stretch = ? AND reason = ?", (stretch, _CLOCK))
    # When the daemon stopped was not measured by this clock.
    connection.execute(_MOVE_GAPS, (_STOPPED, move.minutes_ms, move.minutes_ms, SYNCED, stretch))
    connection.execute("DELETE FROM gap WHERE stretch = ? AND began >= ended", (SYNCED,))


def _packed(event_id: str) -> bytes | str:
    """An id in as few bytes as it has; one that is not plain hexadecimal stays as it is."""
    try:
        packed = bytes.fromhex(event_id)
    except ValueError:
        return event_id
    return packed if packed.hex() == event_id else event_id
