#!/usr/bin/env python3
"""Look for the styles of `scripts/make_demo_media.py`: `python -m scripts.tune_demo_voice [--tries N]`.

A random search within the ranges that describe each emotion, judged by the shipped voice model through the
stages of the device, in the order of the clip, so that the model knows the voice as it does in the
demonstration. A style counts only if `vosk-es-demo` recognises the words. Run it after a change of the voice
model if tests/demo/test_answers.py fails.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import asdict, fields
from itertools import groupby
from typing import Any, Final

import numpy as np

from emoedge.config import Settings, SpeechSettings
from emoedge.demo.clip import SENTENCES
from emoedge.emotions import EMOTIONS
from emoedge.frames import AudioBlock
from emoedge.model_store import package_models_dir
from emoedge.model_store.manifest import VOICE_CLASSIFIER
from emoedge.observations import VoiceObservation
from emoedge.pipeline.perception import build_recogniser
from emoedge.vad.detector import SpeechActivity
from emoedge.voice.adapt import Adaptation
from emoedge.voice.classify import VoiceClassifier
from emoedge.voice.stage import VoiceStage
from scripts.demo_voice import RATE, Floats, Style, speak

BLOCK: Final = RATE // 10
NOISE_DBFS: Final = -62.0
BEFORE_S, AFTER_S = 0.5, 0.9
DRAWN: Final = 0.35
"""Share of the tries that are drawn anew; the others change the best one."""
CHANGED: Final = 0.4
"""Share of the values that a change moves."""

Ranges = dict[str, tuple[float, float]]
CALM: Final[Ranges] = {
    "height": (9, 11.5),
    "expand": (0.8, 1.6),
    "slope": (-4, 0),
    "arch": (0, 1.5),
    "final": (-3, 0),
    "tremor": (0, 0.1),
    "jitter": (0, 0.15),
    "tempo": (0.9, 1.15),
    "tract": (0.97, 1.03),
    "tilt": (-2, 1),
    "effort": (0, 1),
    "swell": (-3, 1),
    "accent": (0, 0.3),
    "breath": (0, 0.15),
    "gain": (-1, 1),
}
JOY: Final[Ranges] = CALM | {
    "height": (12, 18),
    "expand": (1.4, 4),
    "slope": (-4, 5),
    "arch": (0, 6),
    "final": (0, 7),
    "tremor": (0, 0.3),
    "jitter": (0, 0.3),
    "tempo": (1.0, 1.35),
    "tract": (1.0, 1.1),
    "tilt": (-2, 3),
    "effort": (0, 3),
    "swell": (-3, 5),
    "accent": (0, 1),
    "breath": (0, 0.3),
    "gain": (0, 5),
}
SURPRISE: Final[Ranges] = JOY | {"height": (13, 20), "arch": (-4, 6), "final": (0, 10), "tempo": (0.85, 1.3)}
SADNESS: Final[Ranges] = CALM | {
    "height": (7, 11),
    "expand": (0.2, 1),
    "final": (-4, 0),
    "tremor": (0, 0.4),
    "jitter": (0, 0.4),
    "tempo": (0.78, 0.95),
    "tract": (0.93, 1.0),
    "tilt": (-5, -1),
    "swell": (-6, -1),
    "breath": (0, 0.5),
    "gain": (-6, -1),
}
RANGES: Final = {"neutral": CALM, "happiness": JOY, "surprise": SURPRISE, "sadness": SADNESS}


class Listener:
    """The voice path of the device, and the recogniser of the demonstration."""

    def __init__(self) -> None:
        self._classifier = VoiceClassifier(package_models_dir() / VOICE_CLASSIFIER, adapt=True)
        self._activity = SpeechActivity()
        self._recogniser = build_recogniser(Settings(speech=SpeechSettings(model="vosk-es-demo")))
        self._noise = np.random.default_rng(0).standard_normal(20 * RATE) * 10 ** (NOISE_DBFS / 20)

    @property
    def known(self) -> Adaptation:
        """What was learnt of the voice; a copy."""
        return copy.deepcopy(self._classifier.adaptation)

    @known.setter
    def known(self, adaptation: Adaptation) -> None:
        self._classifier.adaptation = copy.deepcopy(adaptation)

    def hear(self, speech: Floats) -> list[VoiceObservation]:
        """Return the opinions on an utterance, and learn from it."""
        stage, found = VoiceStage(self._classifier), []
        self._activity.reset()
        blocks = self._blocks(speech)
        for number, samples in enumerate(blocks):
            block = AudioBlock(number * BLOCK / RATE, samples)
            found += stage.process(block, self._activity.process(block))
        return found + stage.flush(len(blocks) * BLOCK / RATE)

    def understands(self, words: str, speech: Floats) -> bool:
        """Return whether the recogniser of the demonstration hears the words, in two places of its blocks."""
        return all(self._words(np.pad(speech, ends)) == words for ends in ((0, 0), (700, 3000)))

    def _words(self, speech: Floats) -> str:
        results = [one for samples in self._blocks(speech) for one in self._recogniser.accept(samples)]
        results += [one for one in [self._recogniser.finish()] if one]
        return " ".join(word.text for result in results for word in result.words)

    def _blocks(self, speech: Floats) -> list[Any]:
        sound = np.pad(speech, (round(BEFORE_S * RATE), round(AFTER_S * RATE)))
        samples = np.rint(np.clip(sound + self._noise[: len(sound)], -1, 1) * 32767).astype(np.int16)
        return np.split(samples, range(BLOCK, len(samples), BLOCK))


def margin(found: list[VoiceObservation], emotion: str) -> float:
    """Return by how much an emotion leads in its worst opinion, and a little in all, as a logarithm."""
    wanted = EMOTIONS.index(emotion)
    logs = [np.log(one.probabilities + 1e-4) for one in found]
    leads = [float(log[wanted] - np.delete(log, wanted).max()) for log in logs]
    return min(leads) + 0.3 * float(np.mean(leads)) if leads else -np.inf


def drawn(ranges: Ranges, chance: np.random.Generator) -> Style:
    """Return a style somewhere in the ranges."""
    return Style(**{name: round(chance.uniform(*ends), 2) for name, ends in ranges.items()})


def changed(style: Style, ranges: Ranges, size: float, chance: np.random.Generator) -> Style:
    """Return a style near another one, within the ranges."""
    values = asdict(style)
    for name, (low, high) in ranges.items():
        if chance.random() < CHANGED:
            moved = values[name] + chance.normal() * size * (high - low)
            values[name] = round(float(np.clip(moved, low, high)), 2)
    return Style(**values)


def tune(listener: Listener, emotion: str, sentences: list[str], tries: int, seed: int) -> Style:
    """Return the best style for sentences that follow each other; the listener has heard them in it."""
    chance, known = np.random.default_rng(seed), listener.known
    best, most = None, -np.inf
    for number in range(tries):
        share = number / tries
        style = (
            drawn(RANGES[emotion], chance)
            if best is None or share < DRAWN
            else changed(best, RANGES[emotion], 0.25 - 0.22 * share, chance)
        )
        listener.known = known
        spoken = [speak(sentence, style) for sentence in sentences]
        score = min(margin(listener.hear(speech), emotion) for speech in spoken)
        if score > most and all(
            listener.understands(said, speech) for speech, said in zip(spoken, sentences, strict=True)
        ):
            best, most = style, score
    assert best is not None, f"no way of saying {sentences} is understood"
    listener.known = known
    for sentence in sentences:
        found = listener.hear(speak(sentence, best))
        print(f"# {sentence}:", "; ".join(described(one) for one in found))
    return best


def described(found: VoiceObservation) -> str:
    """Return the three most probable emotions."""
    order = np.argsort(-found.probabilities)[:3]
    return " ".join(f"{EMOTIONS[at]} {found.probabilities[at]:.2f}" for at in order)


def main() -> None:
    """Print a style for each passage."""
    parser = argparse.ArgumentParser(prog="python -m scripts.tune_demo_voice", description=__doc__)
    parser.add_argument("--tries", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    listener = Listener()
    for emotion, sentences in groupby(SENTENCES, key=lambda sentence: sentence.voice):
        style = tune(listener, emotion, [one.words for one in sentences], options.tries, options.seed)
        values = ", ".join(f"{field.name}={getattr(style, field.name)}" for field in fields(style))
        print(f"Style({values}),", flush=True)


if __name__ == "__main__":
    main()
