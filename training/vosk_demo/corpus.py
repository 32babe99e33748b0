"""Synthetic corpus: which voice speaks which sentence, and which sentences are held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .espeak import Speech, speak
from .sentences import DEMO_SENTENCES, all_sentences

VOICES = tuple(
    language + variant
    for language in ("es", "es-419")
    for variant in ("", "+m1", "+m2", "+m3", "+m4", "+m5", "+m7", "+f1", "+f2", "+f3", "+f4")
)
"""Voices that train the model."""

UNSEEN_VOICES = ("es+f5", "es+m6", "es-419+f5", "es-419+m8")
"""Voices that only the evaluation hears."""

TEST_EVERY = 9
"""Every ninth sentence is held out of training, except those meant for the demonstration."""

READINGS = 5
"""Times each training sentence is spoken, each by another voice, speed and pitch."""

JOINED_SHARE = 0.25
"""Share of readings that are two sentences with a pause between, for silence inside speech."""


@dataclass(frozen=True)
class Reading:
    """A sentence (commas are pauses) and how to speak it."""

    text: str
    voice: str
    speed: int
    pitch: int
    pitch_range: int

    def speak(self) -> Speech:
        """Synthesise it."""
        return speak(
            self.text,
            voice=self.voice,
            speed=self.speed,
            pitch=self.pitch,
            pitch_range=self.pitch_range,
        )


def split() -> tuple[list[str], list[str]]:
    """Return the training sentences and the held-out sentences; every word occurs in training."""
    demo = {sentence for _, sentence in DEMO_SENTENCES}
    train: list[str] = []
    test: list[str] = []
    for index, sentence in enumerate(all_sentences()):
        kept = index % TEST_EVERY == 0 and sentence not in demo
        (test if kept else train).append(sentence)
    known = {word for sentence in train for word in sentence.split()}
    lonely = [s for s in test if not set(s.split()) <= known]
    return train + lonely, [s for s in test if s not in lonely]


def training_readings(rng: np.random.Generator) -> list[Reading]:
    """Return `READINGS` readings of each training sentence, some joined by a pause."""
    train, _ = split()
    readings = []
    for sentence in train:
        for _ in range(READINGS):
            text = sentence
            if rng.random() < JOINED_SHARE:
                text += ", " + str(rng.choice(train))
            readings.append(reading(rng, text, VOICES))
    return readings


def test_readings(rng: np.random.Generator, voices: tuple[str, ...]) -> list[Reading]:
    """Return one reading of each held-out sentence, by one of `voices`."""
    _, test = split()
    return [reading(rng, sentence, voices) for sentence in test]


def reading(rng: np.random.Generator, text: str, voices: tuple[str, ...]) -> Reading:
    """Return a random way of speaking `text`."""
    return Reading(
        text,
        str(rng.choice(voices)),
        int(rng.integers(120, 186)),
        int(rng.integers(30, 71)),
        int(rng.integers(30, 71)),
    )
