"""Tells a damaged SQLite file from a disk that cannot be used at present."""

from __future__ import annotations

import sqlite3
from typing import Final

_OF_THE_DISK: Final = (
    "access permission denied",
    "attempt to write a readonly database",
    "authorization denied",
    "database is locked",
    "database or disk is full",
    "database schema has changed",
    "database schema is locked",
    "database table is locked",
    "disk i/o error",
    "interrupted",
    "large file support is disabled",
    "locking protocol",
    "out of memory",
    "unable to open database file",
)
"""Beginnings of what SQLite says (sqlite3ErrStr) of a disk, permissions or a lock; Python has numbers for it
from 3.11 on only."""


def is_damage(error: Exception) -> bool:
    """Return whether the file itself is bad; a good one must not be put aside because of a full disk.

    Statements never change, so one that the file does not take (a table or column that is missing, a format
    that is not supported, a constraint that nobody made) is damage as well. Names in a damaged schema need
    not be UTF-8.
    """
    if isinstance(error, sqlite3.OperationalError):
        return not str(error).lower().startswith(_OF_THE_DISK)
    return isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError) and not isinstance(
        error, sqlite3.ProgrammingError
    )
