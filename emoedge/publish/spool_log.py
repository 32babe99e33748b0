"""Write-ahead log of the spool: see damage that SQLite passes over silently, and read what is behind it.

SQLite ends a log at the first frame whose checksum is wrong, without an error: messages that were synced to
the disk before a bit changed would be lost silently. The format is that of
https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
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
"""Where a database keeps its page size; 1 is 65,536."""
MAX_BYTES: Final = 256_000_000
"""A log of ours has some megabytes; a larger one is not read into memory."""

MAX_TRIES: Final = 8
"""Frames of which the head is corrected; each costs 64 checksums."""

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
        return b""  # the database says what is wrong with the disk
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
        return not any(frame.commits for frame in _frames(log, _usual_page_size(log, page_size), None))
    sums: Sums = HEADER.unpack_from(log)[6:8]
    is_read = True
    for frame in _frames(log, page_size, (salts[0], salts[1])):
        sums = _sums(frame.page, order, _sums(frame.head, order, sums))
        is_read = is_read and sums == frame.sums and frame.salts == (salts[0], salts[1])
        if frame.commits and not is_read:
            return False
    return True


def mend(log: bytes, database: bytes) -> tuple[bytes, bool]:
    """A log with the checksums that its frames have now, so that SQLite reads all of them.

    Page numbers and sizes that cannot be are left out or put right: SQLite would make a file of that size.

    Args:
        log: a damaged one.
        database: the file that it belongs to; empty where everything is still in the log.

    Returns:
        The log, and whether all pages are as they were written: of each the newest frame fits the frame
        before it.
    """
    page_size = _usual_page_size(log, _page_size_of(database))
    salts = _usual_salts(log, page_size)
    head = HEADER.pack(MAGIC, VERSION, page_size, 0, *salts, 0, 0)[:24]
    sums = _sums(head, "<")
    parts = [head, struct.pack(">2I", *sums)]
    size = len(database) // page_size
    most = size + len(log) // page_size
    order = _order(HEADER.unpack_from(log)[0]) or "<"
    before: Sums = HEADER.unpack_from(log)[6:8]
    doubtful, tries = set[int](), MAX_TRIES
    for frame in _frames(log, page_size, salts):
        head, fits = frame.head, frame.fits(frame.head, order, before)
        if not fits and tries > 0:  # a page in the place of another would hide that one
            tries -= 1
            corrected = (one for one in _one_bit_off(head) if frame.fits(one, order, before))
            head = next(corrected, head)
            fits = head != frame.head
        before = frame.sums
        number = int.from_bytes(head[:4], "big")
        if not 0 < number <= most:
            doubtful.add(0)
            continue
        (doubtful.discard if fits else doubtful.add)(number)
        size = max(size, number)
        head = struct.pack(">2I", number, size if head[4:] != bytes(4) else 0)
        sums = _sums(frame.page, "<", _sums(head, "<", sums))
        parts += [head, struct.pack(">4I", *salts, *sums), frame.page]
    return b"".join(parts), not doubtful


@dataclass(frozen=True, slots=True)
class _Frame:
    """One page as a transaction left it."""

    head: bytes
    salts: tuple[int, int]
    sums: Sums
    page: bytes

    def fits(self, head: bytes, order: str, before: Sums) -> bool:
        """Return whether the checksums are right with this head, after a frame with those checksums."""
        return _sums(self.page, order, _sums(head, order, before)) == self.sums

    @property
    def commits(self) -> bool:
        """Return whether a transaction ends here."""
        return self.head[4:] != bytes(4)


def _one_bit_off(head: bytes) -> Iterator[bytes]:
    value = int.from_bytes(head, "big")
    return ((value ^ 1 << bit).to_bytes(len(head), "big") for bit in range(8 * len(head)))


def _frames(log: bytes, page_size: int, salts: tuple[int, int] | None) -> Iterator[_Frame]:
    """The whole frames with one of these salts; those of an older log behind them have two others."""
    step = FRAME.size + page_size
    for start in range(HEADER.size, len(log) - step + 1, step):
        *_, first, second, one, two = FRAME.unpack_from(log, start)
        if salts is None or first == salts[0] or second == salts[1]:
            page = log[start + FRAME.size : start + step]
            yield _Frame(log[start : start + 8], (first, second), (one, two), page)


def _usual_salts(log: bytes, page_size: int) -> tuple[int, int]:
    """The salts of this log: of the first frames, which are the newest, unless one of them is damaged."""
    found = Counter(frame.salts for frame in list(_frames(log, page_size, None))[:3])
    return found.most_common(1)[0][0] if found else (0, 0)


def _usual_page_size(log: bytes, page_size: int) -> int:
    if page_size in PAGE_SIZES:
        return page_size
    said = HEADER.unpack_from(log)[2]
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
