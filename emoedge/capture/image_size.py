"""Width and height of a picture file from its header, before anything is decoded (decompression bombs)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

_JPEG_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers (T.81, B.1)
_JPEG_BARE: Final = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without a length
_TIFF_WIDTH: Final = 256
_TIFF_HEIGHT: Final = 257


def image_size(encoded: bytes) -> tuple[int, int] | None:
    """(width, height) in pixels; None when it is no JPEG, PNG, WebP, BMP, PGM/PPM or TIFF."""
    try:
        return _size(encoded)
    except (struct.error, IndexError, ValueError):
        return None


def _size(data: bytes) -> tuple[int, int] | None:
    for signature, reader in _READERS:
        if data.startswith(signature):
            return reader(data)
    return None


def _png(data: bytes) -> tuple[int, int]:
    return _pair(">II", data, 16)


def _bmp(data: bytes) -> tuple[int, int]:
    width, height = _pair("<ii", data, 18)
    return abs(width), abs(height)  # a negative height says that the rows go downwards


def _pair(layout: str, data: bytes, offset: int) -> tuple[int, int]:
    first, second = struct.unpack_from(layout, data, offset)
    return int(first), int(second)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _JPEG_BARE:
            position += 2
        elif marker in _JPEG_SIZES:
            height, width = _pair(">HH", data, position + 5)
            return width, height
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    if data[8:12] != b"WEBP":
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[start : start + 3], "little") + 1 for start in (24, 27))
        return width, height
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = _pair("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _netpbm(data: bytes) -> tuple[int, int]:
    lines = (line.split(b"#", 1)[0] for line in data[:4096].split(b"\n"))
    _, width, height = b" ".join(lines).split()[:3]
    return int(width), int(height)


def _tiff(data: bytes) -> tuple[int, int] | None:
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    found: dict[int, int] = {}
    for entry in range(count):
        offset = start + 2 + 12 * entry
        tag, kind = struct.unpack_from(order + "HH", data, offset)
        if tag in (_TIFF_WIDTH, _TIFF_HEIGHT):
            (found[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), data, offset + 8)
    return (found[_TIFF_WIDTH], found[_TIFF_HEIGHT]) if len(found) == 2 else None


_READERS: Final[tuple[tuple[bytes, Callable[[bytes], tuple[int, int] | None]], ...]] = (
    (b"\xff\xd8", _jpeg),
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"RIFF", _webp),
    (b"BM", _bmp),
    (b"P2", _netpbm),
    (b"P3", _netpbm),
    (b"P5", _netpbm),
    (b"P6", _netpbm),
    (b"II*\0", _tiff),
    (b"MM\0*", _tiff),
)
