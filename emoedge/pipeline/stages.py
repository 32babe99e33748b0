"""Protocols of the perception stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from emoedge.frames import AudioBlock, Frame
from emoedge.observations import ActivityChange, FacesObservation, TextObservation, VoiceObservation


class ActivityDetector(Protocol):
    """Detects speech in a stream of audio, upstream of voice and text.

    Attributes:
        filtered: the last block without what lies below speech, for the voice.
    """

    filtered: AudioBlock

    def process(self, block: AudioBlock) -> list[ActivityChange]:
        """Return the changes that became known with a block, in order."""
        ...

    def reset(self) -> None:
        """Forget what is under way."""
        ...


class FacePerceiver(Protocol):
    """Finds, follows and judges the faces of one picture after the other.

    Attributes:
        look_factor: how many times rarer than usual the detector is called in, >= 1; may change at any time.
    """

    look_factor: float

    def process(self, frame: Frame) -> FacesObservation:
        """The faces in a frame."""
        ...

    def reset(self) -> None:
        """Forget who is followed."""
        ...

    def forget_people(self) -> None:
        """Forget how the people in the picture look at rest; from any thread."""
        ...

    def renewed(self) -> FacePerceiver:
        """Return a fresh stage that reuses the loaded model. The old one must not be used afterwards."""
        ...


class VoicePerceiver(Protocol):
    """Stage that classifies the emotion in the voice; it takes filtered blocks.

    Attributes:
        hop_s: between two opinions on speech that goes on, seconds; may change at any time.
    """

    hop_s: float

    def process(self, block: AudioBlock, changes: Sequence[ActivityChange]) -> list[VoiceObservation]:
        """Stretches of speech that ended with this block."""
        ...

    def flush(self, time_s: float) -> list[VoiceObservation]:
        """Return the rest at the end of the audio."""
        ...

    def reset(self) -> None:
        """Forget what is under way."""
        ...

    def renewed(self) -> VoicePerceiver:
        """As `FacePerceiver.renewed`."""
        ...


class SpeechPerceiver(Protocol):
    """Understands what is said."""

    def process(self, block: AudioBlock, changes: Sequence[ActivityChange]) -> list[TextObservation]:
        """Utterances that ended with this block."""
        ...

    def flush(self, time_s: float) -> list[TextObservation]:
        """Return the rest at the end of the audio."""
        ...

    def reset(self) -> None:
        """Forget what is under way."""
        ...

    def renewed(self) -> SpeechPerceiver:
        """As `FacePerceiver.renewed`."""
        ...
