"""What the timeline keeps of the values that travel inside the process. Pure; JSON-ready."""

from __future__ import annotations

from typing import Any, Final

from emoedge.emotions import to_mapping
from emoedge.observations import FacesObservation, TextObservation
from emoedge.outcomes import FusedState

DIGITS: Final = 3
"""A thousandth is finer than any curve that is drawn of it."""


def state_payload(state: FusedState) -> dict[str, Any]:
    """The fused state in the shape of the published `emotion` message."""
    return {
        "emotion": state.emotion,
        "confidence": round(state.confidence, DIGITS),
        "probabilities": None if state.probabilities is None else to_mapping(state.probabilities, DIGITS),
        "decided_by": state.decided_by,
        "modalities": {
            opinion.modality: {
                "age_ms": max(0, round(1000 * (state.time_s - opinion.time_s))),
                "probabilities": to_mapping(opinion.probabilities, DIGITS),
                "reliability": round(opinion.reliability, DIGITS),
            }
            for opinion in state.opinions
        },
        **({"reason": state.reason} if state.reason else {}),
    }


def faces_payload(faces: FacesObservation) -> dict[str, Any]:
    """All faces of one frame, in the shape of the published `face` message."""
    return {
        "faces": [
            {
                "id": face.track_id,
                "box": [round(side, 4) for side in (face.box.x, face.box.y, face.box.width, face.box.height)],
                "emotion": face.emotion,
                "quality": round(face.quality, DIGITS),
                "primary": face.primary,
            }
            for face in faces.faces
        ]
    }


def transcript_payload(text: TextObservation) -> dict[str, Any]:
    """The words with their times relative to the end of the utterance, which is where the row stands.

    Relative, because a row knows its place in the segment only when it is written.
    """
    return {
        "text": text.transcript,
        "duration": round(text.end_s - text.start_s, DIGITS),
        "words": [
            {
                "text": word.text,
                "start": round(word.start_s - text.end_s, DIGITS),
                "end": round(word.end_s - text.end_s, DIGITS),
                "confidence": round(word.confidence, DIGITS),
            }
            for word in text.words
        ],
    }
