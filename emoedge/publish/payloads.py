"""Payload of each topic: one frozen model per payload, whose field order and types are the contract.

The models are the single source: messages are built through them (emoedge.publish.messages), and the
JSON Schemas in emoedge/publish/schemas are generated from them. Fields ending in `_s` are seconds of
media time; they are there in `replay` only, where a wall clock means nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from emoedge.emotions import Emotion

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Affect = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]
Valence = Annotated[Affect | None, Field(description="Unpleasant (-1) to pleasant (1), of `probabilities`")]
Arousal = Annotated[Affect | None, Field(description="Calm (-1) to excited (1), of `probabilities`")]
Speaker = Annotated[
    Annotated[int, Field(ge=0)] | Literal["unseen", "unknown"],
    Field(
        description="Id of the face whose mouth moved with the voice, `unseen` where no mouth in view did, "
        "or `unknown`"
    ),
]
HealthState = Literal["ok", "degraded", "failed", "off"]

Timestamp = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        description="RFC 3339, UTC, milliseconds",
        json_schema_extra={"format": "date-time"},
    ),
]


class Part(BaseModel):
    """Base of everything inside a payload: nothing unknown, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Payload(Part):
    """Head of every JSON payload."""

    schema_: Literal[1] = Field(
        alias="schema", description="Counts incompatible changes of the payload; a new field is not one"
    )
    device: str = Field(min_length=1, description="Device id, as in the topic")
    time: Timestamp = Field(description="When it was true, not when it was sent")
    time_s: Finite | None = Field(None, description="Media time of the same moment, seconds (replay only)")
    clock_synced: bool = Field(description="Whether the wall clock could be believed")

    @classmethod
    def schema_version(cls) -> int:
        """The value of `schema`."""
        return int(get_args(cls.model_fields["schema_"].annotation)[0])

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values in field order: what was set, null included; what was never set is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class SpooledPayload(Payload):
    """Head of what waits for a broker that is away."""

    late: bool = Field(description="Sent more than 10 s after `time`, or found on the disk at a start")


class Probabilities(Part):
    """One number a class, in the fixed order, four digits, summing to one within 0.001."""

    anger: Probability
    disgust: Probability
    fear: Probability
    happiness: Probability
    sadness: Probability
    surprise: Probability
    neutral: Probability


class RoundedProbabilities(Probabilities):
    """One number a class, in the fixed order, two digits."""


class ModalityState(Part):
    """One modality's part in the fused state."""

    age_ms: int = Field(ge=0, description="Age of the opinion when the state was fused, milliseconds")
    emotion: Emotion
    probabilities: Probabilities
    valence: Valence
    arousal: Arousal
    reliability: Probability = Field(description="How far the fusion trusted it, 0 to 1")


class Modalities(Part):
    """The three modalities; null for one that took no part."""

    face: ModalityState | None
    voice: ModalityState | None
    text: ModalityState | None


class EmotionPayload(Payload):
    """`emotion`: the fused state. Retained."""

    schema_: Literal[2] = Field(  # type: ignore[assignment]
        alias="schema",
        description="2 since `confidence` is the chance to be right, and null without an emotion",
    )
    emotion: Emotion | None = Field(description="What is named; null without it")
    certain: bool = Field(description="One candidate is left, or the text settled it")
    confidence: Probability | None = Field(description="Chance that `emotion` is right; null without one")
    probabilities: Probabilities | None = Field(description="Fused; null when no modality has an opinion")
    valence: Valence
    arousal: Arousal
    modalities: Modalities
    decided_by: Literal["face", "voice", "text", "fusion"] | None
    candidates: tuple[Emotion, ...] = Field(description="Emotions in doubt, the leader first")
    since: Timestamp = Field(description="Since when `emotion` has been what it is")
    since_s: Finite | None = Field(None, description="Media time of `since`, seconds (replay only)")
    latency_ms: int | None = Field(
        ge=0, description="From the capture of the newest input to this message; null when there was none"
    )
    reason: str = Field(description="Why there is no emotion; empty when there is one")


class SummaryPayload(Payload):
    """`summary`: the fused state for dashboards and recorders, throttled. Retained."""

    emotion: Emotion | None = Field(description="What is named; null without it")
    label: str | None = Field(
        description="`emotion` in the configured language, or `no opinion`, `nobody`, `private`; null while "
        "nothing is known"
    )
    certain: bool = Field(description="One candidate is left, or the text settled it")
    candidates: tuple[Emotion, ...] = Field(description="Emotions in doubt, the leader first")
    confidence: Probability | None = Field(description="Chance that `emotion` is right; null without one")
    probabilities: RoundedProbabilities | None = Field(
        description="Fused; null when no modality has an opinion"
    )
    valence: Valence
    arousal: Arousal
    present: bool | None = Field(description="Somebody is there; null without a working camera")
    people: Annotated[int, Field(ge=0)] | None = Field(
        description="Faces in view; null without a working camera"
    )
    speaking: bool | None = Field(description="Speech of anybody; null without a working microphone")
    since: Timestamp | None = Field(description="Since when `emotion` has been what it is")
    since_s: Finite | None = Field(None, description="Media time of `since`, seconds (replay only)")
    decided_by: Literal["face", "voice", "text", "fusion"] | None
    reason: str = Field(description="Why there is no emotion; empty when there is one")
    latency_ms: int | None = Field(
        ge=0, description="From the capture of the newest input to this message; null when there was none"
    )


