"""From sound to what was said and which emotion the words carry.

Speech activity opens and closes the way to the recogniser: silence costs nothing, and
the end of speech gives the result at once instead of when the recogniser's own pause
has passed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import Probabilities
from emoedge.speech.engine import Partial, Recogniser, SampleClock, Utterance
from emoedge.types import SAMPLE_RATE_HZ, SoundBlock, TextObservation


class SpeechActivity(Protocol):
    """Says whether somebody speaks; implemented over `emoedge.voice.activity`."""

    def process(self, block: SoundBlock) -> list[ActivityChange]:
        """Take the next block; return the changes that became known with it, in order."""
        ...


@dataclass(frozen=True, slots=True)
class ActivityChange:
    """Speech began or ended.

    Attributes:
        speaking: True for a beginning.
        time_s: when it really began or ended, on the source's clock; at or before the end of the block.
    """

    speaking: bool
    time_s: float


class MessageClassifier(Protocol):
    """Which emotion a transcript carries (`emoedge.speech.message.MessageModel`)."""

    def classify(self, text: str) -> Probabilities | None:
        """The posterior, or None for text without an opinion."""
        ...


LEAD_S: Final = 0.35
"""Sound kept from before speech was noticed: quiet first consonants lie before the activity's onset."""

HISTORY_S: Final = 2.0
"""Sound that can be reached back for: LEAD_S plus what the activity needs to be sure."""

MAX_UTTERANCE_S: Final = 30.0
"""Somebody who never pauses still gets results; also bounds the recogniser's memory."""

GAP_S: Final = 0.1
"""Lost sound longer than this ends the utterance: words across it would be invented."""


class SpeechStage:
    """Transcribes and classifies what is said, utterance by utterance.

    Args:
        recogniser: the engine; used by this stage alone.
        message: the text model, or None for a transcript without an opinion.
        activity: speech activity; None feeds everything (the engine's own pauses then end utterances).
    """

    def __init__(
        self,
        recogniser: Recogniser,
        message: MessageClassifier | None = None,
        activity: SpeechActivity | None = None,
    ) -> None:
        self._recogniser = recogniser
        self._message = message
        self._activity = activity
        self._history: deque[SoundBlock] = deque()
        self._clock = SampleClock()
        self._open = False
        self._opened_fed_s = 0.0
        self._closed_s = float("-inf")
        self.partial = ""

    def process(self, block: SoundBlock) -> list[TextObservation]:
        """Take the next block of the stream; return the utterances that ended, in order."""
        found: list[Utterance | None] = []
        if block.gap_s > GAP_S:
            # Only the utterance ends: the activity may go on speaking without saying so again.
            found.append(self._end_utterance())
            self._history.clear()
        changes = self._activity.process(block) if self._activity else self._always(block)
        self._remember(block)
        fed = False
        for change in changes:
            if change.speaking and not self._open:
                found += self._begin(change.time_s)
                fed = True
            elif not change.speaking and self._open:
                # The rest of this block is the margin after the last word.
                if not fed:
                    found += self._feed(block)
                fed = True
                found.append(self._close(change.time_s))
        if self._open and not fed:
            found += self._feed(block)
        if self._open and self._clock.fed_s - self._opened_fed_s >= MAX_UTTERANCE_S:
            found.append(self._end_utterance())
        observed = [self._observe(utterance, block.end_s) for utterance in found if utterance]
        self._clock.forget_before(self._opened_fed_s)
        return observed

    def flush(self, time_s: float) -> list[TextObservation]:
        """End of the stream at `time_s`: return the utterance under way, if there is one."""
        utterance = self._close(time_s)
        return [self._observe(utterance, time_s)] if utterance else []

    def reset(self) -> None:
        """Forget what is under way: after a pause of the source, or when privacy is switched on."""
        self._recogniser.reset()
        self._history.clear()
        self._open = False
        self.partial = ""

    def _always(self, block: SoundBlock) -> list[ActivityChange]:
        return [] if self._open else [ActivityChange(speaking=True, time_s=block.time_s)]

    def _begin(self, time_s: float) -> list[Utterance | None]:
        """Open the way: feed the remembered sound from LEAD_S before `time_s` on."""
        self._open = True
        self._opened_fed_s = self._clock.fed_s
        # Not before the last stretch's end: its words have been heard.
        start_s = max(time_s - LEAD_S, self._closed_s)
        found: list[Utterance | None] = []
        for past in self._history:
            skip = round((start_s - past.time_s) * SAMPLE_RATE_HZ)
            if skip < len(past.samples):
                found += self._feed_samples(past.samples[max(skip, 0) :], past.time_s, max(skip, 0))
        return found

    def _feed(self, block: SoundBlock) -> list[Utterance | None]:
        return self._feed_samples(block.samples, block.time_s, 0)

    def _feed_samples(
        self, samples: NDArray[np.int16], time_s: float, skipped: int
    ) -> list[Utterance | None]:
        self._clock.feed(time_s + skipped / SAMPLE_RATE_HZ, len(samples))
        found: list[Utterance | None] = []
        for result in self._recogniser.accept(samples):
            if isinstance(result, Partial):
                self.partial = result.text
            else:
                found.append(result)
                self.partial = ""
        return found

    def _close(self, time_s: float) -> Utterance | None:
        """Shut the way: speech ended at `time_s`."""
        utterance = self._end_utterance()
        self._open = False
        self._closed_s = time_s
        return utterance

    def _end_utterance(self) -> Utterance | None:
        """Take what the recogniser has."""
        if not self._open:
            return None
        self._opened_fed_s = self._clock.fed_s
        self.partial = ""
        return self._recogniser.finish()

    def _remember(self, block: SoundBlock) -> None:
        self._history.append(block)
        while self._history[0].end_s < block.end_s - HISTORY_S:
            self._history.popleft()

    def _observe(self, utterance: Utterance, available_s: float) -> TextObservation:
        timed = utterance.shifted(self._clock)
        return TextObservation(
            start_s=timed.start_s,
            end_s=timed.end_s,
            transcript=timed.text,
            probabilities=self._message.classify(timed.text) if self._message else None,
            words=timed.words,
            available_s=available_s,
        )
