"""One message of the spool, and how it is written in its table."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, Final

FORMAT: Final = 2
"""PRAGMA user_version of the file; one of another version is set aside."""

COLUMNS: Final = "SELECT seq, CAST(topic AS BLOB), payload, crc FROM message"
LARGEST_SEQ: Final = 2**53
"""A number above it was not given by us; SQLite could not count on from it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Message that must be delivered: `seq` orders all of them, also over restarts."""

    seq: int
    topic: str
    payload: bytes


def checksum(entry: Entry) -> int:
    """CRC-32 of number, topic and payload."""
    return zlib.crc32(entry.payload, zlib.crc32(f"{entry.seq} {entry.topic} ".encode()))


def entry_of(row: tuple[Any, ...]) -> Entry | None:
    """Return a row as a message, or None where it is not what was written."""
    seq, topic, payload, crc = row
    if not (isinstance(topic, bytes) and isinstance(payload, bytes) and 0 < seq <= LARGEST_SEQ):
        return None
    try:
        entry = Entry(seq, topic.decode(), payload)
    except UnicodeDecodeError:
        return None
    return entry if checksum(entry) == crc else None
