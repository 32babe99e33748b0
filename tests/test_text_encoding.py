"""Byte order marks, and bytes that are not text."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.text_encoding import EncodingError, decode_text

TEXT = "uno\r\n¿qué?\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_marks_are_understood_and_taken_off(encoding: str) -> None:
    assert decode_text(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize(("encoding", "mark"), [("utf-16-be", b"\xfe\xff"), ("utf-32-be", b"\0\0\xfe\xff")])
def test_the_other_order(encoding: str, mark: bytes) -> None:
    assert decode_text(mark + TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (TEXT.encode("cp1252"), "line 2 is not UTF-8 text"),
        (TEXT.encode("utf-16-le"), "line 1 holds a NUL"),
        (TEXT.encode("utf-16")[:-1], "line 2 is not UTF-16 text"),
        (b"a\nb\0", "line 2 holds a NUL"),
    ],
)
def test_what_is_not_text(data: bytes, words: str) -> None:
    with pytest.raises(EncodingError, match=words):
        decode_text(data)


@given(st.binary(max_size=50))
def test_any_bytes(data: bytes) -> None:
    with suppress(EncodingError):
        assert isinstance(decode_text(data), str)
