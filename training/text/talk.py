"""Everyday talk from a small grammar: what people say at home when afraid, glad or asking for salt.

`talk/NAME.txt` holds the patterns of one emotion, one per line: "(a|b)" stands for one of its alternatives,
which may be empty or nested, and "<who>" for one of the words of that name in `talk/_lists.txt`. Most
patterns describe a situation and do not name the feeling. A sentence that shares most of its words with one
in the suites of everyday talk in `tests/behaviour` is left out, so that the suites test what was not
in training.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from emoedge.emotions import EMOTIONS
from emoedge.text.tokens import normalize
from training.text import behaviour

FOLDER: Final = Path(__file__).with_suffix("")
DRAWS: Final = 24
"""Sentences drawn from a pattern."""
NEUTRAL_DRAWS: Final = 30
"""Sentences drawn from a neutral pattern: there are fewer of these, with more parts."""

NEAR: Final = 0.6
"""Share of common words, among all words of both, from which a sentence is a near copy of a tested one."""

_PART: Final = re.compile(r"\(([^()]*)\)|<(\w+)>")


def _lists() -> dict[str, list[str]]:
    lines = (FOLDER / "_lists.txt").read_text(encoding="utf-8").splitlines()
    return {name: words.strip().split("|") for name, words in (line.split(":", 1) for line in lines if line)}


def patterns(name: str) -> list[str]:
    """The patterns of an emotion."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line]


def expand(pattern: str, lists: dict[str, list[str]], rng: np.random.Generator) -> str:
    """One sentence of a pattern; parts are chosen from the innermost outwards."""

    def choose(match: re.Match[str]) -> str:
        options = lists[match[2]] if match[2] else match[1].split("|")
        return options[rng.integers(len(options))]

    found = 1
    while found:
        pattern, found = _PART.subn(choose, pattern)
    return " ".join(pattern.split())


def _words(line: str) -> frozenset[str]:
    return frozenset(normalize(line).split())


def tested() -> list[frozenset[str]]:
    """The words of each sentence of the suites of everyday talk."""
    return [
        _words(case[0])
        for path in (behaviour.FRESH, behaviour.TALK, behaviour.HOME)
        for capability in behaviour.load(path)
        for case in capability.cases
        if capability.kind == "is"
    ]


def is_near(line: str, asked: Iterable[frozenset[str]]) -> bool:
    """Return whether a line is a near copy of a tested one: NEAR or more of their words are shared."""
    own = _words(line)
    return any(len(own & other) >= NEAR * len(own | other) for other in asked)


def sentences(rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Sentences with their emotions, without duplicates."""
    lists, asked = _lists(), tested()
    for name in EMOTIONS:
        draws = NEUTRAL_DRAWS if name == "neutral" else DRAWS
        for pattern in patterns(name):
            for line in dict.fromkeys(expand(pattern, lists, rng) for _ in range(draws)):
                if not is_near(line, asked):
                    yield line, name
