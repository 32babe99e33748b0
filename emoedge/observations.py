"""Results of the stages from frames and audio: small frozen values with units in their names.

All `time_s` values are seconds on the monotonic clock of the source (`time.monotonic()` for devices, media
time for files in `replay`); only what leaves the process gets a wall-clock stamp.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from emoedge.circumplex import affect
from emoedge.emotions import Emotion, Probabilities, leader, to_mapping
from emoedge.frames import AudioBlock

Modality = Literal["face", "voice", "text"]

# Digits in payloads: enough for use, and few enough that noise in the last bits never changes a byte.
SECONDS_DIGITS: Final = 3
PROBABILITY_DIGITS: Final = 4
BOX_DIGITS: Final = 4
LEVEL_DIGITS: Final = 1


STILL: Final = "still"
"""Reason for a face without an emotion that never moves."""

Speaker = int | Literal["unseen", "unknown"]
"""Whose voice it was: the id of a face, nobody in view, or unknown."""
UNSEEN: Final = "unseen"
UNKNOWN: Final = "unknown"
LEVEL_STEP_S: Final = 0.02
"""Seconds over which the level of audio is measured: less than a syllable."""


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in fractions of the frame; x, y is the upper left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Fraction of the frame covered."""
        return self.width * self.height

    def contains(self, x: float, y: float) -> bool:
        """Return whether a point lies inside."""
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height

    @property
    def center(self) -> tuple[float, float]:
        """Middle (x, y), fractions of the frame."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True, eq=False)
class FaceObservation:
    """One tracked face in one frame.

    Attributes:
        track_id: stable while the face is followed; says nothing about who it is.
        box: where it is.
        landmarks: float32 (n, 2), fractions of the frame, or None.
        probabilities: calibrated posterior, or None where the quality is too poor for an opinion.
        quality: 0 (useless) to 1 (large, sharp, frontal, well lit).
        primary: the one face that the fusion listens to.
        quality_reasons: what lowers the quality, such as ("small", "blurred"); "still" for what never moves.
        adapted: number of looks that the person's baseline rests on.
        moved: False as long as it has not moved since it came into view: it may be a photograph.
        mouth_movement: of the mouth since the frame before, 0 to about 1; None where the mouth is not seen.
    """

    track_id: int
    box: Box
    probabilities: Probabilities | None
    quality: float
    primary: bool = False
    landmarks: NDArray[np.float32] | None = None
    quality_reasons: tuple[str, ...] = ()
    adapted: int = 0
    moved: bool = True
    mouth_movement: float | None = None

    @property
    def still(self) -> bool:
        """Whether this is a photograph or a poster: it is nobody."""
        return STILL in self.quality_reasons

    @property
    def emotion(self) -> Emotion | None:
        """The most probable emotion, or None without an opinion."""
        return None if self.probabilities is None else leader(self.probabilities)

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields."""
        box = self.box
        return {
            "id": self.track_id,
            "box": {
                "x": finite(box.x, BOX_DIGITS) or 0.0,
                "y": finite(box.y, BOX_DIGITS) or 0.0,
                "width": max(0.0, finite(box.width, BOX_DIGITS) or 0.0),
                "height": max(0.0, finite(box.height, BOX_DIGITS) or 0.0),
            },
            **_opinion(self.probabilities),
            "quality": unit_interval(self.quality),
            "quality_reasons": list(self.quality_reasons),
            "primary": self.primary,
            "adapted": self.adapted,
        }


@dataclass(frozen=True, slots=True, eq=False)
class FacesObservation:
    """All faces in one frame; without any, or with still ones alone, nobody is there."""

    topic: ClassVar[str] = "face"
    time_s: float
    faces: tuple[FaceObservation, ...]

    @property
    def primary(self) -> FaceObservation | None:
        """The primary face, if there is one."""
        return next((face for face in self.faces if face.primary), None)

    @property
    def people(self) -> int:
        """Number of faces that are somebody's."""
        return sum(not face.still for face in self.faces)

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return {"faces": [face.to_payload() for face in self.faces]}


