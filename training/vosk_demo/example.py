"""Make the spoken example of the tests: ``python -m training.vosk_demo.example --out tests/data/speech``.

Two sentences by a voice that the model was not trained on, with a pause between, and
espeak-ng's own word times beside them.
"""

from __future__ import annotations

import argparse
import json
import wave
from pathlib import Path

import numpy as np

from .degrade import pad
from .espeak import RATE, speak

VOICE = "es+f5"
SENTENCES = ("qué alegría verte", "tengo miedo")
LEAD_S = 0.25
PAUSE_S = 0.7
"""Longer than the hangover of the speech activity: two utterances."""


def main() -> None:
    """Write ``example.wav`` and ``example.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    sound = np.zeros(0, np.float32)
    words = []
    for index, sentence in enumerate(SENTENCES):
        speech = speak(sentence, voice=VOICE, speed=175)
        before_s = LEAD_S if index == 0 else PAUSE_S
        start_s = len(sound) / RATE + before_s
        sound = np.concatenate([sound, pad(speech.samples, before_s, 0.0)])
        words += [
            {
                "word": w.text,
                "start_s": round(w.start_s + start_s, 3),
                "end_s": round(w.end_s + start_s, 3),
            }
            for w in speech.words
        ]
    sound = np.float32(0.5) * pad(sound, 0.0, LEAD_S)
    with wave.open(str(out / "example.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(sound * 32767).astype("<i2").tobytes())
    document = {"sentences": list(SENTENCES), "voice": VOICE, "words": words}
    (out / "example.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
