"""Folds: the perceptrons to train, and the clips excluded from each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.voice.data import TARGET_SET, Corpus

FINAL: Final = "final"
FINAL_MEMBERS: Final = 5
"""Number of perceptrons in the shipped network, about 60 kB each."""
FOLD_MEMBERS: Final = 2
"""Number for each speaker left out: a slightly pessimistic estimate in a fraction of the time."""
SENTENCE_GROUPS: Final = 4


@dataclass(frozen=True)
class Fold:
    """Committee of perceptrons.

    Attributes:
        name: "final", a speaker, a half of them, or another excluded group.
        excluded: bool (n,), clips excluded from training.
        tested: bool (n,), test clips; none for the final committee.
        members: number of perceptrons.
    """

    name: str
    excluded: NDArray[np.bool_]
    tested: NDArray[np.bool_]
    members: int


def final_plan(corpus: Corpus) -> list[Fold]:
    """Return the fold of the shipped network, without exclusions."""
    nothing = np.zeros(len(corpus), dtype=bool)
    return [Fold(FINAL, nothing, nothing, FINAL_MEMBERS)]


def speaker_plan(corpus: Corpus) -> list[Fold]:
    """Return one fold for each speaker of the target set."""
    folds = []
    for name in np.unique(corpus.speaker[corpus.origin == TARGET_SET]):
        mine = corpus.speaker == name
        folds.append(Fold(str(name), mine, mine, FOLD_MEMBERS))
    return folds


def half_plan(corpus: Corpus) -> list[Fold]:
    """Return two folds, each without half of the speakers of each set: strangers from known sets."""
    names = np.unique(corpus.speaker)
    folds = []
    for half in (0, 1):
        mine = np.isin(corpus.speaker, names[half::2])
        folds.append(Fold(f"half {half}", mine, mine, FOLD_MEMBERS))
    return folds


def sentence_plan(corpus: Corpus) -> list[Fold]:
    """Return folds without pairs of speakers, once with all sentences known and once with a quarter unknown.

    The first kind is the reference for the second: same speakers, same number of perceptrons.
    """
    target = corpus.origin == TARGET_SET
    names = np.unique(corpus.speaker[target])
    sentences = np.unique(corpus.sentence[target])
    folds = []
    for pair in np.array_split(names, len(names) // 2):
        mine = np.isin(corpus.speaker, pair)
        folds.append(Fold("/".join(pair), mine, mine, 1))
        for group in range(SENTENCE_GROUPS):
            same = target & np.isin(corpus.sentence, sentences[group::SENTENCE_GROUPS])
            folds.append(Fold(f"sentences {group}", mine | same, mine & same, 1))
    return folds


def stack(folds: list[Fold]) -> NDArray[np.bool_]:
    """Return the exclusions of all perceptrons of all folds, (perceptrons, n)."""
    return np.array([fold.excluded for fold in folds for _ in range(fold.members)])


def positions(folds: list[Fold]) -> list[range]:
    """Return the perceptrons of each fold in stack()."""
    ends = np.cumsum([fold.members for fold in folds])
    return [range(int(end) - fold.members, int(end)) for end, fold in zip(ends, folds, strict=True)]


PLANS: Final = {
    "final": final_plan,
    "speakers": speaker_plan,
    "halves": half_plan,
    "sentences": sentence_plan,
}
