"""Read what the configuration is made of: files of text, secrets in files, and pipes."""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from pathlib import Path
from typing import Final

from emoedge.errors import ConfigError
from emoedge.text_encoding import EncodingError, decode_text
from emoedge.translation import joined, tr

MAX_FILE_BYTES: Final = 1_000_000
"""Larger than any real configuration; keeps a wrong path (a video, a log) from being read whole."""
PIPE_WAIT_S: Final = 10.0
"""A program that asks its user for the password, such as `pass`, is not waited for longer."""


def read_configuration_file(path: Path, remedy: str = tr("name a readable file with --config")) -> str:
    """The text of a file, of a pipe that a program writes into, or of an empty device.

    Raises:
        ConfigError: it cannot be read, is not text, or is a pipe that no program writes into.
    """
    try:
        content = _read_bytes(path)
    except TimeoutError:
        raise ConfigError(
            tr(
                "{path}: no data were written to it for {pipe_wait_s:.0f} s",
                path=path,
                pipe_wait_s=PIPE_WAIT_S,
            ),
            remedy,
        ) from None
    except OSError as error:
        raise ConfigError(joined((str(path), error.strerror or str(error)), ": "), remedy) from None
    except ValueError:  # a NUL in the name
        raise ConfigError(tr("{path!r}: not a file name", path=str(path)), remedy) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(tr("{path}: too large for a configuration", path=path), remedy)
    try:
        return decode_text(content).replace("\r\n", "\n")
    except EncodingError as error:
        raise ConfigError(
            tr("{path}: not UTF-8: {error}", path=path, error=error), tr("save the file as UTF-8")
        ) from None


def read_secret(path: Path, source: str) -> str:
    """A secret from a file, without the ends of line that editors and `echo` put behind it."""
    return read_configuration_file(
        path, tr("correct {source}, or make the file readable", source=source)
    ).rstrip("\r\n")


def _read_bytes(path: Path) -> bytes:
    """At most one byte more than allowed, which tells a file that is too long, a device without end included.

    Raises:
        OSError, TimeoutError, ValueError: see above.
    """
    # Without O_NONBLOCK, opening a pipe waits for a writer without a limit.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        content = b""
        deadline_s = time.monotonic() + PIPE_WAIT_S
        while len(content) <= MAX_FILE_BYTES:
            try:
                part = os.read(descriptor, MAX_FILE_BYTES + 1 - len(content))
            except BlockingIOError:  # a writer has it open; else it is at its end
                if not select.select([descriptor], [], [], max(0.0, deadline_s - time.monotonic()))[0]:
                    raise TimeoutError from None
                continue
            if not part:
                break
            content += part
    finally:
        os.close(descriptor)
    if stat.S_ISFIFO(kind) and not content:
        raise OSError(errno.EPIPE, "a pipe that no program writes into")
    return content
