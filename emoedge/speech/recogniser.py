"""Protocol of a speech recogniser: audio in, utterances out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from emoedge.frames import SAMPLE_RATE_HZ
from emoedge.observations import Word


@dataclass(frozen=True, slots=True)
class Utterance:
    """A final result: at least one word.

    Attributes:
        words: in order, with times.
        text: the words, lower case, single spaces, no punctuation.
        start_s, end_s: start of the first and end of the last word, seconds, on the clock of `words`.
    """

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """The transcript."""
        return " ".join(word.text for word in self.words)

    @property
    def start_s(self) -> float:
        """Start of the first word."""
        return self.words[0].start_s

    @property
    def end_s(self) -> float:
        """End of the last word."""
        return self.words[-1].end_s

    def shifted(self, clock: SampleClock) -> Utterance:
        """The same utterance on the source's clock."""
        words = (
            replace(word, start_s=clock.at(word.start_s), end_s=clock.at(word.end_s, end=True))
            for word in self.words
        )
        return Utterance(tuple(words))


@runtime_checkable
class Recogniser(Protocol):
    """A speech recogniser for one stream of sound, used from one thread.

    Times in its results are seconds of sound accepted since it was made: where sound was left
    out between two calls, `SampleClock` leads back to the source's clock.
    """

    def accept(self, samples: NDArray[np.int16]) -> list[Utterance]:
        """Take int16 (n,) at 16 kHz; return what became known, in order, often nothing.

        The results do not depend on how the sound is cut into calls.
        """
        ...

    def finish(self) -> Utterance | None:
        """End the utterance now and return it, or None when there was none; more sound may follow."""
        ...

    def reset(self) -> None:
        """Forget the utterance in progress."""
        ...

    def renew(self) -> None:
        """Forget all that was ever heard, the time and what was adapted to it too; the model stays loaded."""
        ...


SEAM_S: Final = 0.002
"""Time stamps of live sound jitter; below this two blocks count as seamless."""

_HALF_SAMPLE_S: Final = 0.5 / SAMPLE_RATE_HZ


class SampleClock:
    """Source time of each second of audio fed to a recogniser."""

    def __init__(self) -> None:
        self._anchors: list[tuple[float, float]] = []
        self._fed = 0

    @property
    def fed_s(self) -> float:
        """Seconds fed so far."""
        return self._fed / SAMPLE_RATE_HZ

    def feed(self, time_s: float, count: int) -> None:
        """Say that `count` samples captured from `time_s` on are fed next."""
        offset = time_s - self.fed_s
        # A new anchor only where the audio has a gap, so that the list stays short.
        if not self._anchors or abs(offset - self._anchors[-1][1]) > SEAM_S:
            self._anchors.append((self.fed_s, offset))
        self._fed += count

    def at(self, fed_s: float, *, end: bool = False) -> float:
        """The source's time of a second of fed sound.

        Where two stretches meet, it is the start of the second; with `end`, the end of the first.
        """
        if not self._anchors:
            raise ValueError("nothing has been fed yet")
        offset = self._anchors[0][1]
        for start_s, candidate in self._anchors:
            if start_s > fed_s + (-_HALF_SAMPLE_S if end else _HALF_SAMPLE_S):
                break
            offset = candidate
        return fed_s + offset

    def forget_before(self, fed_s: float) -> None:
        """Drop what is only needed for times before `fed_s`."""
        while len(self._anchors) > 1 and self._anchors[1][0] <= fed_s:
            self._anchors.pop(0)


def words_from(items: Iterable[tuple[str, float, float, float]]) -> tuple[Word, ...]:
    """Checked words from (text, start_s, end_s, confidence): blank ones left out, confidence in 0..1."""
    return tuple(
        Word(text, start, end, min(1.0, max(0.0, confidence)))
        for text, start, end, confidence in items
        if text.strip()
    )
