"""What the pipeline yields: fused states, episodes and what happened to recordings.

All `time_s` values are seconds on the monotonic clock of the source (`time.monotonic()` for devices, media time for
files in `replay`); only what leaves the process gets a wall-clock stamp.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emoedge.emotions import Emotion, Probabilities
from emoedge.observations import Modality


@dataclass(frozen=True, slots=True, eq=False)
class ModalityOpinion:
    """One modality's part in a fused state: its posterior, its age and how far it may be trusted."""

    modality: Modality
    time_s: float
    probabilities: Probabilities
    reliability: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FusedState:
    """What the fusion says at one moment.

    Attributes:
        time_s: the moment.
        probabilities: fused posterior, or None when no modality has an opinion.
        emotion: the decision (the text may have chosen it among the candidates), or None.
        confidence: probability of `emotion`, 0..1 (0 without one).
        decided_by: "face", "voice", "text" (text alone, or text chose), "fusion" (face and voice together), or None.
        candidates: emotions in doubt, the leader first.
        opinions: what took part; empty when nothing did.
        observed_s: when the newest input behind this state was captured, for the latency.
        reason: why there is no emotion ("nobody", "silent", "quality", …), else "".
    """

    time_s: float
    probabilities: Probabilities | None
    emotion: Emotion | None
    confidence: float
    decided_by: Literal["face", "voice", "text", "fusion"] | None
    candidates: tuple[Emotion, ...] = ()
    opinions: tuple[ModalityOpinion, ...] = ()
    observed_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EmotionEvent:
    """An episode of one emotion after smoothing and hysteresis; `kind` "begin" has no end yet."""

    kind: Literal["begin", "end"]
    event_id: str
    emotion: Emotion
    started_s: float
    ended_s: float | None
    peak_confidence: float


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
