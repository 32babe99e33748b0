"""Files and details of a segment in its folder."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from emoedge.clock import parse_rfc3339
from emoedge.emotions import EMOTIONS, Emotion
from emoedge.files import PARTIAL
from emoedge.record.folder import Folder
from emoedge.record.names import (
    DELETED_SUFFIX,
    ID_LENGTH,
    KEEP_SUFFIX,
    MEDIA_SUFFIX,
    is_segment_id,
    started_of_id,
)
from emoedge.record.sidecar import read_details

logger = logging.getLogger(__name__)

CLOCK_WRONG_BEFORE_S: Final = 1_767_225_600.0
"""2026-01-01, when this was written: a segment with an earlier date was made while the clock was wrong."""
_PARTIAL_MEDIA: Final = MEDIA_SUFFIX + PARTIAL


class IndexEntry(NamedTuple):
    """Everything with the name of one segment; a `retention.Candidate`.

    Attributes:
        segment_id: the name.
        day: the folder.
        suffixes: of its files, sorted; a hidden one (of a copy under way) begins with "/".
        bytes: of all of them.
        has_media: whether the MP4 is there.
        is_open: whether it is being written or was interrupted.
        duration_s: length as the details say; None if they do not.
        dated_s: when it was recorded, by a trusted clock, in seconds since 1970; None if unknown.
        order: place in the order in which segments were made, see `place_of`.
        emotion: what was named for the longest time; None where nothing was.
    """

    segment_id: str
    day: str
    suffixes: tuple[str, ...]
    bytes: int
    has_media: bool
    is_open: bool
    duration_s: float | None
    dated_s: float | None
    order: int
    emotion: Emotion | None = None

    @property
    def is_kept(self) -> bool:
        """Whether retention passes over it."""
        return KEEP_SUFFIX in self.suffixes

    @property
    def is_deleted(self) -> bool:
        """Whether it is out of sight and about to be deleted."""
        return DELETED_SUFFIX in self.suffixes

    @property
    def is_orphan(self) -> bool:
        """Whether there are sidecars alone."""
        return not self.has_media and not self.is_open and MEDIA_SUFFIX not in self.suffixes

    @property
    def files(self) -> int:
        """Number of its files."""
        return len(self.suffixes)


def families(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The names in a folder by segment: everything that begins with an id and a dot, hidden or not."""
    found: dict[str, list[str]] = {}
    for name in names:
        if name[ID_LENGTH : ID_LENGTH + 1] == ".":
            found.setdefault(name[:ID_LENGTH], []).append(name[ID_LENGTH:])
        elif name[ID_LENGTH + 1 : ID_LENGTH + 2] == "." == name[0]:
            found.setdefault(name[1 : ID_LENGTH + 1], []).append("/" + name[ID_LENGTH + 1 :])
    kinds: dict[tuple[str, ...], tuple[str, ...]] = {}
    return {
        segment_id: kinds.setdefault(kind := tuple(sorted(suffixes)), kind)
        for segment_id, suffixes in found.items()
        if is_segment_id(segment_id)
    }


def name_of(segment_id: str, suffix: str) -> str:
    """The name of a file, see `IndexEntry.suffixes`."""
    return f".{segment_id}{suffix[1:]}" if suffix.startswith("/") else segment_id + suffix


def place_of(segment_id: str, details: dict[str, Any]) -> int:
    """Place in the order in which segments were made.

    Milliseconds since 1970; where the clock was set back, one more than that of the segment before.
    """
    order = details.get("order")
    if isinstance(order, int) and not isinstance(order, bool) and 0 <= order < 2**62:
        return order
    dated_s = dated_of(details)
    return round(1000 * max(dated_s or 0.0, started_of_id(segment_id)))


def dated_of(details: dict[str, Any]) -> float | None:
    """When a segment was recorded, in seconds since 1970, or None where no trusted clock knew it.

    Its start where the clock was synchronized, else the first moment at which a synchronized clock saw it.
    """
    for key in ("started", "dated"):
        moment = parse_rfc3339(details.get(key)) if key == "dated" or details.get("clock_synced") else None
        if moment is not None and moment.timestamp() >= CLOCK_WRONG_BEFORE_S:
            return moment.timestamp()
    return None


def emotion_of(details: dict[str, Any]) -> Emotion | None:
    """Emotion that was named for the longest time, according to the details."""
    return next((emotion for emotion in EMOTIONS if emotion == details.get("emotion")), None)


def read_entry(folder: Folder, segment_id: str, suffixes: tuple[str, ...]) -> IndexEntry:
    """Look at the files of a segment."""
    details: dict[str, Any] = {}
    if ".json" in suffixes:
        try:
            details = read_details(folder.path / f"{segment_id}.json", dir_fd=folder.descriptor)
        except (OSError, ValueError) as error:
            logger.debug("cannot read the details of %s: %s", segment_id, error)
    duration_s = details.get("duration")
    if isinstance(duration_s, bool) or not isinstance(duration_s, (int, float)) or not 0 <= duration_s < 1e9:
        duration_s = None
    found = {suffix: _status_of(folder, name_of(segment_id, suffix)) for suffix in suffixes}
    regular = {suffix for suffix, status in found.items() if status and stat.S_ISREG(status.st_mode)}
    return IndexEntry(
        segment_id,
        folder.path.name,
        suffixes,
        sum(status.st_size for status in found.values() if status),
        MEDIA_SUFFIX in regular,
        _PARTIAL_MEDIA in regular,
        None if duration_s is None else float(duration_s),
        dated_of(details),
        place_of(segment_id, details),
        emotion_of(details),
    )


def _status_of(folder: Folder, name: str) -> os.stat_result | None:
    try:
        return folder.status(name)
    except OSError:
        return None
