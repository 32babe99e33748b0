"""Names of segments, the files that belong to one, and who may read them."""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import stat
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from emoedge.errors import RecordingError
from emoedge.files import partial_of, set_mode
from emoedge.translation import tr

logger = logging.getLogger(__name__)

ID_PATTERN: Final = re.compile(r"^\d{8}T\d{6}Z-[0-9a-f]{8}$")
"""Form of a segment id: UTC time and 32 random bits."""
ID_LENGTH: Final = 25
"""Characters of a segment id."""
DAY_PATTERN: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")
"""Form of the name of a day's folder."""
MEDIA_SUFFIX: Final = ".mp4"
SIDECAR_SUFFIXES: Final = (".jsonl", ".json", ".vtt", ".jpg")
ALL_SUFFIXES: Final = (MEDIA_SUFFIX, *SIDECAR_SUFFIXES)
"""The files of a finished segment."""
KEEP_SUFFIX: Final = ".keep"
"""`<id>.keep`, an empty file: retention passes over the segment."""
DELETED_SUFFIX: Final = ".deleted"
"""`<id>.deleted`, an empty file: the segment is out of sight, and deleted by a sweep after `UNDO_S`."""
UNDO_S: Final = 10.0
"""Seconds for which a deletion can be taken back."""
LABELS_SUFFIX: Final = ".labels.jsonl"
"""`<id>.labels.jsonl`: what people said was wrong, see `labels.py`."""
SNAPSHOTS: Final = "snapshots"
"""Name of the folder of the snapshots in the recordings directory."""
REMUX: Final = ".remux"
"""`<id>.mp4.remux.partial`: the final file while it is being made from `<id>.mp4.partial`."""
FILE_MODE: Final = 0o640
"""Permissions of a file: the owner writes, the group copies (scp), other users see no faces."""
DIR_MODE: Final = 0o750
"""Permissions of a folder, for the same reason."""
GROUP: Final = "emoedge"
"""Group that may read the recordings, where it exists."""


def new_segment_id(wall: datetime) -> str:
    """Sortable name made of the UTC time and 32 random bits.

    The random part keeps names apart when the clock is set back onto a time already used.
    """
    stamp = wall.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    return f"{stamp}-{secrets.token_hex(4)}"


def is_segment_id(name: str) -> bool:
    """Return whether a name from outside has the form of a segment id, and so cannot leave the store."""
    return ID_PATTERN.fullmatch(name) is not None


def started_of_id(segment_id: str) -> float:
    """When a segment was started as its id says, in seconds since 1970; 0 for an impossible date."""
    try:
        month, day, hour, minute, second = (int(segment_id[at : at + 2]) for at in (4, 6, 9, 11, 13))
        moment = datetime(int(segment_id[:4]), month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return 0.0
    return max(0.0, moment.timestamp())


def day_of(wall: datetime) -> str:
    """Name of the folder of a segment: the local date, by which people look for it."""
    return wall.astimezone().strftime("%Y-%m-%d")


def segment_files(media: Path) -> list[Path]:
    """The MP4 and its sidecars, whether they exist or not."""
    return [media.with_suffix(suffix) for suffix in ALL_SUFFIXES]


def remux_of(media: Path) -> Path:
    """Name of the final file while it is being made from the `.partial` of a segment."""
    return partial_of(media.with_name(media.name + REMUX))


def remove_unfinished(media: Path) -> None:
    """Remove what there is of a segment beside its finished files; raises OSError.

    Without a finished MP4 its sidecars go too. The MP4's `.partial` goes last: while it is there,
    recovery comes back for the rest. Each file is removed on its own.
    """
    is_finished = media.exists()
    names: list[Path] = []
    for path in segment_files(media)[1:]:
        partial = partial_of(path)
        names += [partial_of(partial), partial, *([] if is_finished else [path])]
    failure: OSError | None = None
    for name in (*names, remux_of(media), partial_of(media)):
        try:
            name.unlink(missing_ok=True)
        except OSError as error:
            failure = error
    if failure is not None:
        raise failure


def private_opener(path: str, flags: int) -> int:
    """Opener for `open(…, opener=…)`: only owner and group can ever read the file."""
    return os.open(path, flags, FILE_MODE)


def make_folder(path: Path, *, follow: bool = False) -> None:
    """Create a folder of the store for owner and group; one that exists stays as it is.

    Args:
        path: the folder.
        follow: whether it may be a link: only the recordings directory itself.

    Raises:
        RecordingError: something else is in its place.
        OSError: it cannot be made.
    """
    if not follow and path.is_symlink():
        raise RecordingError(
            tr("{path} is a link", path=path), tr("remove it: links in the recordings are not followed")
        )
    if path.exists() and not path.is_dir():
        raise RecordingError(
            tr("{path} is not a folder", path=path), tr("move it away, or set another recording.dir")
        )
    if not path.is_dir():
        path.mkdir(mode=DIR_MODE, parents=True, exist_ok=True)
        share_with_group(path)


def share_with_group(path: Path) -> None:
    """Give a file or folder the store's mode, and the group `emoedge` where there is one.

    Raises:
        OSError: it is gone, or the disk failed. A link is left alone.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EACCES):
            return
        raise
    try:
        status = os.fstat(descriptor)
        # A folder may pass its group on to what is made in it.
        is_folder = stat.S_ISDIR(status.st_mode)
        mode = DIR_MODE | (status.st_mode & stat.S_ISGID) if is_folder else FILE_MODE
        if not set_mode(descriptor, mode, _group_id()):
            # A developer's own run, or a file system without owners (a USB stick): no reason not to record.
            logger.debug("cannot give %s to the group %s", path, GROUP)
    finally:
        os.close(descriptor)


def _group_id() -> int | None:
    import grp

    try:
        return grp.getgrnam(GROUP).gr_gid
    except KeyError:
        return None
