"""Speech activity: hysteresis and a hangover over the probability that Silero gives every 32 ms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock
from emoedge.high_pass import HighPass
from emoedge.model_store import package_models_dir
from emoedge.model_store.manifest import SPEECH_ACTIVITY
from emoedge.observations import ActivityChange
from emoedge.vad.silero import CHUNK, Silero

ON: Final = 0.5
"""Probability at which speech begins (Silero's own default)."""
OFF: Final = 0.35
"""Probability below which it may end: Silero's default less 0.15, as its authors advise."""
ONSET_CHUNKS: Final = 2
"""Number of consecutive chunks with which speech begins: a click is shorter than 64 ms."""
HANGOVER_S: Final = 0.45
"""Pauses shorter than this are part of the utterance: longer than a stop consonant, shorter than a breath."""
PAUSE_S: Final = 0.16
"""Seconds after which a pause within speech is reported: longer than nearly all stop consonants. In 250 real
Spanish sentences there were 0.14 such pauses a sentence, and 0.02 of the hangover."""
LEAD_S: Final = 0.03
"""Silero notices speech within a chunk or two (measured on synthetic voices: 4 to 36 ms late)."""
LINGER_S: Final = 0.04
"""It reports the end up to 100 ms late, half as much on average."""
ROUNDING_S: Final = 0.001
"""Times are sums of floating-point numbers, and the pause is a whole number of chunks."""
CLIP_ON: Final = 0.25
"""A clip was chosen by somebody, so weaker evidence will do; noise stays below 0.15."""


class VoiceDetector(Protocol):
    """Judges chunks of a stream in turn."""

    def __call__(self, samples: NDArray[np.int16]) -> list[float]:
        """Probability of speech in each of the next chunks, given as int16 (n * CHUNK,)."""
        ...

    def reset(self) -> None:
        """Start a new stream."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Speech from start_s to end_s, in seconds of the source's clock."""

    start_s: float
    end_s: float


class SpeechActivity:
    """Says when speech begins and ends; the same for every size of blocks.

    Args:
        detector: gives the probability of speech in 32 ms of audio; the shipped Silero unless a test brings
            its own.
        on: probability at which speech begins; it may end below the lower of this and OFF.

    Attributes:
        filtered: the last block without what lies below speech.
    """

    def __init__(self, detector: VoiceDetector | None = None, on: float = ON) -> None:
        self._detector = detector or Silero(package_models_dir() / SPEECH_ACTIVITY)
        self._on = on
        self._off = min(OFF, on * OFF / ON)
        self.reset()

    def reset(self) -> None:
        """Forget what is under way; the next block starts a new stream."""
        self._detector.reset()
        self._high_pass = HighPass()
        self._rest = np.zeros(0, dtype=np.int16)
        self._speaking = False
        self._paused = False
        self._onset = 0
        self._last_voice_s = float("-inf")
        self._last_end_s = float("-inf")
        self.probability = 0.0
        self.filtered = AudioBlock(0.0, self._rest)

    @property
    def speaking(self) -> bool:
        """Whether speech is under way, the hangover included."""
        return self._speaking

    def process(self, block: AudioBlock) -> list[ActivityChange]:
        """Take the next block; return the changes that became known with it, in order.

        After lost sound (`gap_s`) an utterance under way goes on: the listeners decide what a gap means to
        them.
        """
        changes = []
        if block.gap_s > 0:
            changes += self._judge_all(
                self._rest, block.time_s - block.gap_s - len(self._rest) / SAMPLE_RATE_HZ
            )
            self._rest = self._rest[:0]
            self._high_pass.reset()
        start_s = block.time_s - len(self._rest) / SAMPLE_RATE_HZ
        self.filtered = AudioBlock(block.time_s, self._high_pass(block.samples), block.gap_s)
        samples = np.concatenate([self._rest, self.filtered.samples])
        whole = len(samples) // CHUNK
        self._rest = samples[whole * CHUNK :]
        return changes + self._judge_all(samples[: whole * CHUNK], start_s)

    def _judge_all(self, samples: NDArray[np.int16], start_s: float) -> list[ActivityChange]:
        """Judge the whole chunks of some sound."""
        changes = []
        whole = len(samples) // CHUNK * CHUNK
        for index, probability in enumerate(self._detector(samples[:whole])):
            self.probability = probability
            change = self._judge(start_s + index * CHUNK / SAMPLE_RATE_HZ)
            if change is not None:
                changes.append(change)
        return changes

    def _judge(self, chunk_s: float) -> ActivityChange | None:
        chunk_end_s = chunk_s + CHUNK / SAMPLE_RATE_HZ
        if self._speaking:
            return self._judge_speech(chunk_s, chunk_end_s)
        self._onset = self._onset + 1 if self.probability >= self._on else 0
        if self._onset < ONSET_CHUNKS:
            return None
        self._speaking = True
        self._last_voice_s = chunk_end_s
        began_s = chunk_end_s - ONSET_CHUNKS * CHUNK / SAMPLE_RATE_HZ - LEAD_S
        return ActivityChange(speaking=True, time_s=max(began_s, self._last_end_s))

    def _judge_speech(self, chunk_s: float, chunk_end_s: float) -> ActivityChange | None:
        """Return the change if speech pauses, resumes or ends, with the time at which it did."""
        if self.probability >= self._off:
            self._last_voice_s = chunk_end_s
            if not self._paused:
                return None
            self._paused = False
            return ActivityChange(speaking=True, time_s=max(chunk_s - LEAD_S, self._last_end_s), pause=True)
        silent_s = chunk_end_s - self._last_voice_s
        if silent_s >= HANGOVER_S:
            self._speaking = self._paused = False
            self._onset = 0
            self._last_end_s = self._last_voice_s - LINGER_S
            return ActivityChange(speaking=False, time_s=self._last_end_s)
        if silent_s >= PAUSE_S - ROUNDING_S and not self._paused:
            self._paused = True
            self._last_end_s = self._last_voice_s - LINGER_S
            return ActivityChange(speaking=False, time_s=self._last_end_s, pause=True)
        return None


def speech_spans(samples: NDArray[np.int16], activity: SpeechActivity) -> list[Span]:
    """The stretches of speech in a whole clip, in seconds from its start.

    Args:
        samples: int16 (n,) at 16 kHz.
        activity: reset first, and used for this clip alone.
    """
    activity.reset()
    duration_s = len(samples) / SAMPLE_RATE_HZ
    # Silence after the clip lets a word at its end be finished.
    padded = np.concatenate([samples, np.zeros(SAMPLE_RATE_HZ, dtype=np.int16)])
    spans, began_s = [], 0.0
    for change in activity.process(AudioBlock(0.0, padded)):
        if change.pause:
            continue
        if change.speaking:
            began_s = max(0.0, change.time_s)
        elif began_s < duration_s:
            spans.append(Span(began_s, min(change.time_s, duration_s)))
    return spans
