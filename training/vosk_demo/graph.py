"""The decoding graph (HCLG) of the small vocabulary, written directly.

States of a word bigram with back-off; each word is one chain of phones per
pronunciation, shared by all histories, because what follows a word depends on
the word alone. Silence is optional between words. There is no garbage word: a loop
over all phones makes libvosk's lattices explode on noise.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from .lexicon import SILENCE

DISCOUNT = 0.4
"""Absolute discount of the bigram counts, which goes to the back-off."""

SILENCE_COST = 0.7

_STEP = math.log(2.0)
"""Cost of staying in or leaving a state: the transition model gives each one half."""


@dataclass(frozen=True)
class PhoneIds:
    """Numbers of the position-dependent phones: begin, end, inside, single; silence is 1."""

    phones: tuple[str, ...]
    """Without silence."""

    ids: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        names = [SILENCE, *(f"{p}_{x}" for p in self.phones for x in "BEIS")]
        object.__setattr__(self, "ids", {name: i + 1 for i, name in enumerate(names)})

    def positioned(self, form: tuple[str, ...]) -> list[int]:
        """Return the ids of one pronunciation's phones."""
        if len(form) == 1:
            return [self.ids[f"{form[0]}_S"]]
        marks = ["B", *("I" * (len(form) - 2)), "E"]
        return [self.ids[f"{p}_{m}"] for p, m in zip(form, marks, strict=True)]


def word_ids(words: list[str]) -> dict[str, int]:
    """Return the symbol table of the words; 0 is epsilon."""
    return {word: i + 1 for i, word in enumerate(words)}


def bigrams(sentences: list[str]) -> dict[str, Counter[str]]:
    """Return counts of each word after each history; ``<s>`` and ``</s>`` are the ends."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        words = ["<s>", *sentence.split(), "</s>"]
        for before, word in itertools.pairwise(words):
            counts[before][word] += 1
    return counts


class _Builder:
    """A growing graph: arcs carry transition ids in and word ids out."""

    def __init__(self, phone_ids: PhoneIds) -> None:
        import kaldifst

        self._kaldifst = kaldifst
        self.fst = kaldifst.StdVectorFst()
        self.phone_ids = phone_ids

    def state(self) -> int:
        return self.fst.add_state()

    def arc(self, start: int, label: int, output: int, cost: float, end: int) -> None:
        self.fst.add_arc(start, self._kaldifst.StdArc(label, output, cost, end))

    def phone(self, start: int, phone_id: int, cost: float = 0.0) -> int:
        """Add one phone: forward transition id 2p, then any number of self-loops 2p − 1."""
        end = self.state()
        self.arc(start, 2 * phone_id, 0, cost + _STEP, end)
        self.arc(end, 2 * phone_id - 1, 0, _STEP, end)
        return end

    def word(self, start: int, end: int, output: int, forms: list[tuple[str, ...]]) -> None:
        """Add a word's pronunciations side by side, from `start` to `end`."""
        begin = self.state()
        self.arc(start, 0, output, math.log(len(forms)), begin)
        for form in forms:
            at = begin
            for phone_id in self.phone_ids.positioned(form):
                at = self.phone(at, phone_id)
            self.arc(at, 0, 0, 0.0, end)


def build(
    sentences: list[str], lexicon: dict[str, list[tuple[str, ...]]], phone_ids: PhoneIds, path: Path
) -> int:
    """Write ``HCLG.fst`` for the sentences' bigram and return its number of states."""
    import kaldifst

    counts = bigrams(sentences)
    ids = word_ids(sorted(lexicon))
    builder = _Builder(phone_ids)
    begin, backoff = builder.state(), builder.state()
    builder.fst.start = begin
    after = {word: builder.state() for word in sorted(lexicon)}
    entry = {word: builder.state() for word in sorted(lexicon)}
    for word, state in entry.items():
        builder.word(state, after[word], ids[word], lexicon[word])
    total: Counter[str] = sum(counts.values(), Counter())
    for history, state in {"<s>": begin, **after}.items():
        # Silence may come between; then what the bigram allows.
        ready = builder.state()
        builder.arc(state, 0, 0, SILENCE_COST, ready)
        silent = builder.phone(state, phone_ids.ids[SILENCE], SILENCE_COST)
        builder.arc(silent, 0, 0, 0.0, ready)
        followers = counts.get(history, Counter())
        seen = followers.total()
        left = DISCOUNT * len(followers) / seen if seen else 1.0
        builder.arc(ready, 0, 0, -math.log(left), backoff)
        for word, count in sorted(followers.items()):
            cost = -math.log((count - DISCOUNT) / seen)
            if word == "</s>":
                builder.fst.set_final(ready, cost)
            else:
                builder.arc(ready, 0, 0, cost, entry[word])
    for word, state in entry.items():
        builder.arc(backoff, 0, 0, -math.log(total[word] / total.total()), state)
    builder.fst.set_final(backoff, -math.log(total["</s>"] / total.total()))
    kaldifst.connect(builder.fst)
    kaldifst.arcsort(builder.fst, "ilabel")
    builder.fst.write(str(path))
    return builder.fst.num_states
