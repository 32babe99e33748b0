"""Settings of the fusion and of episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from emoedge.config.section import Fraction, Seconds, Section
from emoedge.translation import tr

if TYPE_CHECKING:
    from typing_extensions import Self

FusionMethod = Literal["weighted", "learned"]
VoiceOf = Literal["anyone", "faces"]


class FusionSettings(Section):
    """Fusion of face, voice and text into one state."""

    method: FusionMethod = Field("weighted", description='"weighted" (the rule) or "learned"')
    face_weight: Fraction = Field(0.6, description="Weight of the face; the voice has the remainder to 1")
    margin: Fraction = Field(
        0.2,
        description="Emotions whose probability is within this margin of the highest are candidates; "
        "a text that gives one of them 1/7 or more chooses among them",
    )
    face_max_age_s: Seconds = Field(1.5, description="Maximum age of a face result in the fusion, in seconds")
    voice_max_age_s: Seconds = Field(
        6.0, description="Maximum age of a voice result in the fusion, in seconds"
    )
    text_max_age_s: Seconds = Field(
        4.0,
        description="Maximum age of a text result in the fusion, in seconds after the end of the "
        "utterance, including the delay of the recogniser",
    )
    min_confidence: Fraction = Field(
        0.3, description="Minimum confidence for which an emotion is published; 0 always publishes one"
    )
    hold_s: Seconds = Field(
        1.0,
        description="Seconds for which another result must last before it replaces the published emotion, "
        'including "no opinion"; less if it is clear',
    )
    voice_of: VoiceOf = Field(
        "anyone",
        description='Whose voice and words are used: "anyone", or "faces", which ignores those that '
        "match no mouth in view; they are still published",
    )


class EventSettings(Section):
    """Episodes: when a state begins and ends one."""

    smoothing_s: Seconds = Field(0.8, description="Time constant of the smoothing, in seconds")
    begin_confidence: Fraction = Field(0.5, description="Smoothed probability at which an episode begins")
    end_confidence: Fraction = Field(0.35, description="Smoothed probability at which an episode ends")
    min_duration_s: Seconds = Field(
        0.8, description="Seconds for which an emotion must persist before its episode begins"
    )
    end_after_s: Seconds = Field(
        1.5, description="Seconds for which it must be absent before its episode ends"
    )
    neutral: bool = Field(False, description="Report episodes of neutral too")

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if self.end_confidence > self.begin_confidence:
            raise ValueError(
                tr("end_confidence must not be above begin_confidence, or episodes would flicker")
            )
        return self
