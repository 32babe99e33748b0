"""From the pipeline's values to messages: pure and deterministic, equal input gives equal bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from emoedge import emotions
from emoedge.clock import Clock, rfc3339
from emoedge.health import Health
from emoedge.observations import FaceObservation, FacesObservation, TextObservation, VoiceObservation
from emoedge.outcomes import EmotionEvent, FusedState, ModalityOpinion
from emoedge.publish.payloads import (
    SCHEMA_VERSION,
    BoxPayload,
    ControlErrorPayload,
    EmotionPayload,
    EventPayload,
    FacePart,
    FacePayload,
    HealthPart,
    HealthPayload,
    HealthState,
    Modalities,
    ModalityState,
    Payload,
    Probabilities,
    RecordingPayload,
    TextPayload,
    VoicePayload,
)
from emoedge.version import __version__

# Digits kept: enough for the use, few enough that noise of the last bits never changes a byte.
SECONDS_DIGITS: Final = 3
BOX_DIGITS: Final = 4
LEVEL_DIGITS: Final = 1
FIGURE_DIGITS: Final = 3
# A refused value is quoted only so far: an answer must not be larger than what provoked it.
QUOTED_CHARACTERS: Final = 64

_WORST_FIRST: Final[tuple[HealthState, ...]] = ("failed", "degraded", "ok", "off")


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """One message on its way out.

    Attributes:
        suffix: topic below `<base>/<device_id>/`, such as "emotion" or "control/record".
        payload: JSON-ready mapping, or a plain value for `status` and `control/<name>`.
        retain: the broker keeps it; these are states, of which only the newest matters.
        spool: must not get lost while the broker is away.
        time_s: when it was true, seconds on the pipeline's clock.
    """

    suffix: str
    payload: dict[str, Any] | str
    retain: bool
    spool: bool
    time_s: float

    @property
    def fields(self) -> Mapping[str, Any]:
        """The payload by the names of its fields; empty for a plain value."""
        return self.payload if isinstance(self.payload, dict) else {}

    def encode(self) -> bytes:
        """The payload's UTF-8 bytes: compact JSON in field order, or the plain value."""
        if isinstance(self.payload, str):
            return self.payload.encode()
        return to_json(self.payload).encode()


