"""Publish speech activity to all consumers: each block is judged once, whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from emoedge.frames import AudioBlock
from emoedge.observations import ActivityChange, AudioActivity

Consumer = Callable[[AudioActivity], None]


class Detector(Protocol):
    """Detects speech in a stream of audio (`emoedge.vad.detector.SpeechActivity`)."""

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
        item = AudioActivity(block, tuple(self._detector.process(block)))
        for consume in self._consumers:
            consume(item)
