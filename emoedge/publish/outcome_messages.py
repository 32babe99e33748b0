"""Which message says which outcome."""

from __future__ import annotations

from emoedge.config import Settings
from emoedge.observations import FacesObservation, VoiceObservation
from emoedge.outcomes import EmotionEvent
from emoedge.pipeline.decisions import EmotionUpdate, Outcome
from emoedge.publish.messages import Message, MessageBuilder, to_json


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


def replay_line(settings: Settings, message: Message) -> str:
    """What `emoedge replay` writes for a message: topic and payload as one JSON line, with its line feed."""
    return to_json({"topic": f"{settings.topic_base}/{message.suffix}", "payload": message.payload}) + "\n"