def to_json(value: Any) -> str:
    """Compact JSON in the order given, readable Spanish, never NaN."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class MessageBuilder:
    """Builds every message of a device.

    Args:
        device_id: as in the topics.
        clock: turns the pipeline's seconds into wall-clock time.
        transcript: whether `text` carries the words themselves (private, so off).
        media_times: adds the `…_s` fields in media seconds, for `replay`.
    """

    def __init__(
        self, device_id: str, clock: Clock, *, transcript: bool = False, media_times: bool = False
    ) -> None:
        self._device_id = device_id
        self._clock = clock
        self._transcript = transcript
        self._media_times = media_times

    def emotion(self, state: FusedState, since_s: float) -> Message:
        """The fused state; `since_s` is when its emotion became what it is."""
        observed = bool(state.opinions)
        latency_s = max(0.0, self._clock.now_s() - state.observed_s)
        payload = EmotionPayload(
            **self._head(state.time_s),
            emotion=state.emotion,
            confidence=_probability(state.confidence),
            probabilities=_distribution(state.probabilities),
            modalities=_modalities(state),
            decided_by=state.decided_by,
            candidates=state.candidates,
            **self._moment("since", since_s),
            latency_ms=round(latency_s * 1000) if observed else None,
            reason=state.reason,
        )
        return _message("emotion", payload, state.time_s, retain=True)

    def event(self, event: EmotionEvent, recording_id: str | None = None) -> Message:
        """Begin or end of an episode, with the segment that holds it where there is one."""
        time_s = event.started_s if event.ended_s is None else event.ended_s
        payload = EventPayload(
            **self._head(time_s),
            type=event.kind,
            id=event.event_id,
            emotion=event.emotion,
            **self._moment("started", event.started_s),
            **self._moment("ended", event.ended_s),
            peak_confidence=_probability(event.peak_confidence),
            recording=recording_id,
        )
        return _message("event", payload, time_s, spool=True)

    def face(self, faces: FacesObservation) -> Message:
        """All tracked faces, explicitly none when nobody is there."""
        payload = FacePayload(
            **self._head(faces.time_s), faces=tuple(_face_part(face) for face in faces.faces)
        )
        return _message("face", payload, faces.time_s)

    def voice(self, voice: VoiceObservation) -> Message:
        """How one stretch of speech was said."""
        payload = VoicePayload(
            **self._head(voice.end_s),
            **self._stretch(voice.start_s, voice.end_s),
            **_opinion(voice.probabilities),
            snr_db=_finite(voice.snr_db, LEVEL_DIGITS),
            level_dbfs=_finite(voice.level_dbfs, LEVEL_DIGITS),
            final=voice.final,
        )
        return _message("voice", payload, voice.end_s, spool=True)

    def text(self, text: TextObservation) -> Message:
        """Which emotion the words of one utterance carry; the words only where that was asked for."""
        words = {"transcript": text.transcript} if self._transcript else {}
        payload = TextPayload(
            **self._head(text.end_s),
            **self._stretch(text.start_s, text.end_s),
            **_opinion(text.probabilities),
            **words,
        )
        return _message("text", payload, text.end_s, spool=True)

    def health(self, parts: Iterable[Health], time_s: float, uptime_s: float) -> Message:
        """Every source, model and service; of parts with the same name the last one counts."""
        by_name = {part.name: _health_part(part) for part in parts}
        states = {part.state for part in by_name.values()}
        payload = HealthPayload(
            **self._head(time_s),
            version=__version__,
            uptime_s=round(max(0.0, uptime_s), SECONDS_DIGITS),
            state=next((state for state in _WORST_FIRST if state in states), "ok"),
            parts=by_name,
        )
        return _message("health", payload, time_s, retain=True)

    def recording(
        self,
        kind: Literal["started", "finished", "deleted", "failed"],
        recording_id: str,
        time_s: float,
        *,
        path: str | None = None,
        duration_s: float | None = None,
        size_bytes: int | None = None,
        sha256: str | None = None,
        reason: str = "",
    ) -> Message:
        """What happened to a segment on the local disk."""
        payload = RecordingPayload(
            **self._head(time_s),
            type=kind,
            id=recording_id,
            path=path,
            duration=None if duration_s is None else round(max(0.0, duration_s), SECONDS_DIGITS),
            bytes=size_bytes,
            sha256=sha256,
            reason=reason,
        )
        return _message("recording", payload, time_s, spool=True)

    def control(self, name: str, value: str, time_s: float) -> Message:
        """The state of a control, a plain value."""
        return Message(f"control/{name}", value, retain=True, spool=False, time_s=time_s)

    def control_error(self, name: str, value: str, reason: str, suppressed: int = 0) -> Message:
        """A command refused just now, and why."""
        time_s = self._clock.now_s()
        payload = ControlErrorPayload(
            **self._head(time_s),
            control=quote(name),
            value=quote(value),
            reason=reason,
            suppressed=suppressed,
        )
        return _message("control/error", payload, time_s)

    def _head(self, time_s: float) -> dict[str, Any]:
        head: dict[str, Any] = {"schema": SCHEMA_VERSION, "device": self._device_id}
        head |= self._moment("time", time_s)
        head["clock_synced"] = self._clock.synchronized()
        return head

    def _moment(self, name: str, time_s: float | None) -> dict[str, Any]:
        moment: dict[str, Any] = {name: None if time_s is None else rfc3339(self._clock.wall(time_s))}
        if self._media_times:
            moment[f"{name}_s"] = None if time_s is None else round(time_s, SECONDS_DIGITS)
        return moment

    def _stretch(self, start_s: float, end_s: float) -> dict[str, Any]:
        duration = round(max(0.0, end_s - start_s), SECONDS_DIGITS)
        return self._moment("start", start_s) | self._moment("end", end_s) | {"duration": duration}


def quote(text: str) -> str:
    r"""Printable and short: for error messages about what came from outside.

    Backslashes stay as they are: bytes that are no text have become `\xff` before, and must not be escaped twice.
    """
    short = text[: QUOTED_CHARACTERS + 1]
    shown = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in short)
    return shown if len(shown) <= QUOTED_CHARACTERS else shown[: QUOTED_CHARACTERS - 1] + "…"


def _message(
    suffix: str, payload: Payload, time_s: float, *, retain: bool = False, spool: bool = False
) -> Message:
    return Message(suffix, payload.to_json(), retain=retain, spool=spool, time_s=time_s)


def _finite(value: float, digits: int) -> float | None:
    # `+ 0.0` turns the -0.0 that rounding leaves into 0.0.
    return round(float(value), digits) + 0.0 if math.isfinite(value) else None


def _probability(value: float) -> float:
    return min(1.0, max(0.0, _finite(value, 4) or 0.0))


def _distribution(probabilities: emotions.Probabilities | None) -> Probabilities | None:
    if probabilities is None:
        return None
    return Probabilities(**emotions.to_mapping(probabilities))


def _opinion(probabilities: emotions.Probabilities | None) -> dict[str, Any]:
    emotion = None if probabilities is None else emotions.leader(probabilities)
    return {"emotion": emotion, "probabilities": _distribution(probabilities)}


def _modalities(state: FusedState) -> Modalities:
    parts: dict[str, ModalityState | None] = {"face": None, "voice": None, "text": None}
    for opinion in state.opinions:
        parts[opinion.modality] = _modality_state(opinion, state.time_s)
    return Modalities.model_validate(parts)


def _modality_state(opinion: ModalityOpinion, now_s: float) -> ModalityState:
    return ModalityState(
        age_ms=round(max(0.0, now_s - opinion.time_s) * 1000),
        emotion=emotions.leader(opinion.probabilities),
        probabilities=Probabilities(**emotions.to_mapping(opinion.probabilities)),
        reliability=_probability(opinion.reliability),
    )


def _face_part(face: FaceObservation) -> FacePart:
    box = face.box
    return FacePart(
        id=face.track_id,
        box=BoxPayload(
            x=_finite(box.x, BOX_DIGITS) or 0.0,
            y=_finite(box.y, BOX_DIGITS) or 0.0,
            width=max(0.0, _finite(box.width, BOX_DIGITS) or 0.0),
            height=max(0.0, _finite(box.height, BOX_DIGITS) or 0.0),
        ),
        **_opinion(face.probabilities),
        quality=_probability(face.quality),
        quality_reasons=face.quality_reasons,
        primary=face.primary,
    )


def _health_part(health: Health) -> HealthPart:
    figures = {
        name: _finite(value, FIGURE_DIGITS) if isinstance(value, float) else value
        for name, value in health.figures.items()
    }
    return HealthPart(state=health.state, reason=health.reason, figures=figures)
