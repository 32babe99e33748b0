"""Segments on the disk: index, files, and how one of them is deleted.

<dir>/YYYY-MM-DD/<id>.mp4 .jsonl .json .vtt .jpg       finished
<dir>/YYYY-MM-DD/<id>.*.partial                        being written, or left by a power cut
<dir>/YYYY-MM-DD/<id>.keep                             retention passes over the segment
<dir>/.index.json                                      see `index.py`
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emoedge.files import partial_of
from emoedge.record.disk import room_of
from emoedge.record.folder import Folder, Remover, Undeletable
from emoedge.record.index import Index
from emoedge.record.index_entry import IndexEntry, families, name_of
from emoedge.record.names import KEEP_SUFFIX, MEDIA_SUFFIX
from emoedge.record.retention import Room
from emoedge.record.sidecar import read_details

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Segment:
    """A finished segment.

    Attributes:
        segment_id: its name, sortable by time.
        day: the folder, a local date.
        media: the MP4.
        bytes: MP4, sidecars, and reports beside them.
        duration_s: length as its details say; None if they do not.
        is_kept: whether retention passes over it.
    """

    segment_id: str
    day: str
    media: Path
    bytes: int
    duration_s: float | None = None
    is_kept: bool = False

    def details(self) -> dict[str, Any]:
        """Content of the JSON sidecar; empty when it is missing or damaged."""
        try:
            return read_details(self.media.with_suffix(".json"))
        except (OSError, ValueError) as error:
            logger.warning("cannot read the details of segment %s: %s", self.segment_id, error)
            return {}


class SegmentFiles:
    """The files of the recordings directory, with their index.

    Args:
        root: the directory; it need not exist yet.

    Attributes:
        index: what is known of each segment.
        remover: deletes, and notes what cannot be deleted.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.remover = Remover()
        self.index = Index(root, self.remover)
        self.opening = threading.Lock()
        """Held while a new file is made and locked: in between it looks like one that a power cut left."""

    def refresh(
        self, *, trust_times: bool = True, trust_files: bool = True, beat: Callable[[], None] = lambda: None
    ) -> None:
        """Fit the index to the folders, see `Index.refresh`; raises OSError."""
        self.index.refresh(trust_times=trust_times, trust_files=trust_files, beat=beat)

    def undeletable(self) -> list[Undeletable]:
        """Files that could not be deleted and still exist."""
        self.remover.forget_gone()
        return list(self.remover.left.values())

    def note(self, path: Path, error: OSError) -> None:
        """Remember a file of the store that cannot be deleted; it is logged the first time."""
        with contextlib.suppress(OSError), Folder(path.parent) as folder:
            self.remover.note(folder, path.name, error)

    def remove_partial(self, media: Path) -> None:
        """Delete what a segment was written as, now that it is finished, or note that it cannot go."""
        partial = partial_of(media)
        with contextlib.suppress(OSError), Folder(media.parent) as folder:
            if folder.status(partial.name) is not None:
                self.remover.remove(folder, partial.name)

    def is_noted(self, path: Path) -> bool:
        """Return whether a file could not be deleted the last time."""
        return path in self.remover.left

    def save_index(self) -> None:
        """Save the index if it has changed; costs nothing else where that fails."""
        if not self.index.is_saved and self.root.is_dir():
            self.index.save()

    @contextlib.contextmanager
    def changing(self, media: Path) -> Iterator[None]:
        """Enter the files of a segment in the index after the block, which makes, renames or removes them."""
        day, segment_id = media.parent.name, media.stem
        with self.index.changing(day):
            try:
                yield
            finally:
                with contextlib.suppress(OSError), Folder(self.root) as root, root.child(day) as folder:
                    old = self.index.get(day, segment_id)
                    self.index.update(day, segment_id, folder, old.suffixes if old else ())

    def room(self) -> Room:
        """Return the free space of the store's disk, see `disk.room_of`; raises RecordingError, OSError."""
        return room_of(self.root)

    def media_of(self, entry: IndexEntry) -> Path:
        """Path of the MP4 of a segment, which need not exist."""
        return self.root / entry.day / f"{entry.segment_id}{MEDIA_SUFFIX}"

    def segment_of(self, entry: IndexEntry) -> Segment:
        """The segment that an entry of the index describes."""
        return Segment(
            entry.segment_id, entry.day, self.media_of(entry), entry.bytes, entry.duration_s, entry.is_kept
        )

    # ---- deleting ----

    def delete(self, segment: Segment) -> bool:
        """Delete a segment with all files of its name, and the day's folder if it is empty then.

        Reports and exports made beside the video show the same people, so they are deleted too. The
        MP4 is first: after a power cut only sidecars are left, which a sweep deletes. Each file is deleted
        independently; what cannot be deleted is in `undeletable`.

        Returns:
            Whether all of it is gone.
        """
        try:
            with Folder(self.root) as root, root.child(segment.day) as folder:
                return self._delete(root, folder, segment.segment_id, suffixes_of(folder, segment.segment_id))
        except FileNotFoundError:
            return True

    def _delete(
        self, root: Folder, folder: Folder, segment_id: str, suffixes: tuple[str, ...] | list[str]
    ) -> bool:
        day = folder.path.name
        with self.index.changing(day):
            media_first = sorted(suffixes, key=lambda suffix: (suffix != MEDIA_SUFFIX, suffix == KEEP_SUFFIX))
            for suffix in media_first:
                self.remover.remove(folder, name_of(segment_id, suffix))
            left = self.index.update(day, segment_id, folder, suffixes)
        if left is None:
            with contextlib.suppress(OSError):
                os.rmdir(day, dir_fd=root.descriptor)  # fails while something of another segment is in it
        return left is None

    def delete_known(self, root: Folder, entry: IndexEntry) -> IndexEntry | None:
        """Delete a segment that is in the index; return what is left of it."""
        try:
            with root.child(entry.day) as folder:
                self._delete(root, folder, entry.segment_id, entry.suffixes)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.remover.note(root, entry.day, error)
            return entry
        return self.index.get(entry.day, entry.segment_id)


def suffixes_of(folder: Folder, segment_id: str) -> tuple[str, ...]:
    """Suffixes of all files of a segment; raises OSError."""
    return families(name for name in folder.names() if segment_id in name).get(segment_id, ())
