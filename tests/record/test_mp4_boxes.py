"""Boxes of an MP4: whole ones, large ones, damaged ones."""

from __future__ import annotations

import io
import struct

import pytest

from emoedge.record.mp4_boxes import Mp4Box, boxes, find, is_ordinary


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def test_boxes_are_found_up_to_the_damage():
    data = box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", 18) + b"xy" + box(b"moov")
    whole = [Mp4Box(b"ftyp", 0, 8, 12), Mp4Box(b"mdat", 12, 28, 30), Mp4Box(b"moov", 30, 38, 38)]
    assert list(boxes(io.BytesIO(data))) == whole
    assert list(boxes(io.BytesIO(data[:-1]))) == whole[:2]
    assert list(boxes(io.BytesIO(data[:29]))) == whole[:1]
    assert list(boxes(io.BytesIO(data + b"\0\0\0\0moov"))) == whole, "a length of zero"


def test_a_box_is_found_inside_others():
    data = box(b"moov", box(b"mvhd", b"1") + box(b"trak", box(b"tkhd", b"2")))
    found = find(data, b"moov", b"trak", b"tkhd")
    assert data[found.content : found.end] == b"2"
    with pytest.raises(ValueError, match="mdia"):
        find(data, b"moov", b"trak", b"mdia")


@pytest.mark.parametrize(
    ("kinds", "is_closed"),
    [
        ([b"ftyp", b"mdat", b"moov"], True),
        ([b"ftyp", b"moov", b"moof", b"mdat"], False),
        ([b"ftyp", b"moov", b"moof", b"mdat", b"moov"], False),
        ([b"ftyp", b"mdat"], False),
        ([], False),
    ],
)
def test_a_closed_file_has_one_index(tmp_path, kinds, is_closed):
    path = tmp_path / "file.mp4"
    path.write_bytes(b"".join(box(kind) for kind in kinds))
    assert is_ordinary(path) is is_closed
