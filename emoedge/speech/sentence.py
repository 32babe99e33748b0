"""Decides whether an utterance sounds finished, and so is answered in a short pause."""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
a al aunque como con cuando de del desde donde e el en entre era es esta este ha han hasta hay he la las le les los me mi
mientras mis muy ni nos o para pero por porque que se si sin sobre son su sus tan te tu tus u un una unas unos y
"""
LEADING: Final = frozenset(_WORDS.split())
"""Spanish words that lead on to another one: articles, prepositions, conjunctions, clitics, some verbs. As a
transcript has them: "si" and "sí", "que" and "qué" are told apart by the recogniser."""
FEWEST_WORDS: Final = 3
"""One or two words may be all ("sí", "muy bien"), or the beginning of anything."""


def sounds_finished(text: str) -> bool:
    """Return whether a transcript (lower case, no punctuation) may be a whole sentence."""
    words = text.split()
    return len(words) >= FEWEST_WORDS and words[-1] not in LEADING
