"""Summaries of recordings for lists: read from each timeline once and kept in memory."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

from emoedge.errors import RecordingError
from emoedge.record.segment_files import Segment
from emoedge.report.data import ReportData, summarize
from emoedge.report.source import load

logger = logging.getLogger(__name__)

MAX_KEPT: Final = 5_000
"""Summaries in memory, some 500 bytes each."""
MAX_POINTS: Final = 2_000
"""Points of a curve."""


@dataclass(frozen=True, slots=True)
class Felt:
    """Summary of a recording.

    Attributes:
        emotions: seconds of each emotion that was named.
        peak: the surest moment as `{"emotion", "confidence", "at_s"}`, or None.
    """

    emotions: dict[str, float]
    peak: dict[str, Any] | None


class Summaries:
    """Summaries by segment, made again when its files have changed."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, Felt]] = {}

    def of(self, segment: Segment) -> Felt:
        """The summary of a segment; empty where its timeline cannot be read."""
        kept = self._kept.get(segment.segment_id)
        if kept is not None and kept[0] == segment.bytes:
            return kept[1]
        try:
            felt = felt_in(load(segment, MAX_POINTS, asks_media=False).data)
        except RecordingError as error:
            logger.debug("no summary of %s: %s", segment.segment_id, error)
            felt = Felt({}, None)
        self._kept[segment.segment_id] = (segment.bytes, felt)
        if len(self._kept) > MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        return felt


def felt_in(data: ReportData) -> Felt:
    """The summary of what a report shows."""
    seconds: dict[str, float] = {
        name: round(value, 1) for name, value in summarize(data).seconds.items() if value > 0
    }
    peak: dict[str, Any] | None = None
    sure = data.curves["fused"].trust
    for index, emotion in enumerate(data.emotions):
        confidence = float(sure[index])
        if emotion is None or not confidence >= 0:
            continue
        if peak is None or confidence > peak["confidence"]:
            peak = {
                "emotion": emotion,
                "confidence": round(confidence, 3),
                "at_s": round(index * data.step_s, 2),
            }
    return Felt(seconds, peak)
