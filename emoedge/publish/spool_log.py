"""Write-ahead log of the spool: see damage that SQLite passes over silently, and read what is behind it.

SQLite ends a log at the first frame whose checksum is wrong, without an error: messages that were synced to
the disk before a bit changed would be lost silently. The format is that of
https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HEADER: Final = struct.Struct(">8I")
"""Magic number, version, page size, checkpoint number, two salts, two checksums."""
FRAME: Final = struct.Struct(">6I")
"""Page number, pages of the database after a commit (else 0), two salts, two checksums."""
MAGIC: Final = 0x377F0682
"""With words in little-endian order in the checksums; one more is big-endian."""
VERSION: Final = 3007000
PAGE_SIZES: Final = tuple(2**power for power in range(9, 17))
DATABASE_PAGE_SIZE: Final = slice(16, 18)
"""Offset of the page size in a database; 1 means 65,536."""
MAX_OLDER: Final = 1 << 16
"""Logs written over each other of which frames are still there, at most."""
MAX_BYTES: Final = 256_000_000
"""A log of ours has some megabytes; a larger one is not read into memory."""

Sums = tuple[int, int]


def log_of(database: Path) -> Path:
    """Path of the write-ahead log of a database."""
    return database.with_name(f"{database.name}-wal")


def read_damaged_log(database: Path) -> bytes:
    """Content of the log, if there is one in which commits follow that SQLite will not see; else nothing."""
    try:
        path = log_of(database)
        if path.stat().st_size > MAX_BYTES:
            return b""
        log = path.read_bytes()
    except OSError:
        return b""  # the database reports the fault of the disk
    return b"" if len(log) < HEADER.size or is_whole(log) else log


def is_whole(log: bytes) -> bool:
    """Return whether no commit follows the part of a log that SQLite reads.

    A frame that was incomplete when the power went is no damage: its commit was never acknowledged.
    """
    magic, version, page_size, _, *salts, _, _ = HEADER.unpack_from(log)
    order = _order(magic)
    is_readable = version == VERSION and page_size in PAGE_SIZES and order is not None
    if not is_readable or order is None or _sums(log[:24], order) != HEADER.unpack_from(log)[6:]:
        # Without frames there is nothing to lose.
        return not any(frame.commits for frame in _frames(log, _usual_page_size(log, page_size)))
    sums: Sums = HEADER.unpack_from(log)[6:8]
    is_read = True
    for frame in _frames(log, page_size):
        if frame.is_of_older_log(salts):
            continue
        sums = _sums(frame.page, order, _sums(frame.head, order, sums))
        is_read = is_read and sums == frame.sums and frame.salts == tuple(salts)
        if not is_read and (frame.commits or not frame.is_of_this_log(salts)):
            return False
    return True


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of a database, with what its log has of them.

    Attributes:
        size: of a page, bytes.
        images: of each page the newest content that is certain, and all newer content that is not.
        are_certain: whether each frame of the log follows from the one before it, so that none is missing.
    """

    size: int
    images: dict[int, list[bytes]]
    are_certain: bool


def read_pages(database: bytes, log: bytes) -> Pages:
    """The pages of a damaged database and its log, which may be empty.

    A frame is certain if its checksums follow from those of the frame before it.
    """
    page_size = _usual_page_size(log, _page_size_of(database))
    images = {
        place // page_size + 1: [database[place : place + page_size]]
        for place in range(0, len(database), page_size)
    }
    if len(log) < HEADER.size:
        return Pages(page_size, images, are_certain=True)
    magic, _, _, _, first_salt, second_salt, *stored = HEADER.unpack_from(log)
    order = _order(magic) or "<"
    computed = _sums(log[:24], order)
    before, is_known = [computed, (stored[0], stored[1])], computed == tuple(stored)
    salts, are_certain = (first_salt, second_salt), True
    most = len(images) + len(log) // page_size
    for frame in _frames(log, page_size):
        # Without the header, frames of an older log cannot be distinguished from those of this one.
        if is_known and frame.is_of_older_log(salts):
            continue
        fits = any(_sums(frame.page, order, _sums(frame.head, order, one)) == frame.sums for one in before)
        before = [frame.sums]
        number = int.from_bytes(frame.head[:4], "big")
        is_certain = fits and 0 < number <= most
        known = images.setdefault(number if 0 < number <= most else 0, [])
        if is_certain and is_known:
            known.clear()
        known.append(frame.page)
        are_certain = are_certain and is_certain
    return Pages(page_size, images, are_certain)


@dataclass(frozen=True, slots=True)
class _Frame:
    """One page as a transaction left it."""

    head: bytes
    salts: tuple[int, int]
    sums: Sums
    page: bytes

    def is_of_this_log(self, salts: Sequence[int]) -> bool:
        """Return whether it has at least one of these salts; the other may be damaged."""
        return self.salts[0] == salts[0] or self.salts[1] == salts[1]

    def is_of_older_log(self, salts: Sequence[int]) -> bool:
        """Return whether a log with these salts was written over an older one that had this frame.

        Each time the first salt is one more, and the second another. Zeros are what a file system leaves of a
        frame that was not written.
        """
        older = 0 < (salts[0] - self.salts[0]) % 2**32 <= MAX_OLDER or self.salts == (0, 0)
        return older and not self.is_of_this_log(salts)

    @property
    def commits(self) -> bool:
        """Return whether a transaction ends here."""
        return self.head[4:] != bytes(4)


def _frames(log: bytes, page_size: int) -> Iterator[_Frame]:
    """The whole frames of a log, with those of older logs behind them."""
    step = FRAME.size + page_size
    for start in range(HEADER.size, len(log) - step + 1, step):
        *_, first, second, one, two = FRAME.unpack_from(log, start)
        page = log[start + FRAME.size : start + step]
        yield _Frame(log[start : start + 8], (first, second), (one, two), page)


def _usual_page_size(log: bytes, page_size: int) -> int:
    if page_size in PAGE_SIZES:
        return page_size
    said = HEADER.unpack_from(log)[2] if len(log) >= HEADER.size else 0
    return said if said in PAGE_SIZES else 4096


def _page_size_of(database: bytes) -> int:
    value = int.from_bytes(database[DATABASE_PAGE_SIZE], "big")
    return 65_536 if value == 1 else value


def _order(magic: int) -> str | None:
    return {MAGIC: "<", MAGIC + 1: ">"}.get(magic)


def _sums(data: bytes, order: str, sums: Sums = (0, 0)) -> Sums:
    """Return the checksums after `data`, of which the length is a multiple of eight."""
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for even, odd in zip(words, words, strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
