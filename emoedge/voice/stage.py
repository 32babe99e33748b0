"""Voice stage: from a stream of audio to the emotion in each stretch of speech."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock
from emoedge.observations import ActivityChange, VoiceObservation
from emoedge.vad.detector import HANGOVER_S
from emoedge.voice.adapt import Adaptation
from emoedge.voice.classify import LONGEST_S, MIN_SNR_DB, VoiceClassifier
from emoedge.voice.contours import MIN_SAMPLES
from emoedge.voice.features import features
from emoedge.voice.history import History
from emoedge.voice.level import NoiseFloor, frame_powers, snr_db, to_db
from emoedge.voice.statistics import Floats

FIRST_S: Final = 1.5
"""Seconds of speech before the first opinion: less holds too few syllables."""
HOP_S: Final = 1.0
"""A new opinion every second while speech goes on."""
STRETCH_S: Final = 3.0
"""Length of a stretch in the middle of speech: about a clause."""
FINAL_S: Final = LONGEST_S
"""Maximum seconds of speech behind the last opinion."""
SHORTEST_S: Final = 0.3
"""Shorter speech holds no syllable; a word of 0.4 s is answered, with the doubt measured for its length."""
NEW_PERSON_S: Final = 120.0
"""Seconds without speech after which the next speaker starts from the statistics of the device."""
HISTORY_S: Final = FINAL_S + 2.0
"""Seconds of audio kept: the longest stretch, the hangover of the activity and a large block."""
SURE_S: Final = HANGOVER_S + 0.05
"""If no end of speech is reported within this time, speech was still in progress."""
GAP_S: Final = 0.1
"""A loss of more seconds of audio than this ends the stretch."""
LEARN_EVERY_S: Final = 10.0
"""Seconds after which the statistics are taught although the speaker has not paused."""


class VoiceStage:
    """Voice stage: classifies the emotion in the voice, window by window.

    Args:
        classifier: the model; its adaptation is taught when its `adapt` is set.
    """

    def __init__(self, classifier: VoiceClassifier) -> None:
        self._classifier = classifier
        self._noise = NoiseFloor()
        self._heard = History(HISTORY_S)
        self._speaking = False
        self.hop_s = HOP_S
        """Between two opinions on speech that goes on, seconds; up to STRETCH_S, so that nothing goes
        unheard."""
        self._quiet()

    def process(self, block: AudioBlock, changes: Sequence[ActivityChange]) -> list[VoiceObservation]:
        """Take the next block with its changes of speech activity; return the windows that ended.

        The block must have gone through the high-pass (`AudioActivity.filtered`), as in training.
        """
        found = []
        if block.gap_s > GAP_S:
            found += self._end(self._heard.end_s)
            self._heard.clear()
            if self._speaking:
                self._begin(block.time_s)
        self._noise.feed(block.samples)
        self._heard.add(block)
        for change in changes:
            if change.pause:
                continue
            if change.speaking:
                self._speaking = True
                self._begin(change.time_s)
            else:
                self._speaking = False
                found += self._end(change.time_s)
        # Only when the hangover has passed is it sure that speech was still going on at the end of a stretch.
        found += self._middle(block.end_s - SURE_S)
        return found

    def flush(self, time_s: float) -> list[VoiceObservation]:
        """End of the stream at `time_s`: the stretch under way, if there is one."""
        found = self._end(min(time_s, self._heard.end_s))
        self._speaking = False
        return found

    def reset(self) -> None:
        """Forget the sound and the speech under way; what was learnt about the speaker stays."""
        self._noise.reset()
        self._heard.clear()
        self._quiet()

    def renewed(self) -> VoiceStage:
        """Return a fresh stage with the model of this one and nothing of what it has learnt."""
        self.adaptation.reset()
        return VoiceStage(self._classifier)

    @property
    def adaptation(self) -> Adaptation:
        """Statistics of the device and the person; `reset()` forgets them."""
        return self._classifier.adaptation

    def _quiet(self) -> None:
        self._speaking = False
        self._began_s: float | None = None
        self._last_spoken_s = float("-inf")
        self._next_s = 0.0
        self._learnt_s = 0.0
        self._lessons: list[Floats] = []

    def _begin(self, time_s: float) -> None:
        if time_s - self._last_spoken_s > NEW_PERSON_S:
            self.adaptation.begin_person()
        self._began_s = time_s
        self._next_s = time_s + FIRST_S
        self._learnt_s = time_s
        self._lessons = []

    def _middle(self, until_s: float) -> list[VoiceObservation]:
        """Opinions on stretches that end by `until_s`, while speech goes on."""
        found = []
        while self._began_s is not None and self._next_s <= until_s:
            end_s = self._next_s
            self._next_s += self.hop_s
            found += self._judge(max(self._began_s, end_s - STRETCH_S), end_s, final=False)
        return found

    def _end(self, time_s: float) -> list[VoiceObservation]:
        """Return the last opinion on speech that ended at `time_s`, and teach the running statistics."""
        if self._began_s is None:
            return []
        self._last_spoken_s = time_s
        found = self._middle(time_s)
        if time_s - self._began_s >= SHORTEST_S:
            found += self._judge(max(self._began_s, time_s - FINAL_S), time_s, final=True)
            self._learn()
        self._began_s = None
        self._lessons = []
        return found

    def _judge(self, start_s: float, end_s: float, *, final: bool) -> list[VoiceObservation]:
        samples = self._heard.between(start_s, end_s)
        if len(samples) < MIN_SAMPLES or not samples.any():
            return []
        power = float(frame_powers(samples).mean())
        snr = snr_db(power, self._noise.power)
        vector = features(samples)
        adaptation = self._classifier.adaptation if self._classifier.adapt else None
        probabilities = self._classifier.probabilities(
            vector[None], adaptation, len(samples) / SAMPLE_RATE_HZ
        )
        observation = VoiceObservation(
            start_s=start_s,
            end_s=end_s,
            probabilities=probabilities,
            snr_db=snr,
            level_dbfs=to_db(power),
            final=final,
        )
        if snr >= MIN_SNR_DB:
            self._lessons.append(vector)
            if final and adaptation:
                adaptation.count_answer(probabilities)
        if not final and end_s - self._learnt_s >= LEARN_EVERY_S:
            self._learn()
            self._learnt_s = end_s
        return [observation]

    def _learn(self) -> None:
        """Teach the running statistics the mean of the stretches since the last lesson: one utterance."""
        if self._classifier.adapt and self._lessons:
            self._classifier.adaptation.update(np.mean(self._lessons, axis=0))
        self._lessons = []
