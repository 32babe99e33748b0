"""Detect truncated media files from the lengths that their containers declare.

Decoders are forgiving: a clip that was cut in the middle ends earlier, without an error. The check runs after
everything has been decoded, to tell a truncated file from a short one. Only lengths of pictures and sound
count: a missing index or tag is not a loss. MP4 and MOV need the check only for fragments, because the
decoder knows their index. AAC, transport streams, and MP3 without an encoder header can be joined and left
anywhere: a truncated one is a shorter one.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from emoedge.capture.sound_header import find_sound

SLACK_BYTES: Final = 16
"""Tolerance for writers whose lengths in RIFF and related formats are wrong by one or two pad bytes."""

_UNKNOWN_RIFF: Final = (0, 0xFFFFFFFF)  # written by programs that stream and cannot go back
_EBML_CLUSTER: Final = 0x1F43B675
_EBML_INDEX: Final = (
    0x1C53BB6B,
    0x1254C367,
    0x1941A469,
    0x1043A770,
    0xEC,
)  # cues, tags, attachments, chapters, void
_EBML_SEGMENT: Final = 0x18538067
_EBML_HEADER: Final = 0x1A45DFA3
_PACK_START: Final = b"\0\0\1\xba"
_PROGRAM_END: Final = 0xB9
_FIRST_STREAM: Final = 0xBB  # start codes from here on have a length
_BOX_TYPES: Final = frozenset(
    (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"moof", b"pnot")
)
_FRAGMENT: Final = b"moof"
_OGG_PAGE: Final = b"OggS"
_ASF_HEADER: Final = bytes.fromhex("3026b275")
_ASF_DATA: Final = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_MP3_SYNCS: Final = (b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2", b"\xff\xe3", b"\xff\xe2")
_OGG_LARGEST: Final = 65_307


def missing_bytes(path: Path) -> int:
    """Return the bytes of pictures and sound that the container declares beyond the end of the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        end = _declared_end(file, size)
    return max(0, (end or 0) - size)


def _declared_end(file: BinaryIO, size: int) -> int | None:
    """Return where pictures and sound end according to the container; None if unknown."""
    head = file.read(12)
    readers: tuple[tuple[bool, Callable[[BinaryIO, int], int | None]], ...] = (
        (head[4:8] in _BOX_TYPES, _mp4_end),
        (head[:4] == b"RIFF" and head[8:12] == b"AVI ", _avi_end),
        (int.from_bytes(head[:4], "big") == _EBML_HEADER, _ebml_end),
        (head[:4] == _PACK_START, _program_stream_end),
        (head[:4] == _OGG_PAGE, _ogg_end),
        (head[:4] == _ASF_HEADER, _asf_end),
        (head[:3] == b"ID3" or head[:2] in _MP3_SYNCS, _mp3_end),
    )
    for matches, reader in readers:
        if matches:
            file.seek(0)
            return reader(file, size)
    data = find_sound(file, size)
    return None if data is None or data.unknown else data.start + data.declared - SLACK_BYTES


def _mp4_end(file: BinaryIO, size: int) -> int | None:
    """End of the last top-level box if that begins a fragment (ISO/IEC 14496-12, 4.2)."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:  # to the end of the file, or rubbish after the last box
            return None
        position += length
        if position > size:
            return position if header[4:8] == _FRAGMENT else None
    return None


def _avi_end(file: BinaryIO, size: int) -> int | None:
    """End of the last list of pictures and sound; files beyond 2 GB have further RIFF chunks."""
    position, end = 0, None
    while position + 12 <= size:
        file.seek(position)
        header = file.read(12)
        if header[:4] != b"RIFF":
            break
        length = int.from_bytes(header[4:8], "little")
        at = position + 12
        while at + 12 <= size:
            file.seek(at)
            chunk = file.read(12)
            chunk_length = int.from_bytes(chunk[4:8], "little")
            if chunk[:4] == b"LIST" and chunk[8:] == b"movi":
                if chunk_length in _UNKNOWN_RIFF:
                    return None
                end = at + 8 + chunk_length - SLACK_BYTES
                break
            at += 8 + chunk_length + chunk_length % 2
        if length in _UNKNOWN_RIFF:
            break
        position += 8 + length + length % 2
    return end


def _ebml_end(file: BinaryIO, size: int) -> int | None:
    """End of the last cluster, or of the segment (RFC 8794, section 5; RFC 9559); None where unknown."""
    if _ebml_number(file, keep_marker=True) != _EBML_HEADER:
        return None
    header_length = _ebml_number(file)
    if header_length is None or file.tell() + header_length > size:
        return None
    file.seek(header_length, os.SEEK_CUR)
    if _ebml_number(file, keep_marker=True) != _EBML_SEGMENT:
        return None
    length = _ebml_number(file)
    end = None if length is None else file.tell() + length
    if end is not None and end <= size:
        return None
    # Longer than the file, or of unknown length: the element in which the file ends decides.
    last: int | None = None
    while file.tell() < size:
        last = _ebml_number(file, keep_marker=True)
        length = _ebml_number(file)
        if last is None or length is None:
            break
        if file.tell() + length > size:
            return file.tell() + length if last == _EBML_CLUSTER else None
        file.seek(length, os.SEEK_CUR)
    return None if last in _EBML_INDEX else end


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


def _program_stream_end(file: BinaryIO, _size: int) -> int | None:
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


def _ogg_end(file: BinaryIO, size: int) -> int | None:
    """End of the last page (RFC 3533, section 6)."""
    start = max(0, size - 2 * _OGG_LARGEST)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_OGG_PAGE)
    page = tail[at:]
    if at < 0 or len(page) < 27 or len(page) < 27 + page[26]:
        return None if at < 0 else size + 1
    return start + at + 27 + page[26] + sum(page[27 : 27 + page[26]])


def _asf_end(file: BinaryIO, _size: int) -> int | None:
    """End of the packets (ASF specification, 5.1); None where their length was not known."""
    head = file.read(24)
    start = int.from_bytes(head[16:24], "little")
    if start >= 1 << 40:
        return None
    file.seek(start)
    head = file.read(24)
    length = int.from_bytes(head[16:24], "little")
    return start + length if head[:16] == _ASF_DATA and length > 50 else None


def _mp3_end(file: BinaryIO, _size: int) -> int | None:
    """End according to the encoder's header ("Xing" or "Info", in the first frame); None without one."""
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3":  # its length has seven bits in each byte
        start = 10 + sum(
            (byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False)
        )
    file.seek(start)
    frame = file.read(200)
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at < 0 or frame[:2] not in _MP3_SYNCS:
        return None
    flags = int.from_bytes(frame[at + 4 : at + 8], "big")
    place = at + (12 if flags & 1 else 8)
    return start + int.from_bytes(frame[place : place + 4], "big") if flags & 2 else None


def flac_duration_s(path: Path) -> float | None:
    """Return the length in the header of a FLAC file, in seconds; None without one (RFC 9639, 8.2)."""
    with path.open("rb") as file:
        head = file.read(26)
    if head[:4] != b"fLaC" or len(head) < 26:
        return None
    word = int.from_bytes(head[18:26], "big")  # rate 20 bits, channels 3, sample size 5, samples 36
    samples, rate_hz = word & ((1 << 36) - 1), word >> 44
    return samples / rate_hz if samples and rate_hz else None
