"""Read what can still be read of a damaged spool: its messages are looked for in each page.

SQLite gives up where a page that leads to others is damaged. Each message has a checksum of its own, which
tells it wherever it is found. The format is that of https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from emoedge.publish.spool_entry import Entry, entry_of
from emoedge.publish.spool_log import Pages, read_pages

LEAF: Final = 13
"""Type of a page with rows of a table."""
FILE_HEADER_BYTES: Final = 100
"""Bytes before the first page's own header."""
COLUMNS: Final = 4
_INTEGER_BYTES: Final = (0, 1, 2, 3, 4, 6, 8)
"""Length of an integer by its serial type."""
_TEXT: Final = 12
"""Serial types from here on are blobs (even) and texts (odd); 0 is NULL, 8 and 9 are the numbers 0 and 1."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """Contents saved from a damaged file.

    Attributes:
        entries: messages that are as they were written, in order.
        lost: messages that are not, as far as numbers tell, at least one where pages are in doubt; None where
            nothing is left that could tell.
    """

    entries: list[Entry]
    lost: int | None


def salvage(database: bytes, log: bytes, *, is_damaged: bool) -> Salvaged:
    """Look for messages in every page.

    A message may be found that was delivered already; its `id` tells.

    Args:
        database: content of the file.
        log: content of its write-ahead log.
        is_damaged: whether pages of the database may be damaged, and not the log alone.
    """
    pages = read_pages(database, log)
    entries, bad = dict[int, Entry](), set[int]()
    for images in pages.images.values():
        for image in images:
            for seq, entry in _rows(image, pages):
                if entry is None:
                    bad.add(seq)
                else:
                    entries[seq] = entry
    seqs = sorted(entries)
    missing = len(bad - entries.keys())
    lost: int | None = missing
    if is_damaged or not pages.are_certain:
        # The messages of a page that cannot be read have the numbers between those of its neighbours. Nothing
        # tells how many there were at either end of the spool.
        lost = max(1, missing, seqs[-1] - seqs[0] + 1 - len(seqs)) if seqs else None
    return Salvaged([entries[seq] for seq in seqs], lost)


def _rows(image: bytes, pages: Pages) -> Iterator[tuple[int, Entry | None]]:
    """The rows of a page that have the shape of messages: number, and the message if it is whole."""
    start = FILE_HEADER_BYTES if image.startswith(b"SQLite format 3") else 0
    if len(image) < start + 8 or image[start] != LEAF:
        return
    count = int.from_bytes(image[start + 3 : start + 5], "big")
    for place in range(start + 8, min(start + 8 + 2 * count, len(image) - 1), 2):
        cell = int.from_bytes(image[place : place + 2], "big")
        try:
            row = _row(image, cell, pages)
        except (IndexError, struct.error):
            continue
        if row is not None:
            yield row


def _row(image: bytes, cell: int, pages: Pages) -> tuple[int, Entry | None] | None:
    length, cell = _number(image, cell)
    seq, cell = _number(image, cell)
    record = _record(image, cell, length, pages)
    head, place = _number(record, 0)
    types = []
    while place < head:
        kind, place = _number(record, place)
        types.append(kind)
    is_message = len(types) == COLUMNS and types[0] == 0 and min(types[1:3]) >= _TEXT
    if not is_message or types[3] not in (*range(1, 7), 8, 9):
        return None
    topic_bytes, payload_bytes = ((kind - _TEXT) // 2 for kind in types[1:3])
    topic = record[place : place + topic_bytes]
    payload = record[place + topic_bytes : place + topic_bytes + payload_bytes]
    rest = record[place + topic_bytes + payload_bytes :]
    if types[3] in (8, 9):
        checksum = types[3] - 8
    else:
        checksum = int.from_bytes(rest[: _INTEGER_BYTES[types[3]]], "big", signed=True)
    return seq, entry_of((seq, topic, payload, checksum))


def _record(image: bytes, cell: int, length: int, pages: Pages) -> bytes:
    """A row's content; what does not fit in a page goes on in overflow pages."""
    most, least = pages.size - 35, (pages.size - 12) * 32 // 255 - 23
    if length <= most:
        return image[cell : cell + length]
    local = least + (length - least) % (pages.size - 4)
    local = local if local <= most else least
    parts, left = [image[cell : cell + local]], length - local
    following = int.from_bytes(image[cell + local : cell + local + 4], "big")
    while left > 0 and (images := pages.images.get(following)):
        part = images[-1][4 : 4 + left]
        parts.append(part)
        following, left = int.from_bytes(images[-1][:4], "big"), left - max(1, len(part))
    return b"".join(parts)


def _number(data: bytes, place: int) -> tuple[int, int]:
    """A number of one to nine bytes, and the place after it; raises IndexError."""
    value = 0
    for index in range(9):
        byte = data[place + index]
        if index == 8:
            return value << 8 | byte, place + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + index + 1
    raise AssertionError
