"""What the recorder tells the rest of the process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NoticeType = Literal["started", "finished", "deleted", "failed"]


@dataclass(frozen=True, slots=True)
class RecordingNotice:
    """A segment was started, finished or deleted, or could not be written.

    Attributes:
        type: what happened.
        segment_id: which segment ("" for a failure before one had an id).
        time_s: when it was true, seconds on the pipeline's clock.
        path: the MP4, present or future; None where there is none.
        duration_s: length of the segment, once finished.
        bytes: size of the MP4, once finished.
        sha256: digest of the MP4 in hexadecimal, once finished.
        reason: why it started, ended, was deleted or failed; a short phrase.
    """

    type: NoticeType
    segment_id: str
    time_s: float
    path: Path | None = None
    duration_s: float | None = None
    bytes: int | None = None
    sha256: str | None = None
    reason: str = ""
