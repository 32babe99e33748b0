"""Whether a media file is whole, from the lengths that its own container declares.

Decoders are forgiving: a clip that was cut in the middle simply ends earlier. The containers
people record in say how long they should be, so a cut file can be told from a short one: MP4 and
MOV, Matroska and WebM, AVI and WAV, MPEG program streams. MP3, AAC, Ogg and transport streams are made
to be joined and left anywhere: a cut one is a shorter one.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from emoedge.errors import MediaError

SLACK_BYTES: Final = 16
"""Some writers are a pad byte or two off in their RIFF length."""

_UNKNOWN_RIFF: Final = (0, 0xFFFFFFFF)  # written by programs that stream and cannot go back
_EBML_SEGMENT: Final = 0x18538067
_EBML_HEADER: Final = 0x1A45DFA3
_PACK_START: Final = b"\0\0\1\xba"
_PROGRAM_END: Final = 0xB9
_FIRST_STREAM: Final = 0xBB  # start codes from here on have a length
_BOX_TYPES: Final = frozenset(
    (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof", b"pnot")
)


def check_whole(path: Path) -> None:
    """Raise MediaError when the container says that the file should be longer than it is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        declared = _declared_size(file, size)
    if declared is not None and declared > size:
        raise MediaError(
            f"{path}: cut off: {size} bytes of at least {declared}", "copy or record the file again"
        )


def _declared_size(file: BinaryIO, size: int) -> int | None:
    """Bytes that the container needs, as far as it says; None where it does not."""
    head = file.read(12)
    readers: tuple[tuple[bool, Callable[[BinaryIO], int | None]], ...] = (
        (head[4:8] in _BOX_TYPES, lambda opened: _mp4_size(opened, size)),
        (head[:4] in (b"RIFF", b"RIFX"), _riff_size),
        (int.from_bytes(head[:4], "big") == _EBML_HEADER, lambda opened: _ebml_size(opened, size)),
        (head[:4] == _PACK_START, _program_stream_size),
    )
    for matches, reader in readers:
        if matches:
            file.seek(0)
            return reader(file)
    return None


def _mp4_size(file: BinaryIO, size: int) -> int | None:
    """End of the last top-level box (ISO/IEC 14496-12, 4.2)."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 0:  # to the end of the file
            return None
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8 or not header[4:8].isascii():  # rubbish after the last box
            return None
        position += length
    return position


def _riff_size(file: BinaryIO) -> int | None:
    """Length in the first header; AVI files beyond 2 GB go on in further RIFF chunks."""
    header = file.read(8)
    length = int.from_bytes(header[4:8], "little" if header[:4] == b"RIFF" else "big")
    return None if length in _UNKNOWN_RIFF else length + 8 - SLACK_BYTES


def _ebml_size(file: BinaryIO, size: int) -> int | None:
    """End of the segment (RFC 8794, section 5; RFC 9559); None while it is unknown, as in live streams."""
    if _ebml_number(file, keep_marker=True) != _EBML_HEADER:
        return None
    header_length = _ebml_number(file)
    if header_length is None:
        return None
    if file.tell() + header_length > size:  # no seek: the number may be beyond what a disk can hold
        return file.tell() + header_length
    file.seek(header_length, os.SEEK_CUR)
    if _ebml_number(file, keep_marker=True) != _EBML_SEGMENT:
        return None
    length = _ebml_number(file)
    return None if length is None else file.tell() + length


def _ebml_number(file: BinaryIO, *, keep_marker: bool = False) -> int | None:
    """A variable-length integer; None for "unknown" (all ones) or the end of the file."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    count = 9 - first[0].bit_length()
    rest = file.read(count - 1)
    value = int.from_bytes(first + rest, "big")
    if keep_marker:
        return value
    value &= (1 << (7 * count)) - 1
    return None if value == (1 << (7 * count)) - 1 else value


def _program_stream_size(file: BinaryIO) -> int | None:
    """End of the last packet (ISO/IEC 13818-1, 2.5.3; 11172-1, 2.4.3); None after anything unexpected."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        position = 0
        while position + 4 <= len(data):
            if data[position : position + 3] != b"\0\0\1":
                return None
            code = data[position + 3]
            if code == _PROGRAM_END:
                return position + 4
            if code == _PACK_START[3]:
                head = data[position + 4 : position + 14]
                if len(head) < 10:
                    return position + 14
                # MPEG-2 packs begin with the bits 01 and say how much stuffing follows; MPEG-1 packs have 12
                # bytes.
                position += 14 + (head[9] & 7) if head[0] >> 6 == 1 else 12
            elif code >= _FIRST_STREAM:
                position += 6 + int.from_bytes(data[position + 4 : position + 6], "big")
            else:
                return None
        return position
