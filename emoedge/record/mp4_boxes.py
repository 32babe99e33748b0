"""Boxes of an MP4 (ISO/IEC 14496-12, 4.2)."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

HEADER: Final = 8
"""Bytes of size and type that every box begins with."""
LARGE_HEADER: Final = 16
"""The same with the size of a box of 4 GB or more."""


@dataclass(frozen=True, slots=True)
class Mp4Box:
    """A box: its type, and where it begins, where its content begins and where it ends, in bytes."""

    kind: bytes
    begin: int
    content: int
    end: int


def boxes(file: BinaryIO, begin: int = 0, end: int | None = None) -> Iterator[Mp4Box]:
    """Yield the whole boxes in a part of a file, by default all of it; raises OSError."""
    end = file.seek(0, os.SEEK_END) if end is None else end
    while begin < end:
        file.seek(begin)
        header = file.read(LARGE_HEADER)
        if len(header) < HEADER:
            return
        length, kind = struct.unpack_from(">I4s", header)
        content = begin + HEADER
        if length == 1 and len(header) == LARGE_HEADER:
            (length,) = struct.unpack_from(">Q", header, HEADER)
            content = begin + LARGE_HEADER
        if begin + length > end or begin + length < content:
            return
        yield Mp4Box(kind, begin, content, begin + length)
        begin += length


def find(data: bytes, *path: bytes) -> Mp4Box:
    """Return the first box at a path such as `b"moov", b"trak"`; raises ValueError where there is none."""
    box = Mp4Box(b"", 0, 0, len(data))
    for kind in path:
        inner = boxes(io.BytesIO(data), box.content, box.end)
        found = next((one for one in inner if one.kind == kind), None)
        if found is None:
            raise ValueError(f"MP4 without {kind!r}")
        box = found
    return box


def is_ordinary(path: Path) -> bool:
    """Return whether an MP4 has one index for all of its content, and so was closed; raises OSError."""
    with path.open("rb") as file:
        kinds = [box.kind for box in boxes(file)]
    return b"moov" in kinds and b"mdat" in kinds and b"moof" not in kinds
