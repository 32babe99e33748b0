"""Outcome to message: topic, payload model and delivery of each kind of outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from emoedge.observations import FacesObservation, TextObservation, VoiceObservation
from emoedge.outcomes import EmotionEvent, FusedState, HealthReport, Outcome, RecordingChange
from emoedge.publish.payloads import (
    EmotionPayload,
    EventPayload,
    FacePayload,
    HealthPayload,
    Payload,
    RecordingPayload,
    TextPayload,
    VoicePayload,
)


@dataclass(frozen=True, slots=True)
class OutcomeTopic:
    """Where one kind of outcome goes.

    Attributes:
        suffix: topic below `<base>/<device_id>/`.
        model: what its payload must be.
        retain: the broker keeps the last one: a state.
        spool: must be delivered later if the broker is away.
    """

    suffix: str
    model: type[Payload]
    retain: bool = False
    spool: bool = False


TOPICS: Final[dict[type[Outcome], OutcomeTopic]] = {
    FusedState: OutcomeTopic("emotion", EmotionPayload, retain=True),
    EmotionEvent: OutcomeTopic("event", EventPayload, spool=True),
    FacesObservation: OutcomeTopic("face", FacePayload),
    VoiceObservation: OutcomeTopic("voice", VoicePayload, spool=True),
    TextObservation: OutcomeTopic("text", TextPayload, spool=True),
    HealthReport: OutcomeTopic("health", HealthPayload, retain=True),
    RecordingChange: OutcomeTopic("recording", RecordingPayload, spool=True),
}
"""By the outcome's class."""
