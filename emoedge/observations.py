"""What the stages find in frames and audio: small frozen values with units in their names.

All `time_s` values are seconds on the monotonic clock of the source (`time.monotonic()` for devices, media time for
files in `replay`); only what leaves the process gets a wall-clock stamp.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import Emotion, Probabilities

Modality = Literal["face", "voice", "text"]


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
        quality_reasons: what lowers the quality, such as ("small", "blurred").
    """

    track_id: int
    box: Box
    probabilities: Probabilities | None
    quality: float
    primary: bool = False
    landmarks: NDArray[np.float32] | None = None
    quality_reasons: tuple[str, ...] = ()

    @property
    def emotion(self) -> Emotion | None:
        """The most probable emotion, or None without an opinion."""
        from emoedge.emotions import leader

        return None if self.probabilities is None else leader(self.probabilities)


@dataclass(frozen=True, slots=True, eq=False)
class FacesObservation:
    """All faces in one frame; an empty tuple says that nobody is there."""

    time_s: float
    faces: tuple[FaceObservation, ...]

    @property
    def primary(self) -> FaceObservation | None:
        """The primary face, if there is one."""
        return next((face for face in self.faces if face.primary), None)


@dataclass(frozen=True, slots=True, eq=False)
class VoiceObservation:
    """How one stretch of speech was said.

    Attributes:
        start_s, end_s: the stretch, seconds.
        probabilities: calibrated posterior, or None where there is too little to go by.
        snr_db: estimated signal-to-noise ratio of the speech, dB.
        level_dbfs: mean level of the speech, dB relative to full scale (<= 0).
        final: True for the last stretch of an utterance.
        adapted_count: utterances behind the running statistics used (0: none).
    """

    start_s: float
    end_s: float
    probabilities: Probabilities | None
    snr_db: float
    level_dbfs: float
    final: bool = False
    adapted_count: int = 0


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word: start and end in seconds, confidence 0..1."""

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class TextObservation:
    """What was said in one utterance, and which emotion the words carry.

    Attributes:
        start_s, end_s: first to last word, seconds.
        transcript: lower case, no punctuation; stays inside the process unless publishing it was asked for.
        probabilities: calibrated posterior, or None for text without an opinion.
        words: with times, for subtitles and the report.
        available_s: time on the source's clock when the result was ready.
    """

    start_s: float
    end_s: float
    transcript: str
    probabilities: Probabilities | None
    words: tuple[Word, ...] = ()
    available_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ActivityChange:
    """Speech began or ended.

    Attributes:
        speaking: True for a beginning.
        time_s: when it really began or ended, on the source's clock; at or before the end of the block.
        pause: a short pause began or ended within speech; a pause that grows long is followed by the end itself.
    """

    speaking: bool
    time_s: float
    pause: bool = False
