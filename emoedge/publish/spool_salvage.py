"""Read what can still be read of a damaged spool."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emoedge.publish.spool_entry import COLUMNS, FORMAT, Entry, entry_of

MAX_SALVAGED: Final = 1_000_000
"""Rows read of a damaged file from either end."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What is left of a damaged file.

    Attributes:
        entries: messages that are as they were written, in order.
        lost: messages that are not; None where they cannot be counted.
    """

    entries: list[Entry]
    lost: int | None


def salvage(path: Path, *, are_whole: bool) -> Salvaged:
    """Read all that can be read of a damaged file, from both ends towards the damage.

    Args:
        path: the file.
        are_whole: whether the pages in its log are as they were written.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=1.0)) as connection:
        try:
            if connection.execute("PRAGMA user_version").fetchone()[0] not in (0, FORMAT):
                return Salvaged([], _count(connection))
            rows, is_cut = _rows_until_damage(connection, "ASC")
            if is_cut:
                later, _ = _rows_until_damage(connection, "DESC")
                rows += later[::-1]
        except sqlite3.Error:
            return Salvaged([], _count(connection))
    found = [entry_of(row) for row in rows]
    entries = {entry.seq: entry for entry in found if entry is not None}
    seqs = sorted(entries)
    lost: int | None = found.count(None)
    if is_cut or not are_whole:
        # The messages of a page that cannot be read have the numbers between those of its neighbours.
        lost = max(found.count(None), seqs[-1] - seqs[0] + 1 - len(seqs)) if seqs else None
    return Salvaged([entries[seq] for seq in seqs], lost)


def _rows_until_damage(connection: sqlite3.Connection, order: str) -> tuple[list[tuple[Any, ...]], bool]:
    """Return the rows up to the first that cannot be read, and whether there was one."""
    rows, last = list[tuple[Any, ...]](), None
    cursor = connection.execute(f"{COLUMNS} ORDER BY seq {order}")
    while len(rows) < MAX_SALVAGED:
        try:
            row = cursor.fetchone()
        except sqlite3.Error:
            return rows, True
        if row is None:
            return rows, False
        if last is not None and (row[0] <= last if order == "ASC" else row[0] >= last):
            return rows, True  # pages that point to each other
        last = row[0]
        rows.append(row)
    return rows, True


def _count(connection: sqlite3.Connection) -> int | None:
    """Return how many messages a file of another shape holds; None where they cannot be counted."""
    try:
        return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])
    except sqlite3.Error:
        return None
