"""Effect of recognition errors on the text model.

    python -m training.transcripts.effect --data DIR --engine whisper --model FOLDER

There is no Spanish corpus here that has sound, words and an emotion that the words
carry. So sentences of BRIGHTER's development part, which the message model never saw,
are read aloud by espeak-ng, recognised, and classified: macro F1 on the true words
against macro F1 on the recognised ones. A synthetic voice is hard to
recognise: the word error rate beside it says where this stands.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
from pathlib import Path

import numpy as np

from emoedge.emotions import EMOTIONS, Emotion, leader
from emoedge.speech.factory import open_recogniser
from emoedge.speech.recogniser import Recogniser
from emoedge.text.model import TextEmotionModel
from training.vosk_demo.espeak import EspeakError, speak

REPOSITORY = Path(__file__).resolve().parent.parent.parent
MAX_WORDS = 20
"""Maximum number of words: longer comments are rarely said without a pause, and take time."""

VOICES = ("es", "es+f2", "es-419", "es-419+f3")
SCORED = EMOTIONS[:6]
"""Classes of BRIGHTER, which has no neutral class."""


def main() -> None:
    """Print the figures as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with text/brighter_dev.tsv")
    parser.add_argument("--engine", choices=("vosk", "whisper"), required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--details", type=Path)
    arguments = parser.parse_args()
    import jiwer
    from sklearn.metrics import f1_score

    recogniser = open_recogniser(arguments.engine, arguments.model)
    message = TextEmotionModel.load(REPOSITORY / "models" / "text_emotion.npz")
    rows = _rows(arguments.data / "text" / "brighter_dev.tsv", arguments.count, arguments.seed)
    said, heard, truth = [], [], []
    for index, (text, emotion) in enumerate(rows):
        try:
            recognised = _hear(recogniser, text, VOICES[index % len(VOICES)])
        except EspeakError:
            continue  # numbers and abbreviations that it reads as several words
        said.append(text)
        heard.append(recognised)
        truth.append(emotion)
    answers = {name: _classify(message, texts) for name, texts in (("true", said), ("recognised", heard))}
    print(
        json.dumps(
            {
                "engine": arguments.engine,
                "model": arguments.model.name,
                "sentences": len(said),
                "wer": round(jiwer.wer(said, [text or " " for text in heard]), 3),
                "macro_f1": {
                    name: round(f1_score(truth, given, labels=SCORED, average="macro", zero_division=0), 3)
                    for name, given in answers.items()
                },
                "same_answer": round(
                    float(np.mean([a == b for a, b in zip(*answers.values(), strict=True)])), 3
                ),
            },
            indent=1,
        )
    )
    if arguments.details:
        lines = (json.dumps(pair, ensure_ascii=False) for pair in zip(truth, said, heard, strict=True))
        arguments.details.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rows(path: Path, count: int, seed: int) -> list[tuple[str, Emotion]]:
    """Return (words, emotion) of rows with exactly one emotion, lower case without punctuation."""
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            felt = [name for name in SCORED if int(row[name]) > 0]
            words = " ".join(re.findall(r"[a-záéíóúüñ]+", row["text"].lower()))
            if len(felt) == 1 and 3 <= len(words.split()) <= MAX_WORDS and not re.search(r"\d", row["text"]):
                rows.append((words, felt[0]))
    random.Random(seed).shuffle(rows)
    return rows[:count]


def _hear(recogniser: Recogniser, text: str, voice: str) -> str:
    sound = speak(text, voice=voice, speed=150).samples
    recogniser.accept(np.round(np.pad(0.5 * sound, 4800) * 32767).astype(np.int16))
    utterance = recogniser.finish()
    return utterance.text if utterance else ""


def _classify(message: TextEmotionModel, texts: list[str]) -> list[str]:
    """Return the leading emotion of each, "none" without an opinion."""
    answers = (message.classify(text) for text in texts)
    return ["none" if answer is None else leader(answer) for answer in answers]


if __name__ == "__main__":
    main()
