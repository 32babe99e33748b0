"""From normalized lines to hashed features: one function for training and for the device.

`Hasher` works with array operations over the whole batch (polynomial hashes by prefix sums), without a stored
vocabulary. What is hashed are the tokens of `tokens`; negation is read by the words of `words`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.text.words import LIGHT, NEGATION_REACH, NEGATORS, SCOPE_ENDS

DENIED: Final = -0.75
"""What a denied word counts as itself, beside the feature of its own that it is: "no tengo miedo" speaks
against fear even if "miedo" was never seen denied. The negation of VADER (Hutto and Gilbert 2014: -0.74)."""
CONCEDED: Final = 0.3
"""Weight of words before a "pero" (VADER: 0.5, and 1.5 for those after it)."""
CONCEDED_REACH: Final = 8
"""Maximum number of words before it: speech has no full stops."""

NGRAM_SIZES: Final = (2, 3, 4, 5)

_SPACE: Final = ord(" ")
_LINE: Final = ord("\n")
# Odd, so that it has an inverse modulo 2^64 and prefix sums give the hash of any stretch.
_BASE: Final = 0x9E3779B97F4A7C15
_BASE_INVERSE: Final = pow(_BASE, -1, 2**64)
_FIRST_OF_PAIR: Final = np.uint64(0xD6E8FEB86659FD93)
_NEGATED: Final = np.uint64(0xA0761D6478BD642F)
_FINAL: Final = np.uint64(0xE7037ED1A0B428DB)
_POWERS_CHUNK: Final = 1 << 14

Hashes = NDArray[np.uint64]


def _tables(count: int) -> tuple[Hashes, Hashes]:
    """The first powers of _BASE and of its inverse."""
    tables = []
    for base in (_BASE, _BASE_INVERSE):
        table = np.full(count, base, np.uint64)
        table[0] = 1
        tables.append(np.multiply.accumulate(table))
    return tables[0], tables[1]


def _bucket(hashes: Hashes, bits: int) -> NDArray[np.intp]:
    mixed = (hashes ^ (hashes >> np.uint64(32))) * _FINAL
    mixed ^= mixed >> np.uint64(29)
    return (mixed * _FINAL >> np.uint64(64 - bits)).astype(np.intp)


@dataclass(frozen=True)
class HashedBatch:
    """Features of n lines.

    word_line, char_line: int (features,), which line each feature belongs to, ascending within each kind.
    word, char: int (features,), buckets in [0, 2**bits).
    word_value, char_value: float32 (features,), what each counts: 1 or CONCEDED, times DENIED for what a
        negation turns round.
    """

    word: NDArray[np.intp]
    word_line: NDArray[np.intp]
    word_value: NDArray[np.float32]
    char: NDArray[np.intp]
    char_line: NDArray[np.intp]
    char_value: NDArray[np.float32]


def frequency(total: NDArray[np.float32]) -> NDArray[np.float32]:
    """The term frequency of a summed value: itself up to one in size, then 1 + its logarithm; odd."""
    size = np.abs(total)
    return np.asarray(
        np.where(size > 1, np.sign(total) * (1 + np.log(np.maximum(size, 1))), total), np.float32
    )


@dataclass(frozen=True)
class _Prefix:
    """Prefix sums of a text's code points, from which the hash of any part follows."""

    sums: Hashes
    inverses: Hashes

    def stretches(self, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> Hashes:
        """The hash of each stretch [start, end): the same wherever it stands."""
        return (self.sums[ends] - self.sums[starts]) * self.inverses[starts]


class Hasher:
    """Word 1-2-grams with negation, and character 2-5-grams within words, hashed to 2**bits buckets each."""

    def __init__(self, word_bits: int, char_bits: int, denied: float = DENIED) -> None:
        self.word_bits = word_bits
        self.char_bits = char_bits
        self.denied = np.float32(denied)
        self._tables = _tables(_POWERS_CHUNK)
        self._negators = np.sort(self.word_hashes(NEGATORS))
        self._scope_ends = np.sort(self.word_hashes(SCOPE_ENDS))
        self._but = self.word_hashes(["pero"])[0]
        self._light = np.sort(self.word_hashes(sorted(LIGHT)))

    def _prefix(self, codes: NDArray[np.uint32]) -> _Prefix:
        tables = self._tables
        if len(codes) > len(tables[0]):
            # Replaced atomically, so that another thread cannot interfere.
            tables = self._tables = _tables(2 * len(codes))
        powers, inverses = tables
        sums = np.zeros(len(codes) + 1, np.uint64)
        np.cumsum(codes * powers[: len(codes)], out=sums[1:])
        return _Prefix(sums, inverses)

    def word_hashes(self, words: Sequence[str]) -> Hashes:
        """The 64-bit hash of each single word, as a line's words have it before bucketing."""
        codes = _codes(["".join(words)])[1:-2]
        ends = np.cumsum([len(word) for word in words])
        return self._prefix(codes).stretches(np.concatenate([[0], ends[:-1]]).astype(np.intp), ends)

    def word_buckets(self, words: Sequence[str]) -> NDArray[np.intp]:
        """The bucket of each single word."""
        return _bucket(self.word_hashes(words), self.word_bits)

    def __call__(self, lines: Sequence[str]) -> HashedBatch:
        """Hash normalized lines; duplicates within a line stay."""
        codes = _codes(lines)
        prefix = self._prefix(codes)
        line = np.cumsum(codes == _LINE)
        blank = codes <= _SPACE
        starts = np.flatnonzero(blank[:-1] & ~blank[1:]) + 1
        ends = np.flatnonzero(~blank[:-1] & blank[1:]) + 1
        words, of_line = prefix.stretches(starts, ends), line[starts]
        negated = self.negated(words, of_line)
        value = np.where(self.conceded(words, of_line), np.float32(CONCEDED), np.float32(1))
        word = self._words(words, negated, value, of_line)
        # The part of the adjacent n-grams that belongs to a word.
        length = ends - starts
        inside = np.repeat(starts - np.cumsum(length) + length, length) + np.arange(length.sum())
        denied_codes = np.zeros(len(codes), np.bool_)
        denied_codes[inside] = np.repeat(negated, length)
        code_value = np.zeros(len(codes), np.float32)
        code_value[inside] = np.repeat(value, length)
        char, place, char_value = self._chars(codes, prefix, blank, denied_codes, code_value)
        return HashedBatch(*word, char, line[place], char_value)

    def _words(
        self, words: Hashes, negated: NDArray[np.bool_], value: NDArray[np.float32], of_line: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        marked = words ^ np.where(negated, _NEGATED, np.uint64(0))
        pair = np.flatnonzero(of_line[1:] == of_line[:-1])
        turned = np.flatnonzero(negated)
        hashes = np.concatenate([marked, marked[pair] * _FIRST_OF_PAIR + marked[pair + 1], words[turned]])
        lines = np.concatenate([of_line, of_line[pair], of_line[turned]])
        values = np.concatenate([value, value[pair], self.denied * value[turned]])
        order = np.argsort(lines, kind="stable")
        return _bucket(hashes, self.word_bits)[order], lines[order], values[order]

    def conceded(self, words: Hashes, of_line: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which words stand before a "pero": see CONCEDED_REACH."""
        index = np.arange(len(words))
        far = len(words) + CONCEDED_REACH + 1
        turn = np.where(words == self._but, index, far)
        following = np.minimum.accumulate(turn[::-1])[::-1]
        near = (following > index) & (following - index <= CONCEDED_REACH)
        near[near] = of_line[following[near]] == of_line[near]
        return np.asarray(near)

    def negated(self, words: Hashes, of_line: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which words are denied: see NEGATION_REACH."""
        index = np.arange(len(words))
        is_negator = _isin(words, self._negators)
        ends_scope = _isin(words, self._scope_ends)
        content = ~is_negator & ~ends_scope & ~_isin(words, self._light)
        first = np.ones(len(words), np.bool_)
        first[1:] = of_line[1:] != of_line[:-1]
        last_negator = np.maximum.accumulate(np.where(is_negator, index, -1 - NEGATION_REACH))
        # The scope is closed by the end of a line (before its first word), by a conjunction, and by a denied
        # word.
        closed = np.maximum.accumulate(np.where(first, index - 1, -1))
        closed = np.maximum(closed, np.maximum.accumulate(np.where(ends_scope, index, -1)))
        before = np.concatenate([[-1], np.maximum.accumulate(np.where(content, index, -1))[:-1]])[
            : len(words)
        ]
        closed = np.maximum(closed, before)
        return np.asarray(content & (last_negator > closed) & (index - last_negator <= NEGATION_REACH))

    def _chars(
        self,
        codes: NDArray[np.uint32],
        prefix: _Prefix,
        blank: NDArray[np.bool_],
        negated: NDArray[np.bool_],
        value: NDArray[np.float32],
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        """Buckets of the stretches within words, where each starts (ascending), and what it counts."""
        blanks = np.concatenate([[0], np.cumsum(blank)])
        hashes, places, values = [], [], []
        for size in NGRAM_SIZES:
            start = np.arange(max(0, len(codes) - size + 1))
            end = start + size
            # A blank may stand at one edge, which marks the beginning or the end of a word.
            inner = blanks[end - 1] - blanks[start + 1]
            valid = (inner == 0) & ~(blank[start] & blank[end - 1])
            valid &= (codes[start] != _LINE) & (codes[end - 1] != _LINE)
            start, end = start[valid], end[valid]
            own = prefix.stretches(start, end)
            denied = negated[start] | negated[end - 1]
            counted = np.maximum(value[start], value[end - 1])
            # Negated words and their characters have separate hashes, so that "contento" only affects "no
            # estoy contento" through DENIED.
            hashes += [own ^ np.where(denied, _NEGATED, np.uint64(0)), own[denied]]
            places += [start, start[denied]]
            values += [counted, self.denied * counted[denied]]
        joined = np.concatenate(places)
        order = np.argsort(joined, kind="stable")
        return (
            _bucket(np.concatenate(hashes), self.char_bits)[order],
            joined[order],
            np.concatenate(values)[order],
        )


def _codes(lines: Sequence[str]) -> NDArray[np.uint32]:
    joined = "".join(f" {line} \n" for line in lines)
    return np.frombuffer(joined.encode("utf-32-le"), "<u4")


def _isin(values: Hashes, ordered: Hashes) -> NDArray[np.bool_]:
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[at] == values)
