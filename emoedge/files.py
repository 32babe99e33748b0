"""Files that are whole or absent, also after a power cut; digests; small JSON files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

PARTIAL: Final = ".partial"
"""Suffix of a file while it is being written."""
MAX_JSON_BYTES: Final = 4 * 1024 * 1024
"""Maximum size of a JSON file; a larger one is not a file that emoedge wrote."""
_CHUNK: Final = 1024 * 1024


def partial_of(path: Path) -> Path:
    """Name of a file while it is being written."""
    return path.with_name(path.name + PARTIAL)


def sync_folder(path: Path) -> None:
    """Make new names in a folder survive a power cut; raises OSError."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def sync_data(descriptor: int) -> None:
    """Make what was written to an open file survive a power cut; raises OSError."""
    os.fdatasync(descriptor)


def put_in_place(*moves: tuple[Path, Path]) -> None:
    """Rename finished files to their final names, in this order, so that each is there whole or not at all.

    Args:
        moves: pairs of the present and the final path, all in one folder.

    Raises:
        OSError: a file cannot be synced or renamed; the later ones keep their names.
    """
    for partial, path in moves:
        _sync(partial, os.O_RDONLY)
        partial.replace(path)
    sync_folder(moves[-1][1].parent)


def write_synced(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file and sync its content; raises OSError.

    Args:
        path: written in place: a partial file, or one that a lock protects.
        data: the content.
        mode: permissions of a new file, before the umask.
    """
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_atomically(
    path: Path,
    data: bytes | str,
    *,
    mode: int = 0o666,
    prepare: Callable[[Path], None] = lambda _partial: None,
) -> None:
    """Replace a file so that a crash or a power cut leaves the old or the new one.

    Args:
        path: in a folder that exists or can be made.
        data: the content; in text, characters without an encoding (file names need not be UTF-8) become
            escapes.
        mode: permissions of the new file, before the umask.
        prepare: called with the written file before it is renamed, to set owner and permissions.

    Raises:
        OSError: the file cannot be written; no partial file is left.
    """
    partial = partial_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_synced(
            partial, data.encode(errors="backslashreplace") if isinstance(data, str) else data, mode=mode
        )
        prepare(partial)
        put_in_place((partial, path))
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def put_aside(path: Path) -> Path:
    """Rename a damaged file to `<name>.damaged` and return the new path. Raises OSError."""
    aside = path.with_name(path.name + ".damaged")
    path.replace(aside)
    return aside


def to_json(value: Any) -> str:
    """JSON as emoedge writes it into files: indented, with the characters of Spanish as they are."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file, see `write_atomically`; raises OSError."""
    write_atomically(path, to_json(value))


def read_json(path: Path) -> Any:
    """Content of a JSON file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON, or larger than `MAX_JSON_BYTES`.
    """
    with path.open("rb") as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise ValueError(f"larger than {MAX_JSON_BYTES} bytes")
    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of a folder's names and contents in order; hexadecimal, raises OSError."""
    digest = hashlib.sha256()
    files = [path] if not path.is_dir() else sorted(item for item in path.rglob("*") if item.is_file())
    for file in files:
        if file is not path:
            digest.update(file.relative_to(path).as_posix().encode())
        with file.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
