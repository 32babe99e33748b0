"""From sound to what was said and which emotion the words carry.

Speech activity opens and closes the way to the recogniser: silence costs nothing, and
the end of speech gives the result at once instead of when the recogniser's own pause
has passed. A short pause already ends what the recogniser is given: the result is ready before it is sure
that speech has ended. It is said at once where it sounds like a whole sentence, else when speech has ended or
gone on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import Probabilities
from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock
from emoedge.observations import ActivityChange, TextObservation
from emoedge.speech.recogniser import Recogniser, SampleClock, Utterance
from emoedge.speech.sentence import sounds_finished


class TextClassifier(Protocol):
    """Which emotion a transcript carries (`emoedge.text.model.TextEmotionModel`)."""

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

EARLIEST_S: Final = 0.7
"""A pause after less speech is not the end of a sentence (three words take as long), and splitting there
costs accuracy."""

TAIL_S: Final = 0.2
"""Sound after the last voice that the recogniser still gets when a pause begins: the margin behind the last
word."""


@dataclass(frozen=True, slots=True)
class _Said:
    """An utterance, and what was said right before it in the same stretch of speech."""

    utterance: Utterance
    before: str = ""


class SpeechStage:
    """Transcribes and classifies what is said, utterance by utterance.

    Args:
        recogniser: the engine; used by this stage alone.
        text: the text model, or None for a transcript without an opinion.
        early: answer in short pauses; not for an engine that costs much for each result.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        text: TextClassifier | None = None,
        *,
        early: bool = False,
    ) -> None:
        self._recogniser = recogniser
        self._text = text
        self._early = early
        self._history: deque[AudioBlock] = deque()
        self._clock = SampleClock()
        self._open = False
        self._opened_fed_s = 0.0
        self._began_s = self._closed_s = float("-inf")
        self._held: Utterance | None = None
        self._before = ""

    def process(self, block: AudioBlock, changes: Sequence[ActivityChange]) -> list[TextObservation]:
        """Take the next block with its changes of speech activity; return the utterances that ended."""
        found: list[_Said] = []
        if block.gap_s > GAP_S:
            # Only the utterance ends: speech may continue without another change of the activity.
            found += self._end_stretch()
            self._history.clear()
        self._remember(block)
        fed = False
        for change in changes:
            if change.pause and not self._early:
                continue
            if change.pause and not change.speaking and change.time_s - self._began_s < EARLIEST_S:
                continue
            if change.speaking and not self._open:
                found += self._begin(change.time_s)
                fed = True
            elif not change.speaking and (self._open or not change.pause):
                if self._open and not fed:
                    # The rest of this block is the margin after the last word.
                    found += self._feed(block, change.time_s + TAIL_S if change.pause else block.end_s)
                fed = True
                found += self._close(change)
        if self._open and not fed:
            found += self._feed(block, block.end_s)
        if self._open and self._clock.fed_s - self._opened_fed_s >= MAX_UTTERANCE_S:
            found += self._end_stretch()
        observed = [self._observe(said) for said in found]
        self._clock.forget_before(self._opened_fed_s)
        return observed

    def flush(self, time_s: float) -> list[TextObservation]:
        """End of the stream at `time_s`: return the utterance under way, if there is one."""
        found = self._close(ActivityChange(speaking=False, time_s=time_s))
        return [self._observe(said) for said in found]

    def reset(self) -> None:
        """Forget what is under way: after a pause of the source, or when privacy is switched on."""
        self._recogniser.reset()
        self._history.clear()
        self._open = False
        self._held, self._before = None, ""

    def renewed(self) -> SpeechStage:
        """Return a fresh stage with the models of this one."""
        self._recogniser.renew()
        return SpeechStage(self._recogniser, self._text, early=self._early)

    def _begin(self, time_s: float) -> list[_Said]:
        """Open the way: feed the remembered sound from LEAD_S before `time_s` on."""
        self._open = True
        self._began_s = time_s
        self._opened_fed_s = self._clock.fed_s
        # Not before the last stretch's end: its words have been heard.
        start_s = max(time_s - LEAD_S, self._closed_s)
        found: list[_Said] = []
        for past in self._history:
            skip = round((start_s - past.time_s) * SAMPLE_RATE_HZ)
            if skip < len(past.samples):
                found += self._feed_samples(past.samples[max(skip, 0) :], past.time_s, max(skip, 0))
        return found

    def _feed(self, block: AudioBlock, until_s: float) -> list[_Said]:
        count = max(0, round((until_s - block.time_s) * SAMPLE_RATE_HZ))
        return self._feed_samples(block.samples[:count], block.time_s, 0)

    def _feed_samples(self, samples: NDArray[np.int16], time_s: float, skipped: int) -> list[_Said]:
        self._clock.feed(time_s + skipped / SAMPLE_RATE_HZ, len(samples))
        found: list[_Said] = []
        for result in self._recogniser.accept(samples):
            found.append(_Said(self._joined(result.shifted(self._clock)), self._before))
            self._before = ""
        return found

    def _close(self, change: ActivityChange) -> list[_Said]:
        """Shut the way: speech paused or ended."""
        found = self._pause() if change.pause else self._end_stretch()
        self._open = False
        self._closed_s = change.time_s
        return found

    def _pause(self) -> list[_Said]:
        """Take what the recogniser has, and say it if it sounds finished."""
        utterance = self._finished()
        if utterance is None:
            return []
        utterance = self._joined(utterance)
        if not sounds_finished(utterance.text):
            self._held = utterance
            return []
        said = _Said(utterance, self._before)
        self._before = f"{self._before} {utterance.text}".strip()
        return [said]

    def _end_stretch(self) -> list[_Said]:
        """Take what the recogniser has and what was held back: nothing more belongs to it."""
        utterance = self._finished()
        utterance = self._joined(utterance) if utterance else self._held
        before, self._before, self._held = self._before, "", None
        return [_Said(utterance, before)] if utterance else []

    def _finished(self) -> Utterance | None:
        if not self._open:
            return None
        self._opened_fed_s = self._clock.fed_s
        utterance = self._recogniser.finish()
        return utterance.shifted(self._clock) if utterance else None

    def _joined(self, utterance: Utterance) -> Utterance:
        """With what was held back before it."""
        held, self._held = self._held, None
        return Utterance(held.words + utterance.words) if held else utterance

    def _remember(self, block: AudioBlock) -> None:
        self._history.append(block)
        while self._history[0].end_s < block.end_s - HISTORY_S:
            self._history.popleft()

    def _observe(self, said: _Said) -> TextObservation:
        utterance = said.utterance
        # A sentence that had a result in its pause is classified again as a whole when it continues.
        whole = f"{said.before} {utterance.text}".strip()
        return TextObservation(
            start_s=utterance.start_s,
            end_s=utterance.end_s,
            transcript=utterance.text,
            probabilities=self._text.classify(whole) if self._text else None,
            words=utterance.words,
        )
