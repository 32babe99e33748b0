"""Settings of the modalities: face, voice and speech."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from emoedge.config.section import Fraction, Seconds, Section
from emoedge.translation import tr


def _inside_the_picture(part: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x, y, width, height = part
    if width <= 0 or height <= 0 or x + width > 1 or y + height > 1:
        raise ValueError(tr("must be inside the frame and not empty: x + width and y + height at most 1"))
    return part


def _parts_from_text(value: Any) -> Any:
    """Return a list from the text of an environment variable; return anything else unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(tr("must be a list such as [[0.6, 0.1, 0.3, 0.35]]")) from None


IgnoredPart = Annotated[tuple[Fraction, Fraction, Fraction, Fraction], AfterValidator(_inside_the_picture)]


class FaceSettings(Section):
    """Face detection and emotion recognition."""

    enabled: bool = Field(True, description="Enable face detection and emotion recognition")
    max_faces: int = Field(
        4, ge=1, le=16, description="Maximum number of faces tracked at a time; the largest are preferred"
    )
    min_size: Fraction = Field(
        0.06, description="Minimum size of a face, as a fraction of the shorter side of the frame"
    )
    min_quality: Fraction = Field(0.15, description="Minimum quality for which a face gets an emotion")
    still_s: Seconds = Field(
        10.0,
        description=(
            "Seconds without movement after which a new face is treated as a photograph; 0 "
            "treats every face as a person"
        ),
    )
    ignore: Annotated[tuple[IgnoredPart, ...], BeforeValidator(_parts_from_text)] = Field(
        (),
        description=(
            "Parts of the frame in which faces are ignored, such as a television: [[x, y, "
            "width, height], …] in fractions of the frame, from the upper left corner"
        ),
    )
    adapt: bool = Field(
        True,
        description="Adapt to each person's resting face while it is tracked (without identification)",
    )


class VoiceSettings(Section):
    """Voice emotion recognition: how something is said."""

    enabled: bool = Field(True, description="Enable voice emotion recognition")
    adapt: bool = Field(
        True,
        description="Adapt to the person and the room with running statistics, without identifying anyone",
    )


class SpeechSettings(Section):
    """Speech recognition and text emotion recognition: what is said."""

    enabled: bool = Field(True, description="Enable speech recognition and text emotion recognition")
    engine: Literal["vosk", "whisper"] = Field(
        "vosk", description="Speech recogniser; whisper needs the extra `whisper`"
    )
    model: str = Field(
        "vosk-model-small-es-0.42",
        min_length=1,
        description="Name of a model in the models directory, or a path",
    )
