"""One speech activity detector for two listeners: voice and speech hear the same sound, it is judged once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

from emoedge.frames import AudioBlock

Answer = TypeVar("Answer")
Result_co = TypeVar("Result_co", covariant=True)

# Answers kept for a listener that is behind: two minutes of 100 ms blocks, more than any queue holds.
KEPT: Final = 1200


class Detector(Protocol[Result_co]):
    """Judges one block of a stream after the other."""

    def process(self, block: AudioBlock) -> Result_co:
        """What became known with this block."""
        ...

    def reset(self) -> None:
        """Forget what is under way."""
        ...


class SharedActivity(Generic[Answer]):
    """Runs a detector once per block, whichever listener comes first; safe from several threads.

    A listener that falls behind, or that died and was built again, gets the answers that the other one's asking
    has left.

    Args:
        make: makes the detector, on the first block.
    """

    def __init__(self, make: Callable[[], Detector[Answer]]) -> None:
        self._make = make
        self._detector: Detector[Answer] | None = None
        self._lock = threading.Lock()
        self._answers: OrderedDict[float, Answer] = OrderedDict()

    def process(self, block: AudioBlock) -> Answer:
        """The detector's answer for a block; blocks are told apart by their time."""
        with self._lock:
            if block.time_s in self._answers:
                return self._answers[block.time_s]
            if self._detector is None:
                self._detector = self._make()
            answer = self._answers[block.time_s] = self._detector.process(block)
            while len(self._answers) > KEPT:
                self._answers.popitem(last=False)
            return answer

    def reset(self) -> None:
        """Forget what is under way."""
        with self._lock:
            self._answers.clear()
            if self._detector is not None:
                self._detector.reset()
