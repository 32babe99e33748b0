"""Which message says which outcome."""

from __future__ import annotations

from emoedge.pipeline.decisions import EmotionUpdate, Outcome
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.types import EmotionEvent, FacesObservation, VoiceObservation


def message_of(builder: MessageBuilder, outcome: Outcome, recording_id: str | None = None) -> Message:
    """The message that says an outcome; `recording_id` is for events."""
    if isinstance(outcome, EmotionUpdate):
        return builder.emotion(outcome.state, outcome.since_s)
    if isinstance(outcome, EmotionEvent):
        return builder.event(outcome, recording_id)
    if isinstance(outcome, FacesObservation):
        return builder.face(outcome)
    if isinstance(outcome, VoiceObservation):
        return builder.voice(outcome)
    return builder.text(outcome)
