"""From a line of text to its tokens: the same for a transcript and for a comment as it was written.

`normalize` accepts a transcript (lower case, no punctuation) as well as raw comments and tweets. What a
transcript cannot hold (emoji, "!", "?", hashtags, mentions, capitals) is kept as tokens of its own where it
is present, so that the words of both forms are the same.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_CHARS: Final = 2000
"""Longer text is cut: far beyond any utterance, and it bounds time and memory for hostile input."""

# Markers for features that transcripts lack. Plain letters, so that normalising twice has no effect.
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
    # "jejeje", "ahahah" and "jajjaja" are one word each, but "hija" is none of them: one consonant, one
    # vowel. The vowel carries a shade of meaning (irony in "jeje").
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

    Any string is accepted, lone surrogates and control characters included; what is neither a Latin letter
    nor a mark becomes a space. Idempotent. Never longer than MAX_CHARS tokens; empty for text without any
    token.
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
