"""Folders of the store, reached without following a link, and the deletion of what is in them.

Everything is looked up relative to an open folder, so that a link planted in the store (by anyone who can
write there) never leads a command run by root outside.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import pwd
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emoedge.translation import tr

if TYPE_CHECKING:
    from typing_extensions import Self

logger = logging.getLogger(__name__)

MAX_DEPTH: Final = 32
"""Folders within folders that are deleted; emoedge makes none."""
_GETFLAGS: Final = 0x80086601
"""FS_IOC_GETFLAGS of ioctl_iflags(2) on 64-bit and 32-bit Linux alike, as the size in it is ignored."""
_FIXED_FLAGS: Final = 0x10 | 0x20
"""FS_IMMUTABLE_FL and FS_APPEND_FL: `chattr +i` and `chattr +a`."""


class Folder:
    """An open folder.

    Args:
        path: as named in messages.
        parent: the folder that it is in; without one `path` itself may be a link (to another disk).

    Raises:
        OSError: it does not exist, is not a folder, is a link (with `parent`), or cannot be read.
    """

    def __init__(self, path: Path, parent: Folder | None = None) -> None:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        self.path = path
        self.descriptor: int = (
            os.open(path, flags)
            if parent is None
            else os.open(path.name, flags | os.O_NOFOLLOW, dir_fd=parent.descriptor)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.descriptor)

    def names(self) -> list[str]:
        """Return the names in the folder, in no order; raises OSError."""
        return os.listdir(self.descriptor)  # noqa: PTH208 - of an open folder

    def child(self, name: str) -> Folder:
        """A folder in it; raises OSError, also for a link."""
        return Folder(self.path / name, self)

    def status(self, name: str) -> os.stat_result | None:
        """Return the status of a name without following links; None if it is gone. Raises OSError."""
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def is_file(self, name: str) -> bool:
        """Return whether a name is an ordinary file, not a link; raises OSError."""
        status = self.status(name)
        return status is not None and stat.S_ISREG(status.st_mode)

    def head(self, name: str, size: int) -> bytes:
        """The first bytes of an ordinary file, at most `size`; raises OSError, also for a link."""
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(name, flags, dir_fd=self.descriptor)
        try:
            return os.read(descriptor, size)
        finally:
            os.close(descriptor)

    @property
    def mtime_ns(self) -> int:
        """When names were last added or removed, nanoseconds since 1970."""
        return os.fstat(self.descriptor).st_mtime_ns


@dataclass(frozen=True, slots=True)
class Undeletable:
    """A file or folder that cannot be deleted.

    Attributes:
        path: which.
        reason: why, and who owns it.
        remedy: what the owner of the device can do.
    """

    path: Path
    reason: str
    remedy: str

    def __str__(self) -> str:
        return tr(
            "cannot delete {path}: {reason} ({remedy})",
            path=self.path,
            reason=self.reason,
            remedy=self.remedy,
        )


class Remover:
    """Deletes files and folders independently, and remembers those that cannot be deleted.

    Attributes:
        left: what could not be deleted and is still there.
        links: links in the place of folders that were removed, and what they point to.
    """

    def __init__(self) -> None:
        self.left: dict[Path, Undeletable] = {}
        self.links: dict[Path, str] = {}

    def remove(self, folder: Folder, name: str, depth: int = 0) -> bool:
        """Delete a file, a link, or a folder with all that is in it; return whether it is gone.

        A link is deleted, never its target. What cannot be deleted is noted in `left` and logged once.
        """
        try:
            os.unlink(name, dir_fd=folder.descriptor)
        except FileNotFoundError:
            pass
        except IsADirectoryError:
            if not self._remove_folder(folder, name, depth):
                return False
        except OSError as error:
            self.note(folder, name, error)
            return False
        self.left.pop(folder.path / name, None)
        return True

    def remove_if_empty(self, folder: Folder, name: str) -> bool:
        """Delete a folder unless something is in it; return whether it is gone."""
        try:
            os.rmdir(name, dir_fd=folder.descriptor)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                self.note(folder, name, error)
            return False
        self.left.pop(folder.path / name, None)
        return True

    def unlink_folder(self, folder: Folder, name: str) -> None:
        """Delete a link in the place of a folder, and remember where it led: nothing there is touched."""
        target = os.readlink(name, dir_fd=folder.descriptor)
        if self.remove(folder, name):
            self.links[folder.path / name] = target

    def note(self, folder: Folder, name: str, error: OSError) -> None:
        """Remember what cannot be deleted (or not be looked at), and log it the first time."""
        path = folder.path / name
        if path not in self.left:
            logger.warning("%s", undeletable := _explain(folder, name, error))
            self.left[path] = undeletable

    def forget_gone(self) -> None:
        """Forget files that another process has deleted."""
        self.left = {path: one for path, one in self.left.items() if os.path.lexists(path)}

    def _remove_folder(self, folder: Folder, name: str, depth: int) -> bool:
        try:
            _check_may_enter(folder, name, depth)
            with folder.child(name) as inner:
                gone = [self.remove(inner, one, depth + 1) for one in inner.names()]
            if all(gone):
                os.rmdir(name, dir_fd=folder.descriptor)
        except FileNotFoundError:
            return True
        except OSError as error:
            self.note(folder, name, error)
            return False
        return all(gone)


def _check_may_enter(folder: Folder, name: str, depth: int) -> None:
    """Raise OSError for a folder that is nested too deeply, or on which another disk is mounted."""
    status = folder.status(name)
    if depth >= MAX_DEPTH:
        raise OSError(errno.ELOOP, "too many folders within folders")
    if status is not None and status.st_dev != os.fstat(folder.descriptor).st_dev:
        raise OSError(errno.EXDEV, "another disk is mounted there")


def _explain(folder: Folder, name: str, error: OSError) -> Undeletable:
    """Name the owner of what cannot be deleted, and the remedy for this error."""
    path = folder.path / name
    fault = error.strerror or str(error)
    where = folder.path if error.errno == errno.EACCES else path
    try:
        owner = _owner(where.lstat().st_uid)
    except OSError:
        return Undeletable(path, fault, tr("run: sudo rm -r {path}", path=path))
    reason = (
        tr("{fault}, owner {owner}", fault=fault, owner=owner)
        if where == path
        else tr("{fault}, owner of the folder {owner}", fault=fault, owner=owner)
    )
    if error.errno == errno.EROFS:
        return Undeletable(path, reason, tr("mount its disk for writing"))
    if error.errno in (errno.EBUSY, errno.EXDEV):
        return Undeletable(path, reason, tr("run: sudo umount {path}", path=path))
    for one in (path, folder.path):
        if error.errno == errno.EPERM and _is_fixed(one):
            return Undeletable(
                path, tr("{reason}, immutable", reason=reason), tr("run: sudo chattr -i -a {one}", one=one)
            )
    return Undeletable(path, reason, tr("run: sudo rm -r {path}", path=path))


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _is_fixed(path: Path) -> bool:
    """Return whether `chattr` has made a file or folder immutable, as far as that can be seen."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        (flags,) = struct.unpack("I", fcntl.ioctl(descriptor, _GETFLAGS, struct.pack("L", 0))[:4])
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return bool(flags & _FIXED_FLAGS)
