"""Choice of the segments to delete: by age, by total size, by free space. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Kept:
    """A segment as retention sees it.

    Attributes:
        segment_id: sortable by age.
        bytes: MP4 and sidecars together.
        dated: when it was recorded, by a trusted clock; None if unknown.
    """

    segment_id: str
    bytes: int
    dated: datetime | None


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
class Deletion:
    """A segment to delete, and why: "age", "size" or "disk"."""

    segment_id: str
    reason: str


def plan_deletions(
    segments: Iterable[Kept],
    limits: Limits,
    *,
    free_bytes: int,
    now: datetime,
    clock_synced: bool,
    unfinished_bytes: int = 0,
) -> list[Deletion]:
    """Segments to delete, oldest first.

    Args:
        segments: finished ones; the one being written is never among them.
        limits: the limits of the store.
        free_bytes: free on the disk at present.
        now: the wall clock.
        clock_synced: whether `now` can be trusted; if not, nothing is deleted by age.
        unfinished_bytes: size of segments being written, which counts but cannot be deleted.
    """
    ordered = sorted(segments, key=lambda segment: segment.segment_id)
    deletions: list[Deletion] = []
    staying: list[Kept] = []
    oldest_allowed = now - timedelta(days=limits.keep_days)
    by_age = clock_synced and limits.keep_days > 0
    for segment in ordered:
        if by_age and segment.dated is not None and segment.dated < oldest_allowed:
            deletions.append(Deletion(segment.segment_id, "age"))
            free_bytes += segment.bytes
        else:
            staying.append(segment)
    total = unfinished_bytes + sum(segment.bytes for segment in staying)
    for segment in staying:
        too_much = limits.max_bytes > 0 and total > limits.max_bytes
        if not too_much and free_bytes >= limits.min_free_bytes:
            break
        deletions.append(Deletion(segment.segment_id, "size" if too_much else "disk"))
        total -= segment.bytes
        free_bytes += segment.bytes
    return deletions
