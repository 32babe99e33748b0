"""Standard input, output and error of the process, also where they are closed, full, or without a reader."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STANDARD_OUTPUT: Final = 1
STANDARD_ERROR: Final = 2


class NoReaderError(Exception):
    """The reader of standard output is gone, which is not an error: it has seen enough."""


class StandardStream(io.FileIO):
    """Standard output or standard error, whose failure never changes how the process ends on its own.

    The interpreter exits with 120 where its last flush of a stream fails. Here, the first failed write to
    standard output raises an `OSError` that names it, and later ones are dropped. On standard error, all
    failed writes are dropped: a log on a full disk is not a reason to stop working.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)
        self._fails_silently = number == STANDARD_ERROR

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or drop what cannot be written.

        Raises:
            NoReaderError, OSError: for the first failure on standard output.
        """
        try:
            written = super().write(data)
        except OSError as error:
            if self._fails_silently:
                return memoryview(data).nbytes
            self._fails_silently = True
            if isinstance(error, BrokenPipeError):
                raise NoReaderError from None
            raise OSError(error.errno, error.strerror, "standard output") from None
        if written is None and self._fails_silently:  # non-blocking, and its reader is behind
            return memoryview(data).nbytes
        return written


def prepare_streams() -> None:
    """Open the standard streams that are closed, and replace output and error by a `StandardStream`.

    A closed one is opened on `/dev/null`: otherwise the next file to be opened gets its number, and with it
    what libraries print. A stream that is not the process's own, such as a test's, is kept.
    """
    for number in (0, STANDARD_OUTPUT, STANDARD_ERROR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process runs
    sys.stdout = _replaced(sys.stdout, STANDARD_OUTPUT)
    sys.stderr = _replaced(sys.stderr, STANDARD_ERROR)


def _replaced(stream: TextIO | None, number: int) -> TextIO:
    if stream is None:
        encoding, by_line = "utf-8", number == STANDARD_ERROR
    elif type(stream) is io.TextIOWrapper and stream.fileno() == number:
        encoding, by_line = stream.encoding, stream.line_buffering or stream.write_through
    else:
        return stream
    # File names need not be UTF-8; in a JSON line such a byte becomes a valid escape.
    return io.TextIOWrapper(
        io.BufferedWriter(StandardStream(number)),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=by_line,
    )