@dataclass(frozen=True, slots=True, eq=False)
class VoiceObservation:
    """Voice result of one stretch of speech.

    Attributes:
        start_s, end_s: the stretch, seconds.
        probabilities: calibrated posterior, or None where there is too little to go by.
        snr_db: estimated signal-to-noise ratio of the speech, dB.
        level_dbfs: mean level of the speech, dB relative to full scale (<= 0).
        final: True for the last stretch of an utterance.
        speaker: whose voice it was.
    """

    topic: ClassVar[str] = "voice"
    start_s: float
    end_s: float
    probabilities: Probabilities | None
    snr_db: float
    level_dbfs: float
    final: bool = False
    speaker: Speaker = UNKNOWN

    @property
    def time_s(self) -> float:
        """End of the window."""
        return self.end_s

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return {
            **_window(self.start_s, self.end_s),
            **_opinion(self.probabilities),
            "snr_db": finite(self.snr_db, LEVEL_DIGITS),
            "level_dbfs": finite(self.level_dbfs, LEVEL_DIGITS),
            "final": self.final,
            "speaker": self.speaker,
        }


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word: start and end in seconds, confidence 0..1."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class TextObservation:
    """Transcript of one utterance and the emotion of its words.

    Attributes:
        start_s, end_s: first to last word, seconds.
        transcript: lower case, no punctuation; stays inside the process unless publishing it was asked for.
        probabilities: calibrated posterior, or None for text without an opinion.
        words: with times, for subtitles and the report.
        speaker: whose voice it was.
    """

    topic: ClassVar[str] = "text"
    start_s: float
    end_s: float
    transcript: str
    probabilities: Probabilities | None
    words: tuple[Word, ...] = ()
    speaker: Speaker = UNKNOWN

    @property
    def time_s(self) -> float:
        """End of the last word."""
        return self.end_s

    def to_payload(self) -> dict[str, Any]:
        """JSON-ready fields; publishing leaves out the words unless they were asked for."""
        return {
            **_window(self.start_s, self.end_s),
            **_opinion(self.probabilities),
            "speaker": self.speaker,
            "transcript": self.transcript,
            "words": [
                {
                    "text": word.text,
                    "start_s": word.start_s,
                    "end_s": word.end_s,
                    "confidence": unit_interval(word.confidence),
                }
                for word in self.words
            ],
        }


@dataclass(frozen=True, slots=True)
class SpeechObservation:
    """Whether anybody speaks, and so that the microphone is heard.

    Attributes:
        time_s: end of the sound that shows it.
        speaking: speech of anybody, seen or not.
    """

    time_s: float
    speaking: bool


@dataclass(frozen=True, slots=True)
class SoundLevel:
    """Level of a stretch of audio.

    Attributes:
        time_s: its start.
        levels_db: of each LEVEL_STEP_S of it, dB of full scale.
    """

    time_s: float
    levels_db: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ActivityChange:
    """Speech began or ended.

    Attributes:
        speaking: True for a beginning.
        time_s: when it really began or ended, on the source's clock; at or before the end of the block.
        pause: a short pause began or ended within speech; a pause that grows long is followed by the end
            itself.
    """

    speaking: bool
    time_s: float
    pause: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class AudioActivity:
    """An audio block and the changes of speech activity that became known with it.

    Attributes:
        block: as it was captured.
        filtered: the same without what lies below speech (`emoedge.high_pass`).
        changes: in order.
    """

    block: AudioBlock
    filtered: AudioBlock
    changes: tuple[ActivityChange, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.block.duration_s

    def after_loss(self, lost: Sequence[AudioActivity]) -> AudioActivity:
        """Return this item behind a gap; beginnings and ends of speech in the lost audio are kept."""
        kept = [change for item in lost for change in item.changes if not change.pause]
        blocks = [item.block for item in lost]
        return AudioActivity(
            self.block.after_loss(blocks), self.filtered.after_loss(blocks), (*kept, *self.changes)
        )


def finite(value: float, digits: int) -> float | None:
    """A number rounded for a payload, or None where it is not finite."""
    # `+ 0.0` turns the -0.0 that rounding leaves into 0.0.
    return round(float(value), digits) + 0.0 if math.isfinite(value) else None


def unit_interval(value: float, digits: int = PROBABILITY_DIGITS) -> float:
    """A probability or share rounded for a payload, within 0 and 1."""
    return min(1.0, max(0.0, finite(value, digits) or 0.0))


def posterior_payload(
    probabilities: Probabilities | None, digits: int = PROBABILITY_DIGITS
) -> dict[str, Any]:
    """A posterior with its valence and arousal, JSON-ready; null without one."""
    if probabilities is None:
        return {"probabilities": None, "valence": None, "arousal": None}
    valence, arousal = affect(probabilities)
    return {
        "probabilities": to_mapping(probabilities, digits),
        "valence": finite(valence, digits),
        "arousal": finite(arousal, digits),
    }


def _opinion(probabilities: Probabilities | None) -> dict[str, Any]:
    emotion = None if probabilities is None else leader(probabilities)
    return {"emotion": emotion, **posterior_payload(probabilities)}


def _window(start_s: float, end_s: float) -> dict[str, Any]:
    duration_s = round(max(0.0, end_s - start_s), SECONDS_DIGITS)
    return {"start_s": start_s, "end_s": end_s, "duration": duration_s}
