"""Deletion of everything in a recordings directory that shows people or describes them."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from emoedge.files import PARTIAL, partial_of
from emoedge.record.disk import PROBE_FILE
from emoedge.record.folder import Folder, Remover
from emoedge.record.index import FILE_NAME as INDEX_FILE
from emoedge.record.index_entry import families, name_of
from emoedge.record.names import DAY_PATTERN, ID_LENGTH, MEDIA_SUFFIX, SNAPSHOTS, is_segment_id

GENERATOR: Final = b'<meta name="generator" content="emoedge'
"""Text in the head of every page of `emoedge report`, whatever its name."""
_HEAD_BYTES: Final = 4096
_PAGE: Final = re.compile(r"(day|week|\d{4}-\d{2}-\d{2}|\d{4}-W\d{2})\..*")
"""Names that the guides give to pages about a day or a week."""


def erase(root: Path, remover: Remover, is_written: Callable[[Path], bool]) -> list[str]:
    """Delete the days, the snapshots and everything else of emoedge; return the ids of the segments.

    Links are deleted, but never their targets; a link in the place of a folder is noted in
    `remover.links`. Other files of the user beside the days stay.

    Args:
        root: the recordings directory; it need not exist.
        remover: deletes, and notes what cannot be deleted.
        is_written: whether a daemon is writing a `.partial`; such a segment is left alone.
    """
    try:
        opened = Folder(root)
    except (FileNotFoundError, NotADirectoryError):
        return []
    ids: list[str] = []
    with opened:
        for name in sorted(opened.names()):
            if DAY_PATTERN.fullmatch(name) or name == SNAPSHOTS:
                ids += _erase_folder(opened, name, remover, is_written)
            elif _is_ours(opened, name):
                remover.remove(opened, name)
    return ids


def _erase_folder(root: Folder, name: str, remover: Remover, is_written: Callable[[Path], bool]) -> list[str]:
    status = root.status(name)
    if status is not None and stat.S_ISLNK(status.st_mode):
        remover.unlink_folder(root, name)
        return []
    try:
        folder = root.child(name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        remover.note(root, name, error)
        return []
    with folder:
        names = folder.names()
        found = families(names)
        busy = {one for one in found if is_written(partial_of(folder.path / f"{one}{MEDIA_SUFFIX}"))}
        left = {name_of(one, suffix) for one in busy for suffix in found[one]}
        gone = {one: remover.remove(folder, one) for one in sorted(names) if one not in left}
    remover.remove_if_empty(root, name)
    return [
        segment_id
        for segment_id, suffixes in sorted(found.items())
        if segment_id not in busy and gone.get(_main(segment_id, suffixes), False)
    ]


def _main(segment_id: str, suffixes: tuple[str, ...]) -> str:
    """The file that makes a segment: its MP4, finished or not."""
    for suffix in (MEDIA_SUFFIX, MEDIA_SUFFIX + PARTIAL):
        if suffix in suffixes:
            return segment_id + suffix
    return ""


def _is_ours(root: Folder, name: str) -> bool:
    """Return whether a file or folder beside the days was written by emoedge."""
    plain = name.removeprefix(".")
    if (
        name.startswith((INDEX_FILE, PROBE_FILE))
        or is_segment_id(plain[:ID_LENGTH])
        or _PAGE.fullmatch(plain)
    ):
        return True
    if not plain.endswith((".html", ".htm", PARTIAL)) or not root.is_file(name):
        return False
    try:
        return GENERATOR in root.head(name, _HEAD_BYTES)
    except OSError:
        return False
