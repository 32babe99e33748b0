"""Outcomes: what the pipeline yields, and what MQTT messages, timeline and report are made of.

An outcome is a `FacesObservation`, `VoiceObservation`, `TextObservation` (see `emoedge.observations`),
`FusedState`, `StateSummary`, `EmotionEvent`, `HealthReport`, `RecordingChange` or `Snapshot`. Each has
`time_s`, the moment at which it was true, `topic`, the name of its kind in messages and timelines, and
`to_payload()`, its JSON-ready fields.

All `…_s` times are seconds on the monotonic clock of the source (`time.monotonic()` for devices, media time
for files in `replay`); only what leaves the process gets a wall-clock stamp.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from emoedge.emotions import Emotion, Probabilities, leader
from emoedge.health import Health, HealthState
from emoedge.observations import (
    SECONDS_DIGITS,
    FacesObservation,
    Modality,
    TextObservation,
    VoiceObservation,
    finite,
    posterior_payload,
    unit_interval,
)

FIGURE_DIGITS: Final = 3
"""Digits kept of the figures in health."""
SUMMARY_DIGITS: Final = 2
"""Digits kept in a summary: whole percent."""
WITHHELD: Final = ("privacy", "offline")
"""Reasons for which nothing about people is published."""
MOMENTS: Final = ("since_s", "started_s", "ended_s", "start_s", "end_s")
"""Fields of payloads that are moments: sinks give them a wall-clock stamp or count them from a segment's
start."""

_WORST_FIRST: Final[tuple[HealthState, ...]] = ("failed", "degraded", "ok", "off")


@dataclass(frozen=True, slots=True, eq=False)
class ModalityOpinion:
    """One modality's part in a fused state: its posterior, its age and how far it may be trusted."""

    modality: Modality
    time_s: float
    probabilities: Probabilities
    reliability: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class FusedState:
    """The fused emotion at one moment.

    Attributes:
        time_s: the moment.
        probabilities: fused posterior, or None when no modality has an opinion.
        emotion: the decision (the text may have chosen it among the candidates), or None.
        certain: one candidate is left, or the text settled it; False without an emotion.
        confidence: the chance that `emotion` is right, 0..1 (0 without one).
        decided_by: "face", "voice", "text" (text alone, or text chose), "fusion" (face and voice together),
            or None.
        candidates: emotions in doubt, the leader first.
        opinions: what took part; empty when nothing did.
        observed_s: when the newest input behind this state was captured, for the latency.
        reason: why there is no emotion ("nobody", "unsure", "no_opinion", …), else "".
        since_s: since when `emotion` has been what it is.
    """

    topic: ClassVar[str] = "emotion"
    time_s: float
    probabilities: Probabilities | None
    emotion: Emotion | None
    confidence: float
    decided_by: Literal["face", "voice", "text", "fusion"] | None
    candidates: tuple[Emotion, ...] = ()
    opinions: tuple[ModalityOpinion, ...] = ()
    observed_s: float = 0.0
    reason: str = ""
    since_s: float = 0.0
    certain: bool = False

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields."""
        modalities: dict[str, Any] = {"face": None, "voice": None, "text": None}
        for opinion in self.opinions:
            modalities[opinion.modality] = {
                "age_ms": round(max(0.0, self.time_s - opinion.time_s) * 1000),
                "emotion": leader(opinion.probabilities),
                **posterior_payload(opinion.probabilities),
                "reliability": unit_interval(opinion.reliability),
            }
        return {
            "emotion": self.emotion,
            "certain": self.certain,
            "confidence": None if self.emotion is None else unit_interval(self.confidence),
            **posterior_payload(self.probabilities),
            "modalities": modalities,
            "decided_by": self.decided_by,
            "candidates": list(self.candidates),
            "since_s": self.since_s,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, eq=False)
class StateSummary:
    """The fused state for dashboards and recorders, with who is there and whether anybody speaks.

    Attributes:
        time_s: the moment.
        state: what is named at that moment.
        label: the emotion, or why there is none, in the configured language; None while nothing is known.
        present: whether somebody is there; None without a working camera.
        people: number of faces in view; None without a working camera.
        speaking: speech of anybody; None without a working microphone.
    """

    topic: ClassVar[str] = "summary"
    time_s: float
    state: FusedState
    label: str | None
    present: bool | None
    people: int | None
    speaking: bool | None

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields, with no more digits than a recorder should have to keep."""
        state = self.state
        posterior = posterior_payload(state.probabilities, SUMMARY_DIGITS)
        return {
            "emotion": state.emotion,
            "label": self.label,
            "certain": state.certain,
            "candidates": list(state.candidates),
            "confidence": None if state.emotion is None else unit_interval(state.confidence, SUMMARY_DIGITS),
            **posterior,
            "present": self.present,
            "people": self.people,
            "speaking": self.speaking,
            "since_s": None if state.reason in WITHHELD else state.since_s,
            "decided_by": state.decided_by,
            "reason": state.reason,
        }


