"""Phones and pronunciations, taken from the phonemes that espeak-ng actually speaks.

espeak-ng's phonemes are reduced to a phonemic set (its allophones of b, d, g, r and
its glides fold together), and a word's pronunciations are those observed over the
training sentences: Spain and Latin America differ in c/z and in ll.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from .espeak import Phone, SpokenWord

SILENCE = "SIL"

_FOLD = {
    "B": "b",
    "D": "d",
    "Q": "g",
    "**": "r",
    "r": "r",
    "R2": "R",
    "E": "e",
    "N": "n",
    ";": "i",
    "oI": "o j",
    "aI": "a j",
    "eI": "e j",
    "tS": "C",
    "l^": "L",
    "J^": "Y",
    "n^": "N",
    "T": "T",
}
"""espeak-ng mnemonic → phones of this model; what is not listed stands for itself."""

RARE = 0.02
"""A pronunciation seen in a smaller share of a word's uses is assimilation; leave it out."""


def fold(phones: Iterable[Phone]) -> list[Phone]:
    """Return the phonemic sequence: diphthongs split in halves, repeated phones merged."""
    result: list[Phone] = []
    for phone in phones:
        names = _FOLD.get(phone.name, phone.name).split()
        width = (phone.end_s - phone.start_s) / len(names)
        for index, name in enumerate(names):
            start = phone.start_s + index * width
            if result and result[-1].name == name:
                result[-1] = Phone(name, result[-1].start_s, start + width)
            else:
                result.append(Phone(name, start, start + width))
    return result


def pronunciations(words: Iterable[SpokenWord]) -> dict[str, list[tuple[str, ...]]]:
    """Return for each word its observed pronunciations, the most common first."""
    seen: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for word in words:
        seen[word.text][tuple(phone.name for phone in fold(word.phones))] += 1
    return {
        text: [form for form, count in forms.most_common() if count >= RARE * forms.total()]
        for text, forms in sorted(seen.items())
    }


def phone_set(lexicon: dict[str, list[tuple[str, ...]]]) -> list[str]:
    """Return the phones that the pronunciations use, sorted, without silence."""
    return sorted({phone for forms in lexicon.values() for form in forms for phone in form})
