"""Headers from untrusted files: any bytes give an answer, quickly, and nothing else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emoedge.capture.integrity import missing_bytes
from emoedge.capture.media import decode_image
from emoedge.errors import MediaError

PICTURE_STARTS = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBPVP8 ",
    b"RIFF\0\0\0\0WEBPVP8L",
    b"RIFF\0\0\0\0WEBPVP8X",
    b"BM",
    b"P5 ",
    b"II*\0",
    b"MM\0*",
    b"",
]
MEDIA_STARTS = [
    b"\0\0\0\x18ftyp",
    b"\0\0\0\x01mdat",
    b"RIFF",
    b"\x1a\x45\xdf\xa3",
    b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67",
    b"\0\0\1\xba\x44",
    b"\0\0\1\xba\x21",
    b"RIFF\xff\xff\xff\xffWAVEdata",
    b"RF64\xff\xff\xff\xffWAVEds64",
    b"riff\x2e\x91\xcf\x11",
    b"FORM\0\0\0\0AIFFSSND",
    b"caff\0\1\0\0data",
    b".snd\0\0\0\x18",
    b"OggS",
    b"",
]


@given(st.sampled_from(PICTURE_STARTS), st.binary(max_size=200))
def test_any_bytes_are_a_picture_or_an_error_with_a_remedy(start: bytes, rest: bytes) -> None:
    try:
        assert decode_image(start + rest, "bytes").ndim == 3
    except MediaError as error:
        assert error.remedy  # noqa: PT017


@given(st.sampled_from(MEDIA_STARTS), st.binary(max_size=200))
@example(start=b"\x1aE\xdf\xa3", rest=b"\x01\x00\x00\x00\x00\x00\x00")
@example(start=b"\x1aE\xdf\xa3", rest=b"\x01\xfe\xff\xff\xff\xff\xff\xff")
def test_any_bytes_are_whole_or_cut(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes
) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "bytes.bin"
    path.write_bytes(start + rest)
    assert missing_bytes(path) >= 0


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".ppm", ".pgm", ".tiff"])
@pytest.mark.parametrize("size", [(1, 1), (37, 21), (640, 480)])
def test_every_format_is_read_in_its_size(suffix: str, size: tuple[int, int]) -> None:
    width, height = size
    picture = np.zeros((height, width, 3) if suffix != ".pgm" else (height, width), np.uint8)
    assert decode_image(cv2.imencode(suffix, picture)[1].tobytes(), "it").shape == (height, width, 3)


def test_a_picture_that_would_unpack_to_gigabytes_is_refused_by_its_header() -> None:
    encoded = bytearray(cv2.imencode(".png", np.zeros((1, 1), np.uint8))[1].tobytes())
    encoded[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(MediaError, match="60000 x 60000 pixels is too large"):
        decode_image(bytes(encoded), "it")
