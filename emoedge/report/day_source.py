"""Recordings of days, which tell what happened where the history knows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from emoedge.config import Settings
from emoedge.errors import RecordingError
from emoedge.history import HistorySpan
from emoedge.local_time import Span
from emoedge.record.names import started_of_id
from emoedge.record.segment_files import Segment
from emoedge.record.store import Store
from emoedge.report.source import ReportSource, load
from emoedge.report.strip import unknown_spans, with_recordings


def sources_of(
    settings: Settings, days: Sequence[date], within: Sequence[Span] | None = None
) -> list[ReportSource]:
    """Return the recordings of some days that have a timeline, in order; only those in some spans."""
    store = Store(settings.recording.dir)
    found = []
    for day in days:
        for segment in store.segments(f"{day:%Y-%m-%d}"):
            if within is not None and not _reaches(segment, within):
                continue
            try:
                found.append(load(segment, asks_media=within is None))
            except RecordingError:
                # Of a segment without a timeline only the video exists, which has no results.
                continue
    return found


def _reaches(segment: Segment, spans: Sequence[Span]) -> bool:
    """Return whether a segment has a part in one of the spans."""
    begun_s = started_of_id(segment.segment_id)
    ended_s = begun_s + (segment.duration_s or 0.0)
    return any(begun_s < end.timestamp() and start.timestamp() < ended_s for start, end in spans)


def filled(settings: Settings, span: HistorySpan, days: Sequence[date]) -> HistorySpan:
    """Return the span with what the recordings of some days tell where the history knows nothing."""
    sources = sources_of(settings, days, unknown_spans(span))
    return with_recordings(span, {source.segment_id: source.data for source in sources})