@dataclass(frozen=True, slots=True)
class EmotionEvent:
    """Begin or end of an episode: one emotion after smoothing and hysteresis.

    Attributes:
        kind: "begin" has no end yet; "end" closes the episode of the same `event_id`.
        event_id: the same in begin and end.
        emotion: of the episode.
        started_s, ended_s: from when to when; `ended_s` is None in "begin".
        peak_confidence: highest confidence so far, 0..1.
        recording: id of the segment that holds it, None where there is none.
    """

    topic: ClassVar[str] = "event"
    kind: Literal["begin", "end"]
    event_id: str
    emotion: Emotion
    started_s: float
    ended_s: float | None
    peak_confidence: float
    recording: str | None = None

    @property
    def time_s(self) -> float:
        """Begin or end, whichever this is."""
        return self.started_s if self.ended_s is None else self.ended_s

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return {
            "type": self.kind,
            "id": self.event_id,
            "emotion": self.emotion,
            "started_s": self.started_s,
            "ended_s": self.ended_s,
            "peak_confidence": unit_interval(self.peak_confidence),
            "recording": self.recording,
        }


@dataclass(frozen=True, slots=True, eq=False)
class HealthReport:
    """State of every source, model and service at one moment.

    Attributes:
        time_s: the moment.
        uptime_s: seconds since the start of the process, or of the file in `replay`.
        parts: of those with the same name the last one counts.
    """

    topic: ClassVar[str] = "health"
    time_s: float
    uptime_s: float
    parts: tuple[Health, ...]

    @property
    def state(self) -> HealthState:
        """The worst of the parts."""
        states = {part.state for part in {part.name: part for part in self.parts}.values()}
        return next((state for state in _WORST_FIRST if state in states), "ok")

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return {
            "uptime_s": round(max(0.0, self.uptime_s), SECONDS_DIGITS),
            "state": self.state,
            "parts": {part.name: _part_payload(part) for part in self.parts},
        }


@dataclass(frozen=True, slots=True)
class RecordingChange:
    """A segment was started, finished or deleted, or could not be written.

    Attributes:
        kind: what happened.
        segment_id: which segment ("" for a failure before one had an id).
        time_s: when it was true.
        path: the MP4, present or future; None where there is none.
        duration_s: length of the segment, once finished.
        bytes: size of the MP4, once finished.
        sha256: digest of the MP4 in hexadecimal, once finished.
        reason: why it started, ended, was deleted or failed; a short phrase.
    """

    topic: ClassVar[str] = "recording"
    kind: Literal["started", "finished", "deleted", "failed"]
    segment_id: str
    time_s: float
    path: Path | None = None
    duration_s: float | None = None
    bytes: int | None = None
    sha256: str | None = None
    reason: str = ""

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return {
            "type": self.kind,
            "id": self.segment_id or "-",
            "path": None if self.path is None else str(self.path),
            "duration": None if self.duration_s is None else round(max(0.0, self.duration_s), SECONDS_DIGITS),
            "bytes": self.bytes,
            "sha256": self.sha256,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A picture that was kept by command.

    Attributes:
        snapshot_id: its name, sortable by time.
        time_s: when it was taken.
        path: the JPEG.
    """

    topic: ClassVar[str] = "snapshot"
    snapshot_id: str
    time_s: float
    path: Path

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return {"id": self.snapshot_id, "path": str(self.path)}


Outcome = (
    FacesObservation
    | VoiceObservation
    | TextObservation
    | FusedState
    | StateSummary
    | EmotionEvent
    | HealthReport
    | RecordingChange
    | Snapshot
)
"""Everything that the pipeline and the recorder tell."""


def _part_payload(health: Health) -> dict[str, Any]:
    figures = {
        name: finite(value, FIGURE_DIGITS) if isinstance(value, float) else value
        for name, value in health.figures.items()
    }
    return {"state": health.state, "reason": health.reason, "figures": figures}
