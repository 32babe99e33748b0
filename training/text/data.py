"""Text sets as one list of examples, split so that no group is on both sides.

Every set keeps its own head (see `train`), because they disagree about what a label means: BRIGHTER has no
neutral, in MEACorpus neutral is mostly news reading and there is no surprise, in EmoEvent neutral is
"others", and in SemEval-2018 (first person, several emotions a row) neutral is a row on which no annotator
agreed.
"""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, INDEX

Domain = Literal["brighter", "emoevent", "meacorpus", "semeval", "tass", "xed"]
DOMAINS: Final[tuple[Domain, ...]] = ("brighter", "emoevent", "meacorpus", "semeval")
"""Sets with trusted emotion labels, with one head each."""

LABELS: Final[dict[Domain, tuple[str, ...]]] = {
    "brighter": tuple(name for name in EMOTIONS if name != "neutral"),
    "emoevent": EMOTIONS,
    "meacorpus": tuple(name for name in EMOTIONS if name != "surprise"),
    "semeval": EMOTIONS,
}
SCORED: Final[dict[Domain, tuple[str, ...]]] = {**LABELS, "semeval": LABELS["brighter"]}
"""Labels on which a set is scored: neutral in SemEval is a row without agreement."""
SEMEVAL_LABELS: Final = SCORED["semeval"]
SEMEVAL_OTHERS: Final = {
    "love": {"happiness": 1.0},
    "optimism": {"happiness": 0.7, "neutral": 0.3},
    "pessimism": {"sadness": 0.6, "fear": 0.2, "anger": 0.2},
    "anticipation": {"neutral": 1.0},
    "trust": {"neutral": 1.0},
}
"""What a SemEval row without any of the six teaches, by its other labels.

In rows that have both, love and optimism go with happiness in four of five, pessimism mostly with sadness and
anger. Anticipation and trust alone are taken for no feeling.
"""
POLARITIES: Final = ("N", "NEU", "P")


@dataclass(frozen=True)
class Example:
    """One labelled text.

    text: text as written or transcribed, with case and punctuation.
    target: float32 (7,), sums to one over emotions; zeros where the set has none (tass, xed).
    polarity: index into POLARITIES or -1.
    group: rows of one group never fall on two sides of a split.
    single: whether exactly one emotion is marked (the rows that are scored).
    valence: 0 (most negative) to 1 where the set rates it, else not a number.
    """

    text: str
    domain: Domain
    target: NDArray[np.float32]
    polarity: int
    group: str
    single: bool = True
    valence: float = math.nan

    @property
    def label(self) -> int:
        """Index of the leading emotion."""
        return int(self.target.argmax())

    @property
    def is_scored(self) -> bool:
        """Whether the row has exactly one emotion, on which its set is scored."""
        return self.single and EMOTIONS[self.label] in SCORED.get(self.domain, ())


def _rows(path: Path) -> Iterator[dict[str, str]]:
    # The sets contain stray quotation marks: only tabs and line ends are syntax.
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def _one_hot(index: int) -> NDArray[np.float32]:
    target = np.zeros(EMOTION_COUNT, np.float32)
    target[index] = 1.0
    return target


def letters_of(text: str) -> str:
    """Return a digest of only the letters, which is equal for two copies of a text."""
    letters = "".join(char for char in text.lower() if char.isalpha())
    return hashlib.sha1(letters.encode(), usedforsecurity=False).hexdigest()[:16]


def _brighter(path: Path) -> Iterator[Example]:
    for row in _rows(path):
        target = np.zeros(EMOTION_COUNT, np.float32)
        for name in LABELS["brighter"]:
            target[INDEX[name]] = float(row[name])
        active = int((target > 0).sum())
        if active:
            yield Example(
                row["text"], "brighter", target / target.sum(), -1, letters_of(row["text"]), active == 1
            )


def _emoevent(path: Path) -> Iterator[Example]:
    for row in _rows(path):
        yield Example(row["text"], "emoevent", _one_hot(INDEX[row["emotion"]]), -1, letters_of(row["text"]))


def _meacorpus(path: Path) -> Iterator[Example]:
    for row in _rows(path):
        yield Example(row["text"], "meacorpus", _one_hot(INDEX[row["emotion"]]), -1, row["video"])


def _semeval(path: Path) -> Iterator[Example]:
    for row in _rows(path):
        target = np.zeros(EMOTION_COUNT, np.float32)
        active = [name for name in SEMEVAL_LABELS if row[name] == "1"]
        for name in active:
            # Where raters ordered the rows by this emotion, its place says how much of the row it is.
            target[INDEX[name]] = float(row.get(f"{name}_intensity") or 0.5) if len(active) > 1 else 1.0
        others = [name for name in SEMEVAL_OTHERS if row[name] == "1"]
        for name in others if not active else ():
            for emotion, share in SEMEVAL_OTHERS[name].items():
                target[INDEX[emotion]] += share
        if not active and not others:
            target[INDEX["neutral"]] = 1.0
        text, valence = row["text"], float(row["valence"] or math.nan)
        single = len(active) == 1 or not (active or others)
        yield Example(text, "semeval", target / target.sum(), -1, letters_of(text), single, valence)


def _tass(path: Path) -> Iterator[Example]:
    for row in _rows(path):
        empty = np.zeros(EMOTION_COUNT, np.float32)
        yield Example(row["text"], "tass", empty, POLARITIES.index(row["polarity"]), letters_of(row["text"]))


def _xed(path: Path) -> Iterator[Example]:
    for row in _rows(path):
        yield Example(row["text"], "xed", np.zeros(EMOTION_COUNT, np.float32), -1, letters_of(row["text"]))


def fold(group: str, folds: int) -> int:
    """Return the cross-validation fold of a group, 0..folds-1, from its digest."""
    digest = hashlib.sha1(b"fold:" + group.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:4], "big") % folds


@dataclass(frozen=True)
class Corpus:
    """All examples: train and dev share no text; MEACorpus has no dev part and is cross-validated."""

    train: tuple[Example, ...]
    dev: tuple[Example, ...]


def load(folder: Path) -> Corpus:
    """Read `folder`/text; rows of train whose letters also occur in a dev part are dropped."""
    text = folder / "text"
    dev = (
        *_brighter(text / "brighter_dev.tsv"),
        *_emoevent(text / "emoevent_dev.tsv"),
        *_semeval(text / "semeval2018_es_dev.tsv"),
        *_tass(text / "tass2020_polarity_dev.tsv"),
    )
    seen = {letters_of(example.text) for example in dev}
    train = (
        *_brighter(text / "brighter_train.tsv"),
        *_emoevent(text / "emoevent_train.tsv"),
        *_meacorpus(text / "meacorpus_train.tsv"),
        *_semeval(text / "semeval2018_es_train.tsv"),
        *_tass(text / "tass2020_polarity_train.tsv"),
        *_xed(text / "xed_subtitles_noisy.tsv"),
    )
    return Corpus(tuple(example for example in train if letters_of(example.text) not in seen), dev)


def word_norms(folder: Path) -> dict[str, dict[str, float]]:
    """Stadthagen-González norms: word -> ratings of five emotions (1-5), valence and arousal (1-9)."""
    rows = _rows(folder / "text" / "word_norms_stadthagen.tsv")
    return {row["word"]: {key: float(value) for key, value in row.items() if key != "word"} for row in rows}
