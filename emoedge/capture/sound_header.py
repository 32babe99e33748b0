"""Lengths in the headers of sound files: what they say, and what they say when their writer could not know.

WAV, RF64, BW64, W64, CAF, AIFF and AU begin with the length of what follows. A program that writes to a pipe
cannot go back to fill it in and leaves 0 or a very large number there. FFmpeg knows some of these numbers in
some of these formats; a header with the real length in it is understood in all of them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Final, Literal

_NEAR: Final = 1 << 16
"""Placeholders are this close to the largest 31 or 32 bit number: 0x7ffff000, 0x80000000, 0xffffffff, and the
same with the length of a header more or less."""
_LARGE: Final = 0x7F000000
"""A length from here on is a placeholder too when less than half of it is there (SoX writes AIFF so)."""
_MAX_CHUNKS: Final = 1000

ByteOrder = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class SoundData:
    """Location of the samples in a file.

    Attributes:
        start: first byte.
        declared: number of bytes as the header says.
        there: number of bytes from `start` to the end of the file.
        field_at: place of the length in the file.
        field_bytes: its size.
        order: its byte order.
        extra: what the field counts more than the samples (a header of its own).
        whole_at: place of the length of the whole file where FFmpeg believes it, a field of the same kind.
        whole_extra: bytes of the file that the whole length leaves out.
        frames_at: place of a number of samples that FFmpeg refuses where it is too large, a field of 4 bytes.
    """

    start: int
    declared: int
    there: int
    field_at: int
    field_bytes: int
    order: ByteOrder
    extra: int = 0
    whole_at: int | None = None
    whole_extra: int = 8
    frames_at: int | None = None

    @property
    def unknown(self) -> bool:
        """Whether the length is the placeholder of a writer that could not know it."""
        if self.declared <= 0:
            return self.there > 0
        if self.declared <= self.there:
            return False
        if self.field_bytes == 8 and self.declared >= 1 << 60:
            return True
        field = self.declared + self.extra
        near = any(abs(field - limit) <= _NEAR for limit in (1 << 31, 1 << 32))
        return near or (field >= _LARGE and self.there < self.declared / 2)

    @property
    def mended(self) -> dict[int, bytes]:
        """The fields with the lengths that are there, by their places."""
        mended = {self.field_at: self._field(self.there + self.extra)}
        if self.whole_at is not None:
            mended[self.whole_at] = self._field(self.start + self.there - self.whole_extra)
        if self.frames_at is not None:
            mended[self.frames_at] = bytes(4)
        return mended

    def _field(self, length: int) -> bytes:
        largest = (1 << (8 * self.field_bytes - 1)) - 1
        return min(length, largest).to_bytes(self.field_bytes, self.order)


def find_sound(file: BinaryIO, size: int) -> SoundData | None:
    """Return the location of the samples; None in other formats and unreadable headers."""
    file.seek(0)
    head = file.read(16)
    kind = head[:4]
    if kind in (b"RIFF", b"RIFX", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return _wave(file, size, "big" if kind == b"RIFX" else "little")
    if kind == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        data = _chunk(file, size, 12, b"SSND", "big", 4, extra=8)
        common = _chunk(file, size, 12, b"COMM", "big", 4)
        return data and common and replace(data, whole_at=4, frames_at=common.start + 2)
    if kind == b"caff":
        return _chunk(file, size, 8, b"data", "big", 8, extra=4)
    if kind == b"riff":
        return _wave64(file, size)
    if kind == b".snd":
        start = int.from_bytes(head[4:8], "big")
        declared = int.from_bytes(head[8:12], "big")
        return SoundData(start, declared, size - start, 8, 4, "big") if 24 <= start <= size else None
    return None


def _chunk(
    file: BinaryIO,
    size: int,
    at: int,
    wanted: bytes,
    order: ByteOrder,
    length_bytes: int,
    extra: int = 0,
) -> SoundData | None:
    """A chunk in a chain of them, each with a name and a length."""
    padded = length_bytes == 4  # CAF, with its long lengths, does not pad
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(4 + length_bytes)
        if len(head) < 4 + length_bytes:
            return None
        length = int.from_bytes(head[4:], order)
        at += len(head)
        if head[:4] == wanted:
            if length_bytes == 8 and length >= 1 << 63:
                length = 0  # -1: to the end of the file
            field_at, start = at - length_bytes, at + extra
            return SoundData(start, length - extra, size - start, field_at, length_bytes, order, extra)
        at += length + (length % 2 if padded else 0)
        if at >= size:
            return None
    return None


def _wave(file: BinaryIO, size: int, order: ByteOrder) -> SoundData | None:
    data = _chunk(file, size, 12, b"data", order, 4)
    file.seek(0)
    if data is None or file.read(4) not in (b"RF64", b"BW64") or data.declared != 0xFFFFFFFF:
        return data
    file.seek(12)
    head = file.read(24)  # "ds64", its length, the lengths of the file and of the data
    if head[:4] != b"ds64":
        return data
    declared = int.from_bytes(head[16:24], order)
    return SoundData(data.start, declared if declared < 1 << 63 else 0, data.there, 28, 8, order)


def _wave64(file: BinaryIO, size: int) -> SoundData | None:
    """Sony Wave64: names of 16 bytes, lengths of 8 that count themselves and the name, multiples of 8."""
    at = 40
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        head = file.read(24)
        if len(head) < 24:
            return None
        length = int.from_bytes(head[16:], "little")
        if head[:4] == b"data":
            return SoundData(at + 24, length - 24, size - at - 24, at + 16, 8, "little", 24, 16, 0)
        at += (max(length, 24) + 7) // 8 * 8
        if at >= size:
            return None
    return None


class MendedFile(io.RawIOBase):
    """A file that is read with another length in its header.

    Args:
        path: the file.
        data: where its samples are.
    """

    def __init__(self, path: Path, data: SoundData) -> None:
        self._file = path.open("rb")
        self.name = str(path)
        self._mended = [
            (at + index, value) for at, field in data.mended.items() for index, value in enumerate(field)
        ]

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As of any file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As of any file."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """As of any file, with the mended bytes in place of those that are there."""
        start = self._file.tell()
        content = bytearray(self._file.read(size))
        for at, value in self._mended:
            if 0 <= at - start < len(content):
                content[at - start] = value
        return bytes(content)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
