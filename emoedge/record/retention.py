"""Choice of the segments to delete: by age, by total size, by free space. Pure."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

DAY_S: Final = 86_400.0
MIN_FREE_FILES: Final = 16
"""Free inodes below which the oldest segments are deleted: a segment being finished needs ten."""


class Candidate(Protocol):
    """A segment as retention sees it."""

    @property
    def bytes(self) -> int:
        """Size of the MP4 and its sidecars together."""
        ...

    @property
    def files(self) -> int:
        """Number of its files."""
        ...

    @property
    def dated_s(self) -> float | None:
        """When it was recorded, by a trusted clock, in seconds since 1970; None if unknown."""
        ...


Segments = TypeVar("Segments", bound=Candidate)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the store.

    Attributes:
        keep_days: older segments are deleted; 0 keeps them.
        max_bytes: maximum total; beyond it the oldest are deleted; 0 for no limit.
        min_free_bytes: free space below which the oldest are deleted.
    """

    keep_days: float
    max_bytes: int
    min_free_bytes: int


@dataclass(frozen=True, slots=True)
class Room:
    """Free space of a disk.

    Attributes:
        bytes: free for users other than root.
        files: free inodes; `UNCOUNTED` where the file system does not count them.
    """

    bytes: int
    files: int


UNCOUNTED: Final = 2**62
"""Free inodes of a file system that makes them as they are needed."""


@dataclass(frozen=True, slots=True)
class Deletion(Generic[Segments]):
    """A segment to delete, and why: "age", "size" or "disk"."""

    segment: Segments
    reason: str


def plan_deletions(
    segments: Iterable[Segments],
    limits: Limits,
    room: Room,
    *,
    now_s: float,
    clock_synced: bool,
    total_bytes: int,
) -> Generator[Deletion[Segments], Candidate | None, None]:
    """Yield the segments to delete, one after the other: what is too old, then the oldest.

    For one that could not be deleted as a whole, send what is left of it: the next one goes in its place.

    Args:
        segments: those that may be deleted, in the order in which they were made.
        limits: the limits of the store.
        room: what is free on the disk at present.
        now_s: the wall clock, in seconds since 1970.
        clock_synced: whether `now_s` can be trusted; if not, nothing is deleted by age.
        total_bytes: size of the whole store, with what cannot be deleted.
    """
    free_bytes, free_files = room.bytes, room.files
    oldest_s = now_s - limits.keep_days * DAY_S if clock_synced and limits.keep_days > 0 else None
    staying: list[Segments] = []
    # Age first, in its own pass: it frees space that would otherwise be taken from newer segments.
    for by_age in (True, False):
        for segment in segments if by_age else staying:
            if by_age:
                if oldest_s is None or segment.dated_s is None or segment.dated_s >= oldest_s:
                    staying.append(segment)
                    continue
                reason = "age"
            elif limits.max_bytes > 0 and total_bytes > limits.max_bytes:
                reason = "size"
            elif free_bytes < limits.min_free_bytes or free_files < MIN_FREE_FILES:
                reason = "disk"
            else:
                return
            left = yield Deletion(segment, reason)
            freed = segment.bytes - (left.bytes if left else 0)
            total_bytes -= freed
            free_bytes += freed
            free_files += segment.files - (left.files if left else 0)
