"""Source of a report: a segment of the store, or an MP4 with its sidecars."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.record.names import ALL_SUFFIXES
from emoedge.record.remux import length_of
from emoedge.record.segment_files import Segment
from emoedge.record.store import Store
from emoedge.record.timeline import read_timeline, read_timeline_text
from emoedge.report.data import MAX_POINTS, ReportData, build
from emoedge.translation import tr

AGREED_S: Final = 5.0
"""Difference between the ends of timeline and recording that is nothing strange: nobody may be there."""


@dataclass(frozen=True)
class ReportSource:
    """A segment, ready to be shown.

    Attributes:
        media: the MP4.
        data: what its timeline says.
    """

    media: Path
    data: ReportData

    @property
    def segment_id(self) -> str:
        """Name of the segment."""
        return self.media.stem

    @property
    def language(self) -> Language:
        """The language that the device was set to."""
        return "en" if self.data.details.get("language") == "en" else "es"


def find_source(name: str, store: Store, max_points: int | None = MAX_POINTS) -> ReportSource:
    """The segment of an id, or of a path to an MP4 (as after an `scp`); `max_points` as in `data.build`.

    Raises:
        RecordingError: there is none, or it has no timeline.
    """
    path = Path(name)
    if path.suffix in ALL_SUFFIXES and path.is_file():
        media = path.with_suffix(".mp4")
        size = sum(
            file.stat().st_size
            for file in (media.with_suffix(suffix) for suffix in ALL_SUFFIXES)
            if file.exists()
        )
        return load(Segment(media.stem, media.parent.name, media, size), max_points)
    return load(store.find(name), max_points)


def load(segment: Segment, max_points: int | None = MAX_POINTS, *, asks_media: bool = True) -> ReportSource:
    """Read a segment's sidecars.

    Args:
        segment: in the store, or copied from one.
        max_points: as in `data.build`.
        asks_media: whether the media says how long it is. The details say it too, without a library that
            takes much memory; they count where they agree with the timeline.

    Raises:
        RecordingError: there is no timeline, or no readable media.
    """
    path = segment.media.with_suffix(".jsonl")
    try:
        timeline = read_timeline(read_timeline_text(path))
    except OSError as error:
        raise RecordingError(
            tr(
                "segment {segment_id} has no timeline: {strerror}",
                segment_id=segment.segment_id,
                strerror=error.strerror or error,
            ),
            tr("copy the .jsonl and .json files along with the .mp4"),
        ) from error
    # Use the duration of the media, because the details may be damaged.
    told_s = segment.duration_s
    try:
        if told_s is not None and not asks_media and abs(told_s - timeline.end_s) <= AGREED_S:
            duration_s = told_s
        else:
            duration_s = length_of(segment.media) if segment.media.is_file() else timeline.end_s
    except OSError as error:
        raise RecordingError(
            tr("cannot read {media}: {strerror}", media=segment.media, strerror=error.strerror or error),
            tr("copy the file again, or delete the segment; run: emoedge recordings list"),
        ) from error
    if duration_s <= 0:
        raise RecordingError(
            tr("segment {segment_id} is empty", segment_id=segment.segment_id),
            tr("choose another one; run: emoedge recordings list"),
        )
    return ReportSource(segment.media, build(timeline, segment.details(), duration_s, max_points))
