"""From a line of text to hashed features: one function for training and for the device.

`normalize` accepts a transcript (lower case, no punctuation) as well as raw comments and tweets. What a transcript
cannot hold (emoji, "!", "?", hashtags, mentions, capitals) is kept as tokens of its own where it is present, so
that the words of both forms are the same. `Hasher` turns normalized lines into feature hashes with array operations
over the whole batch (polynomial hashes by prefix sums), without a stored vocabulary.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MAX_CHARS: Final = 2000
"""Longer text is cut: far beyond any utterance, and it bounds time and memory for hostile input."""

# Marks for what transcripts do not have. Plain letters, so that normalizing twice changes nothing.
URL: Final = "xxurl"
USER: Final = "xxuser"
TAG: Final = "xxtag"
NUMBER: Final = "xxnum"
CAPITALS: Final = "xxcaps"
DOTS: Final = "xxdots"
MARKS: Final = frozenset({URL, USER, TAG, NUMBER, CAPITALS, DOTS, "!", "?"})

_CAPITALS_MIN_LETTERS: Final = 8
_CAPITALS_SHARE: Final = 0.6

_URL: Final = re.compile(r"(?:https?://|www\.|\bt\.co/)\S*", re.IGNORECASE)
# "USER" and "@<username>" are how published sets anonymize mentions.
_USER: Final = re.compile(r"@<\w+>|@\w+|\bUSER\b|<(?:username|user)>")
_HASHTAG: Final = re.compile(r"#(\w+)")
_CAMEL: Final = re.compile(r"(?<=[a-záéíóúüñ])(?=[A-ZÁÉÍÓÚÜÑ])|(?<=\D)(?=\d)|(?<=\d)(?=\D)|_")
_SMILE: Final = re.compile(r"(?:[:;=]-?[)D\]]+|\(\s?:)(?!\w)")
_FROWN: Final = re.compile(r"[:;=]['´]?-?[(\[]+|\)':")
_HEART: Final = re.compile(r"<3+(?!\d)")
_DOTS: Final = re.compile(r"\.{2,}")
_DIGITS: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_LONG: Final = re.compile(r"([a-zñ])\1{2,}")
_SUPERLATIVE: Final = re.compile(r"([a-zñ]{3,})isim(o|a|os|as)")
_STEMS_IN_E: Final = frozenset(
    ("trist", "grand", "fuert", "pobr", "alegr", "dulc", "suav", "grav", "brev", "lev")
)
"""Adjectives in "-e" that superlatives are made of, beside those in "-nte"."""
_LAUGH: Final = re.compile(r"\b[jhaeiu]{4,}\b")
_EMOJI: Final = (
    "\u2600-\u263f\u2641\u2643-\u27bf\u2b50\u2b55"
    "\U0001f004\U0001f0cf\U0001f300-\U0001f3fa\U0001f400-\U0001f64f\U0001f680-\U0001f6ff"
    "\U0001f7e0-\U0001f7eb\U0001f900-\U0001faff"
)
_TOKEN: Final = re.compile(rf"[a-zñ]+|[!?]+|[{_EMOJI}]")
_REPEATED: Final = re.compile(r"(?<!\S)(\S+)(?: \1){2,}(?!\S)")

_SPANISH_ACCENTS: Final = str.maketrans("áéíóúüÁÉÍÓÚÜ", "aeiouuAEIOUU")
_KEEP_TILDE: Final = str.maketrans({"ñ": "\ue000"})
_RESTORE_TILDE: Final = str.maketrans({"\ue000": "ñ"})


def _mostly_capitals(text: str) -> bool:
    upper = sum(map(str.isupper, text))
    letters = upper + sum(map(str.islower, text))
    return letters >= _CAPITALS_MIN_LETTERS and upper >= _CAPITALS_SHARE * letters


def _strip_accents(text: str) -> str:
    # The accents of Spanish by table, which is all that most lines need; any others by decomposition.
    text = text.translate(_SPANISH_ACCENTS)
    if text.replace("ñ", "").isascii():
        return text
    spread = unicodedata.normalize("NFD", text.translate(_KEEP_TILDE))
    return "".join(char for char in spread if not unicodedata.combining(char)).translate(_RESTORE_TILDE)


def _laugh(match: re.Match[str]) -> str:
    # "jejeje", "ahahah" and "jajjaja" are one word each, but "hija" is none of them: one consonant, one vowel. The
    # vowel carries a shade of meaning (irony in "jeje").
    letters = set(match[0])
    vowels = letters - {"j", "h"}
    if len(letters) != 2 or len(vowels) != 1:
        return match[0]
    vowel = vowels.pop()
    return f"j{vowel}j{vowel}"


def _stem(match: re.Match[str]) -> str:
    # "contentisima" becomes "muy contenta": one word to learn instead of two.
    stem, ending = match.groups()
    if stem == "felic":
        return "felices" if ending.endswith("s") else "feliz"
    if stem.endswith("qu"):
        stem = f"{stem[:-2]}c"
    elif stem.endswith("gu"):
        stem = stem[:-1]
    if (stem.endswith("nt") and stem != "content") or stem in _STEMS_IN_E:
        ending = "es" if ending.endswith("s") else "e"
    return f"{stem}{ending}"


def _token(token: str) -> str:
    if token[0] in "!?":
        return _punctuation(token)
    strong = ""
    while "isim" in token and (superlative := _SUPERLATIVE.fullmatch(token)):
        token, strong = _stem(superlative), "muy "
    return strong + token


def _punctuation(token: str) -> str:
    return " ".join(mark for mark in "!?" if mark in token)


def normalize(text: str) -> str:
    """The tokens of text, separated by single spaces: a-z and ñ, marks, "!", "?" and single emoji.

    Any string is accepted, lone surrogates and control characters included; what is neither a Latin letter nor
    a mark becomes a space. Idempotent. Never longer than MAX_CHARS tokens; empty for text without any token.
    """
    text = text[:MAX_CHARS].encode("utf-8", "ignore").decode("utf-8")
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.replace("…", ".. "))
    text = _URL.sub(f" {URL} ", text)
    text = _USER.sub(f" {USER} ", text)
    shouted = _mostly_capitals(text)
    text = _HASHTAG.sub(lambda match: f" {TAG} {_CAMEL.sub(' ', match[1])} ", text)
    text = _SMILE.sub(" 🙂 ", text)
    text = _FROWN.sub(" 🙁 ", text)
    text = _HEART.sub(" ❤ ", text)
    text = _DOTS.sub(f" {DOTS} ", text)
    text = _DIGITS.sub(f" {NUMBER} ", text)
    text = _strip_accents(text.lower())
    text = _LONG.sub(r"\1", text)
    text = _LAUGH.sub(_laugh, text)
    tokens = [_token(token) for token in _TOKEN.findall(text)]
    if shouted:
        tokens.insert(0, CAPITALS)
    return _REPEATED.sub(r"\1 \1", " ".join(tokens))


NEGATORS: Final = (
    "no",
    "nunca",
    "jamas",
    "tampoco",
    "sin",
    "ni",
    "nada",
    "nadie",
    "ningun",
    "ninguna",
    "ninguno",
)
SCOPE_ENDS: Final = ("pero", "sino", "aunque", "porque", "!", "?", DOTS)
_FILLERS: Final = (
    "a al algo alguien algun alguna algunas alguno algunos alla alli ahi ahora aqui asi aun aunque bueno cada casi "
    "como con cual cuales cuando cuanto de del desde donde dos e el ella ellas ellos em en entonces entre era eran es "
    "esa esas ese eso esos esta estaba estan estar estas este esto estos estoy etc fue fueron ha habia hacer han has "
    "hasta hay he hemos la las le les lo los mas me mi mis mm mucho muy nos nosotros o os otra otras otro otros "
    "para pero por porque pues que quien quienes se sea segun ser si sido sino sobre somos son soy su sus tal tambien "
    "tan te tengo ti tiene tienen todo todos tu tus un una uno unas unos usted ustedes va vamos van vale y ya yo eh ah "
    "este o sea verdad digo oye mira tipo rollo ok okey"
)
FILLERS: Final = frozenset(_FILLERS.split())
"""Words that carry no emotion by themselves: an utterance of nothing else has no opinion. Without accents."""
_LIGHT: Final = (
    "siento sientes siente sentimos sienten encuentro encuentra da dan daba dio hace hizo hacia pone puso parece parecio "
    "quiero quiere puedo puede veo ve estuvo estuve estara fui sere seria habria tenia tuvo tuve hubo he"
)
LIGHT: Final = FILLERS | frozenset(_LIGHT.split())
"""Words that a negation passes over on its way to the word that it denies."""
NEGATION_REACH: Final = 4
"""A negation denies the first word that is not light, at most this many words on, before any of SCOPE_ENDS."""

_STRONG: Final = (
    "muy mucho mucha muchos muchas muchisimo muchisima tan tanto tanta tantos tantas super re recontra requete "
    "demasiado demasiada bastante increiblemente totalmente completamente absolutamente realmente profundamente"
)
STRONG: Final = frozenset(_STRONG.split())
WEAK: Final = frozenset(("algo", "apenas", "ligeramente"))
"""Words of degree that say nothing else: `plain` takes them out."""
INTENSE: Final = frozenset(
    ("terrible", "terribles", "enorme", "enormes", "tremendo", "tremenda", "inmenso", "inmensa")
)
"""Words that strengthen what they stand by, and have a meaning of their own: they stay."""
_PHRASES: Final = (
    (re.compile(r"\bun (?:poco|poquito)(?: de)?\b|\balgo de\b"), "algo"),
    (
        re.compile(
            r"\b(?:a mas no poder|un monton(?: de)?|a tope|hasta no poder mas|con toda el alma|de verdad)\b"
        ),
        "muy",
    ),
)
"""Turns of degree, and the word that stands for them."""


def degree(line: str) -> tuple[str, int]:
    """A normalized line without its words of degree, and how strongly it puts the rest.

    1 strong, -1 weak, 0 plain or both. A line of nothing but such words stays as it is.
    """
    for pattern, word in _PHRASES:
        line = pattern.sub(word, line)
    words = line.split()
    strong = any(word in STRONG or word in INTENSE for word in words)
    weak = any(word in WEAK for word in words)
    rest = [word for word in words if word not in STRONG and word not in WEAK]
    return " ".join(rest) if rest else line, int(strong) - int(weak)


DENIED: Final = -0.75
"""What a denied word counts as itself, beside the feature of its own that it is: "no tengo miedo" speaks against fear
even if "miedo" was never seen denied. The negation of VADER (Hutto and Gilbert 2014: -0.74)."""
CONCEDED: Final = 0.3
"""What words before a "pero" count (VADER: 0.5, and 1.5 for those after it)."""
CONCEDED_REACH: Final = 8
"""So many words before it at most: speech comes without full stops."""

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
    word_value, char_value: float32 (features,), what each counts: 1, CONCEDED, or times DENIED for what a negation
    turns round.
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
    """Prefix sums of a text's code points, from which the hash of any stretch follows without reading it again."""

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
            # Replaced as a whole and used from here on: another thread cannot come between.
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
        # What belongs to a word, of the stretches that touch it.
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
        # The scope is closed by the end of a line (before its first word), by a conjunction, and by a denied word.
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
            # Hashes of negated words and of their characters live apart, so that "contento" says nothing about
            # "no estoy contento" but what DENIED says.
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
