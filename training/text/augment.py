"""Effects of speech recognition: the transcript form of raw text, and typical errors.

Raw text becomes a transcript (no case, punctuation, emoji, links or mentions); then words are dropped,
confused with words that sound alike, merged or split, as a recognizer of Spanish with a closed vocabulary
does.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np

from emoedge.text.tokens import MARKS, normalize

DROP: Final = 0.04
CONFUSE: Final = 0.06
MERGE: Final = 0.015
SPLIT: Final = 0.015
"""Rates per word. Together about the 10-14 % word error rate measured on real Spanish recordings."""

_SOUNDS: Final = (
    (re.compile(r"h"), ""),
    (re.compile(r"v"), "b"),
    (re.compile(r"ll"), "y"),
    (re.compile(r"qu(?=[ei])"), "k"),
    (re.compile(r"z|c(?=[ei])"), "s"),
    (re.compile(r"g(?=[ei])"), "j"),
    (re.compile(r"gu(?=[ei])"), "g"),
    (re.compile(r"c|q"), "k"),
    (re.compile(r"x"), "ks"),
)


def as_transcript(text: str) -> str:
    """Return only the words of a text as a recogniser would write them: no punctuation, no emoji."""
    return " ".join(token for token in normalize(text).split() if token not in MARKS and token[0].isalpha())


_TAGS: Final = re.compile(r"[#@]<?\w+>?")


def without_tags(text: str) -> str:
    """Return the text without hashtags and mentions, including their words, because they are not spoken.

    The text stays as it is if nothing would be left.
    """
    rest = " ".join(_TAGS.sub(" ", text).split())
    return rest if any(map(str.isalpha, rest)) else text


def as_spoken(text: str) -> str:
    """Return the spoken form as a transcript: only words, without hashtags, mentions and links."""
    return as_transcript(without_tags(text)) or as_transcript(text)


def sound(word: str) -> str:
    """Return a key that is equal for words that sound alike in Spanish (seseo, yeísmo, b/v, silent h)."""
    for pattern, replacement in _SOUNDS:
        word = pattern.sub(replacement, word)
    return re.sub(r"(.)\1+", r"\1", word)


def _deletions(key: str) -> set[str]:
    return {key} | {key[:i] + key[i + 1 :] for i in range(len(key))}


class Recognizer:
    """Generator of recognition errors. Confusions stay within the vocabulary, as those of a recogniser.

    Args:
        texts: source of the vocabulary: words that occur at least three times.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        counts = Counter(word for text in texts for word in as_transcript(text).split())
        self.vocabulary = sorted(word for word, count in counts.items() if count >= 3)
        self._neighbours: dict[str, list[str]] = defaultdict(list)
        for word in self.vocabulary:
            for key in _deletions(sound(word)):
                self._neighbours[key].append(word)
        self._known = set(self.vocabulary)

    def confusions(self, word: str) -> list[str]:
        """Return the words of the vocabulary that differ by at most two sounds."""
        found = {near for key in _deletions(sound(word)) for near in self._neighbours.get(key, ())}
        return sorted(found - {word})

    def garble(self, transcript: str, rng: np.random.Generator, strength: float = 1.0) -> str:
        """Return the transcript with errors; it is never empty if the input was not."""
        words = transcript.split()
        result: list[str] = []
        for word in words:
            chance = rng.random() / strength
            if chance < DROP:
                continue
            if chance < DROP + CONFUSE:
                near = self.confusions(word)
                result.append(near[rng.integers(len(near))] if near else word)
            elif chance < DROP + CONFUSE + MERGE and result and result[-1] + word in self._known:
                result[-1] += word
            elif chance < DROP + CONFUSE + MERGE + SPLIT and len(word) > 4:
                at = int(rng.integers(2, len(word) - 1))
                result.extend((word[:at], word[at:]))
            else:
                result.append(word)
        return " ".join(result) or transcript
