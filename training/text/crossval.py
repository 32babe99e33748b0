"""Cross-validation of the text model: five models, each without a fifth of every set's groups.

Groups are videos in MEACorpus, copies of a text elsewhere; the folds are stratified, so that the ten videos
with fear are spread. What a fold's model says of its own fold is what the shipped recipe is measured by, and
what calibrates it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, Probabilities
from emoedge.text.model import MessageWeights, Outputs, TextEmotionModel
from training.text import data
from training.text.augment import as_spoken
from training.text.calibration import Asked, calibrate
from training.text.teacher import TOLERANCE

FOLDS: Final = 5
SEED: Final = 0
"""Seed of the division into folds."""
NAME: Final = "text_emotion_without_{}.npz"
"""Name of the model of a fold in the work folder."""
LEFT_OUT: Final = "text_emotion_left_out_{}.npz"
"""Name of the model trained without a set in the work folder."""


def folds(examples: Sequence[data.Example], seed: int = SEED) -> NDArray[np.intp]:
    """Return the fold of each row, 0..FOLDS-1, or -1 without labels; every set is divided separately."""
    from sklearn.model_selection import StratifiedGroupKFold

    result = np.full(len(examples), -1, np.intp)
    for domain in data.DOMAINS:
        own = np.array([index for index, example in enumerate(examples) if example.domain == domain])
        labels = [examples[index].label for index in own]
        groups = [examples[index].group for index in own]
        divided = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(own, labels, groups)
        for number, (_, left_out) in enumerate(divided):
            result[own[left_out]] = number
    return result


def ask(
    weights: Sequence[MessageWeights], examples: Sequence[data.Example], of_fold: NDArray[np.intp]
) -> Asked:
    """Return the results of each fold's model for its rows with one emotion, as transcripts without tags."""
    heads, gates, rows = [], [], []
    has_label = np.zeros((0, EMOTION_COUNT), np.float32)
    for number, own_weights in enumerate(weights):
        model = TextEmotionModel(own_weights)
        has_label = model.has_label
        own = [index for index in np.flatnonzero(of_fold == number).tolist() if examples[index].single]
        lines = [as_spoken(examples[index].text) for index in own]
        for start in range(0, len(lines), 256):
            outputs = model.outputs(lines[start : start + 256])
            heads.append(outputs.heads)
            gates.append(outputs.gate)
        rows += own
    return Asked(
        Outputs(np.concatenate(heads), np.concatenate(gates), has_label),
        truth=np.array([examples[index].label for index in rows]),
        origin=np.array([data.DOMAINS.index(examples[index].domain) for index in rows]),
        fold=of_fold[rows],
    )


def calibrated(weights: Sequence[MessageWeights], asked: Asked) -> list[MessageWeights]:
    """Return each fold's model with values chosen on the other folds: its own rows are new to both."""
    return [calibrate(own, asked.without(number)) for number, own in enumerate(weights)]


def save(weights: Sequence[MessageWeights], work: Path) -> None:
    """Save the models of the folds for `answers`."""
    for number, own in enumerate(weights):
        own.save(work / NAME.format(number))


def _is_scored(example: data.Example) -> bool:
    return example.is_scored


def answers(
    examples: Sequence[data.Example],
    of_fold: NDArray[np.intp],
    work: Path,
    form: Callable[[str], str],
    chosen: Callable[[data.Example], bool] = _is_scored,
) -> Iterator[tuple[data.Example, int, Probabilities | None]]:
    """Every chosen row, its fold, and what the model without this fold says of it, as the device asks."""
    for number in range(FOLDS):
        model = TextEmotionModel.load(work / NAME.format(number))
        own = [
            examples[index] for index in np.flatnonzero(of_fold == number).tolist() if chosen(examples[index])
        ]
        said = model.classify_batch([form(example.text) for example in own])
        for example, posterior in zip(own, said, strict=True):
            yield example, number, posterior


def answers_left_out(
    examples: Sequence[data.Example], name: data.Domain, work: Path, form: Callable[[str], str]
) -> list[tuple[data.Example, Probabilities | None]]:
    """Return every scored row of a set, with the result of the model trained without the set."""
    model = TextEmotionModel.load(work / LEFT_OUT.format(name))
    own = [example for example in examples if example.domain == name and example.is_scored]
    return list(zip(own, model.classify_batch([form(example.text) for example in own]), strict=True))


def baseline(
    examples: Sequence[data.Example], of_fold: NDArray[np.intp], domain: data.Domain
) -> NDArray[Any]:
    """Return results of TF-IDF with balanced logistic regression within a set, on the same folds.

    Returns the labels said, of the scored rows, in order.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    own = [index for index, row in enumerate(examples) if row.domain == domain and row.is_scored]
    lines = np.array([as_spoken(examples[index].text) for index in own], object)
    labels = np.array([examples[index].label for index in own])
    fold = of_fold[own]
    said = np.zeros(len(own), np.intp)
    for number in range(FOLDS):
        words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        stretches = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)
        model = make_pipeline(
            make_union(words, stretches),
            LogisticRegression(class_weight="balanced", tol=TOLERANCE, max_iter=2000),
        )
        model.fit(lines[fold != number], labels[fold != number])
        said[fold == number] = model.predict(lines[fold == number])
    return said