class EventPayload(SpooledPayload):
    """`event`: an episode of one emotion begins or ends."""

    type: Literal["begin", "end"]
    id: str = Field(min_length=1, description="The same in `begin` and `end`")
    emotion: Emotion
    started: Timestamp
    started_s: Finite | None = Field(None, description="Media time of `started`, seconds (replay only)")
    ended: Timestamp | None = Field(description="Null in `begin`")
    ended_s: Finite | None = Field(None, description="Media time of `ended`, seconds (replay only)")
    peak_confidence: Probability
    recording: str | None = Field(description="Id of the segment that holds it, or null")


class BoxPayload(Part):
    """A rectangle in fractions of the frame; x, y is the upper left corner and may lie outside."""

    x: Finite
    y: Finite
    width: NotNegative
    height: NotNegative


class FacePart(Part):
    """One tracked face."""

    id: int = Field(ge=0, description="Stable while the face is followed; says nothing about who it is")
    box: BoxPayload
    emotion: Emotion | None
    probabilities: Probabilities | None = Field(description="Null where the quality allows no opinion")
    valence: Valence
    arousal: Arousal
    quality: Probability
    quality_reasons: tuple[str, ...]
    primary: bool = Field(description="The one face that the fusion listens to")
    adapted: int = Field(ge=0, description="Number of looks that the baseline of this person rests on")


class FacePayload(Payload):
    """`face`: all tracked faces; an empty list says that nobody is there."""

    faces: tuple[FacePart, ...]


class SpeechPayload(SpooledPayload):
    """What the messages about speech have in common. `time` is its end."""

    id: str = Field(min_length=1, description="The same when the message comes twice")
    start: Timestamp
    start_s: Finite | None = Field(None, description="Media time of `start`, seconds (replay only)")
    end: Timestamp
    end_s: Finite | None = Field(None, description="Media time of `end`, seconds (replay only)")
    duration: NotNegative = Field(description="Seconds")
    emotion: Emotion | None
    probabilities: Probabilities | None
    valence: Valence
    arousal: Arousal


class VoicePayload(SpeechPayload):
    """`voice`: how one stretch of speech was said. `time` is its end."""

    probabilities: Probabilities | None = Field(description="Null where there was too little to go by")
    snr_db: Finite | None = Field(description="Signal-to-noise ratio, dB; null when unknown")
    level_dbfs: Finite | None = Field(description="Mean level, dB of full scale; null for digital silence")
    final: bool = Field(description="Last stretch of an utterance")
    speaker: Speaker


class TextPayload(SpeechPayload):
    """`text`: which emotion the words of one utterance carry. `time` is its end."""

    probabilities: Probabilities | None = Field(description="Null for words without an opinion")
    speaker: Speaker
    transcript: str | None = Field(None, description="There only where publish.transcript = true")


class HealthPart(Part):
    """State of one source, model or service."""

    state: HealthState
    reason: str = Field(description="Empty when ok, else a sentence with what to do, in English")
    reason_text: str = Field(description="The same in the configured language")
    figures: dict[str, Finite | int | str | None] = Field(
        description="Frame rate, drops, latencies, depths …; units are in the names"
    )


class HealthPayload(Payload):
    """`health`: every source, model and service by name. Retained."""

    version: str
    started: Timestamp = Field(description="Start of the process")
    uptime_s: NotNegative
    state: HealthState = Field(description="The worst of the parts")
    parts: dict[str, HealthPart]


class RecordingPayload(SpooledPayload):
    """`recording`: what happened to a segment on the local disk."""

    type: Literal["started", "finished", "deleted", "failed"]
    id: str = Field(min_length=1)
    path: str | None = Field(description="Where the segment is (or was) on the device; null if nowhere")
    duration: NotNegative | None = Field(description="Seconds; null while it is not known")
    bytes: Annotated[int, Field(ge=0)] | None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    reason: str = Field(description="Why it failed or was deleted, in English; empty otherwise")
    reason_text: str = Field(description="`reason` in the language of the device")


class SnapshotPayload(Payload):
    """`snapshot`: a picture that was kept on the local disk by command; the picture itself is not sent."""

    id: str = Field(min_length=1)
    path: str = Field(description="Where the picture is on the device")


class PicturePayload(Payload):
    """`picture`: whether somebody watches the camera's picture at present; the picture itself is not sent."""

    on: bool
    until: Timestamp | None = Field(None, description="When it ends unless it is asked for again")
    viewers: Annotated[int, Field(ge=0)] | None = Field(None, description="Number of viewers")


class ControlErrorPayload(Payload):
    """`control/error`: a command that changed nothing, and why."""

    control: str = Field(description="Name of the control as it was addressed, shortened")
    value: str = Field(description="The refused value, shortened, unprintable characters escaped")
    reason: str = Field(min_length=1, description="What is wrong, in English")
    reason_text: str = Field(min_length=1, description="`reason` in the language of the device")
    suppressed: int = Field(ge=0, description="Further refusals since the last message of this kind")


PAYLOADS: Final[dict[str, type[Payload]]] = {
    "emotion": EmotionPayload,
    "summary": SummaryPayload,
    "event": EventPayload,
    "face": FacePayload,
    "voice": VoicePayload,
    "text": TextPayload,
    "health": HealthPayload,
    "recording": RecordingPayload,
    "snapshot": SnapshotPayload,
    "picture": PicturePayload,
    "control/error": ControlErrorPayload,
}
"""Model of each JSON topic, by topic suffix. `status` and `control/<name>` are plain values."""
