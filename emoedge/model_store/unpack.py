"""Unpack a zip that came from elsewhere: nothing outside the folder, nothing without bounds."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from emoedge.errors import ModelError
from emoedge.files import sync_data
from emoedge.translation import tr

MAX_FILES: Final = 2000
MAX_BYTES: Final = 6 << 30
"""Unpacked; the largest published Vosk model has about 4 GB."""

MAX_RATIO: Final = 200
"""Unpacked to packed size of one file; models reach about 20, bombs 1000."""

_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # encrypted
    FileExistsError,  # the same name twice
    NotADirectoryError,  # a name that is both a file and a folder
)

_CHUNK: Final = 1 << 18
_REMEDY: Final = tr("fetch the model again from its publisher")


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack `archive` into the empty `folder`; return the model's root.

    The root is the archive's only top-level folder where there is one, else `folder` itself.

    Raises:
        ModelError: no zip, damaged, encrypted, with links or paths that lead outside, or too large.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            _check(zipped.infolist(), archive.name)
            for info in zipped.infolist():
                if not info.is_dir():
                    _extract(zipped, info, folder / PurePosixPath(info.filename))
    except _DAMAGE as error:
        raise ModelError(
            tr("{name} is not a valid zip archive: {error}", name=archive.name, error=error), _REMEDY
        ) from error
    entries = list(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def _check(infos: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse the whole archive before anything is written."""
    if len(infos) > MAX_FILES or sum(info.file_size for info in infos) > MAX_BYTES:
        raise ModelError(tr("the content of {name} is too large for a model", name=name), _REMEDY)
    for info in infos:
        path = PurePosixPath(info.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in info.filename or ":" in info.filename:
            raise ModelError(
                tr(
                    "{name} contains a path outside the archive: {filename!r}",
                    name=name,
                    filename=info.filename,
                ),
                _REMEDY,
            )
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ModelError(
                tr("{name} has a link in it: {filename!r}", name=name, filename=info.filename), _REMEDY
            )
        if info.file_size > MAX_RATIO * max(info.compress_size, 1024):
            raise ModelError(
                tr(
                    "{name} contains a file with an implausible compression ratio: {filename!r}",
                    name=name,
                    filename=info.filename,
                ),
                _REMEDY,
            )


def _extract(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    left = info.file_size
    with zipped.open(info) as source, target.open("xb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise zipfile.BadZipFile(tr("{filename} is larger than stated", filename=info.filename))
            file.write(chunk)
        file.flush()
        sync_data(file.fileno())
