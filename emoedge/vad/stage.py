"""Publish speech activity to all consumers: each block is judged once, whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from emoedge.frames import AudioBlock
from emoedge.observations import ActivityChange, AudioActivity, SpeechObservation
from emoedge.rate_limit import Pacer

TOLD_HZ: Final = 1.0
"""Seconds between two reports without a change: they show that the microphone works."""

Consumer = Callable[[AudioActivity], None]


class Detector(Protocol):
    """Detects speech in a stream of audio (`emoedge.vad.detector.SpeechActivity`).

    Attributes:
        filtered: the last block without what lies below speech.
    """

    filtered: AudioBlock

    def process(self, block: AudioBlock) -> list[ActivityChange]:
        """Return the changes that became known with a block, in order."""
        ...


class ActivityStage:
    """Hands each block on with the changes of speech activity in it.

    Args:
        detector: used by this stage alone.
        consumers: called in turn with every block; they must not wait.
    """

    def __init__(self, detector: Detector, consumers: Sequence[Consumer]) -> None:
        self._detector = detector
        self._consumers = tuple(consumers)

    def process(self, block: AudioBlock) -> None:
        """Take the next block of the stream."""
        changes = tuple(self._detector.process(block))
        item = AudioActivity(block, self._detector.filtered, changes)
        for consume in self._consumers:
            consume(item)


class SpeechPresence:
    """Whether anybody speaks, at each change and once a second."""

    def __init__(self) -> None:
        self._pacer = Pacer(TOLD_HZ)
        self._speaking = False

    def reset(self) -> None:
        """Start a new stream."""
        self._pacer.reset()
        self._speaking = False

    def take(self, end_s: float, changes: Sequence[ActivityChange]) -> SpeechObservation | None:
        """Take the changes in a block of audio.

        Args:
            end_s: end of the block.
            changes: speech activity that became known with it; a pause in an utterance is speech.

        Returns:
            What to tell, or None.
        """
        before = self._speaking
        for change in changes:
            if not change.pause:
                self._speaking = change.speaking
        if self._pacer.due(end_s) or self._speaking != before:
            return SpeechObservation(end_s, self._speaking)
        return None
