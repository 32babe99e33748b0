"""Files that are whole or absent, also after a power cut; digests; small JSON files."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

PARTIAL: Final = ".partial"
"""Suffix of a file while it is being written."""
MAX_JSON_BYTES: Final = 4 * 1024 * 1024
"""Maximum size of a JSON file; a larger one is not a file that emoedge wrote."""
NO_MODES: Final = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EROFS, errno.ENOSYS})
"""Errors of setting mode or owner where that is not allowed or the file system has none (a FAT stick, a
Windows share): no reason not to write."""
_CHUNK: Final = 1024 * 1024
_NAME_PART: Final = 80
"""Characters of a name in the name of its partial file: 255 bytes are the limit of most file systems."""
_STREAMS: Final = ("/dev/", "/proc/self/fd/")
"""Return whether a name given by the user is a stream, such as /dev/stdout, and not a file to replace."""


def partial_of(path: Path) -> Path:
    """Name of a file while it is being written."""
    return path.with_name(path.name + PARTIAL)


def sync_folder(path: Path) -> None:
    """Make new names in a folder survive a power cut; raises OSError."""
    try:
        _sync(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that syncs no folders
            raise


def sync_data(descriptor: int) -> None:
    """Make what was written to an open file survive a power cut; raises OSError."""
    os.fdatasync(descriptor)


def write_all(descriptor: int, data: Any) -> int:
    """Write all of a buffer to an open file, also in parts; return its length in bytes. Raises OSError."""
    view = memoryview(data)
    total = len(view)
    while view:
        view = view[os.write(descriptor, view) :]
    return total


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
        path: written in place: a partial file, or one that a lock protects. A link is an error.
        data: the content.
        mode: permissions of a new file, before the umask.
    """
    with open(path, "wb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, mode)) as file:
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
        partial.unlink(missing_ok=True)  # left by a crash, or a link that someone has planted
        write_synced(
            partial, data.encode(errors="backslashreplace") if isinstance(data, str) else data, mode=mode
        )
        prepare(partial)
        put_in_place((partial, path))
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def replacing(target: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """Write a file beside its target, and put it in place when the block ends without an error.

    An older file is replaced by a whole one or not touched. A link in its place is replaced, not followed;
    streams and devices (`/dev/stdout`, a named pipe) are written to directly.

    Args:
        target: in a folder that exists.
        mode: permissions, whatever the umask, where there are any; by default those of any new file.

    Raises:
        OSError: it cannot be written; nothing is left beside the target.
    """
    if _is_stream(target):
        with target.open("wb") as file:
            yield file
        return
    with _naming(target):
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    # Beside a segment the name begins with its id, so that leftovers of a crash are deleted with the segment.
    partial = f"{target.name.split('.')[0][:_NAME_PART]}.{secrets.token_hex(4)}{PARTIAL}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with _naming(target):
            descriptor = os.open(partial, flags, 0o666 if mode is None else mode, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if mode is not None:
                    set_mode(descriptor, mode)
                yield file
                file.flush()
                os.fsync(descriptor)
            with _naming(target):
                os.rename(partial, target.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(partial, dir_fd=folder)
            raise
        sync_folder(target.parent)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _naming(target: Path) -> Iterator[None]:
    """Errors name the file that the user knows."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def set_mode(descriptor: int, mode: int, group: int | None = None) -> bool:
    """Set permissions and group of an open file; return False where there are none to set or it is refused.

    Raises:
        OSError: the disk failed.
    """
    try:
        os.fchmod(descriptor, mode)
        if group is not None and os.fstat(descriptor).st_gid != group:
            os.fchown(descriptor, -1, group)
            os.fchmod(descriptor, mode)  # fchown clears the set-group bit.
    except OSError as error:
        if error.errno not in NO_MODES:
            raise
        return False
    return True


def _is_stream(target: Path) -> bool:
    """Return whether a target is to be written to, not replaced."""
    try:
        status = target.stat() if str(target).startswith(_STREAMS) else target.lstat()
    except OSError:
        return False
    return not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode) or stat.S_ISDIR(status.st_mode))


def put_aside(path: Path, mark: str = "") -> Path:
    """Rename a damaged file to `<name><mark>.damaged` and return the new path. Raises OSError."""
    aside = path.with_name(f"{path.name}{mark}.damaged")
    path.replace(aside)
    return aside


def to_json(value: Any) -> str:
    """JSON as emoedge writes it into files: indented, with the characters of Spanish as they are."""
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Replace a JSON file, see `write_atomically`; raises OSError."""
    write_atomically(path, to_json(value))


def read_json(path: Path, *, dir_fd: int | None = None, follow: bool = True) -> Any:
    """Content of a JSON file; `dir_fd` and `follow` as in `read_small`.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON, or larger than `MAX_JSON_BYTES`.
    """
    return parse_json(read_small(path, MAX_JSON_BYTES, dir_fd=dir_fd, follow=follow))


def parse_json(text: str | bytes) -> Any:
    """Value of a JSON text from outside; raises ValueError, also for one that is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_small(path: Path, limit: int, *, dir_fd: int | None = None, follow: bool = False) -> bytes:
    """Content of a file that another program may have put there.

    Args:
        path: a regular file; with `dir_fd` its name alone counts, in that folder.
        limit: bytes that it may have.
        dir_fd: an open folder.
        follow: whether it may be a link.

    Raises:
        OSError: the file cannot be read, or is a link.
        ValueError: it is not a regular file, or larger than `limit`.
    """
    # O_NONBLOCK: opening a named pipe would wait for a writer.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path if dir_fd is None else path.name, flags, dir_fd=dir_fd)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{path.name} is not a regular file")
        if status.st_size > limit:
            raise ValueError(f"larger than {limit} bytes")
        data = bytearray()
        while len(data) <= limit and (part := os.read(descriptor, min(_CHUNK, limit + 1 - len(data)))):
            data += part
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise ValueError(f"larger than {limit} bytes")
    return bytes(data)


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


def cache_folder() -> Path:
    """Folder on a disk for what can be found out again, not in the state folder: systemd's, or the user's."""
    given = os.environ.get("CACHE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path(os.environ.get("HOME") or "/tmp") / ".cache") / "emoedge"  # noqa: S108


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
