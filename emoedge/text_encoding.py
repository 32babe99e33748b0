"""Text as programs save it: byte order marks are understood, what is not UTF-8 is found with its line."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO, Final

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is a prefix of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LONGEST_MARK: Final = 4
"""Bytes that `encoding_of` needs."""


_ESCAPE: Final = "surrogateescape"
_REPLACE: Final = "emoedge.undecodable"
"""Error handler for UTF-16 and UTF-32, for which Python's own escapes do not work."""
codecs.register_error(_REPLACE, lambda error: ("\udc80", getattr(error, "end", 0)))


class EncodingError(ValueError):
    """Bytes that are not text, with their line."""


def encoding_of(head: bytes) -> str:
    """Python's name of the encoding that the first bytes of a text declare; "utf-8" without a mark."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")


def decode_text(data: bytes) -> str:
    """Decode UTF-8, or UTF-16 and UTF-32 with a byte order mark, which is taken off.

    Raises:
        EncodingError: other bytes (Windows-1252, Latin-1, UTF-16 without a mark), with the line.
    """
    encoding = encoding_of(data[:LONGEST_MARK])
    if encoding == "utf-8" and b"\0" in data:  # UTF-16 without a mark; few of its bytes are wrong UTF-8
        raise EncodingError(f"line {data.count(10, 0, data.index(0)) + 1} holds a NUL character")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, errors="ignore").count("\n") + 1
        raise EncodingError(f"line {line} is not {encoding.removesuffix('-sig').upper()} text") from None


def text_lines(file: BinaryIO) -> io.TextIOWrapper:
    """Lines of a list as they come, without the byte order mark.

    Bytes that are not UTF-8 become surrogates, which lead back to the same bytes in a file name, and which
    `is_decoded` finds.
    """
    buffered = file if isinstance(file, io.BufferedReader) else io.BufferedReader(io.BytesIO(file.read()))
    encoding = encoding_of(buffered.peek(LONGEST_MARK)[:LONGEST_MARK])
    errors = _ESCAPE if encoding.startswith("utf-8") else _REPLACE
    return io.TextIOWrapper(buffered, encoding=encoding, errors=errors)


def is_decoded(text: str) -> bool:
    """Return whether a line held text alone: no bytes of another encoding, no NUL of a mark-less UTF-16."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
