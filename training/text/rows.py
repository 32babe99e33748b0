"""The training rows: which head learns what from which text, and how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emoedge.text.tokens import normalize
from training.text import data, linear, templates
from training.text.augment import Recognizer, as_spoken, as_transcript
from training.text.names import swap

MADE_WEIGHT = 0.4
"""Weight of one made sentence for the head of plain statements, beside one real row for the head of its set.
"""
MADE_FOR_OTHERS = 0.03
"""And for the heads of the sets."""
REAL_FOR_PLAIN = 0.3
"""Weight of a labelled row for the head of plain statements: what it knows beyond the made sentences."""
NORM_WEIGHT = 0.04
"""Weight of one rated word beside one real row."""
TEACHER_SHARE = 0.5
"""Part of the teacher's opinion in the target of a labelled row."""
OTHER_HEAD_WEIGHT = 0.15
"""Weight of a row of one set for the heads of the others, which hear the teacher alone."""
UNLABELLED_WEIGHT = 0.15
"""Weight of a text without labels."""
SEVERAL_WEIGHT = 0.5
"""Weight of rows with several emotions, whose shares are the target."""
MADE = -1
"""In place of the index of a text: the line is a made sentence or a rated word."""


@dataclass(frozen=True, eq=False)
class Lines:
    """The lines of all training rows, drawn once: each fit keeps the rows of its examples.

    lines: normalized.
    example: int (n,), the index of the text that a line is made from, or MADE.
    taught: the made sentences and rated words of the last lines, in order; weight: float32 (taught, heads).
    origin: int (taught,).
    """

    lines: list[str]
    example: NDArray[np.intp]
    taught: list[templates.Taught]
    weight: NDArray[np.float32]
    origin: NDArray[np.intp]


def draw(
    examples: Sequence[data.Example], norms: dict[str, dict[str, float]], rng: np.random.Generator
) -> Lines:
    """Draw the lines: labelled texts as written and as a recognizer gives them, the others as transcripts.

    A recognizer hears no hashtags and no mentions, and errs in half of the texts. Given names are exchanged.

    Args:
        examples: labelled and unlabelled texts.
        norms: rated words.
        rng: for names, recognition errors and made sentences.
    """
    labelled = np.array([example.domain in data.DOMAINS for example in examples])
    real, others = np.flatnonzero(labelled).tolist(), np.flatnonzero(~labelled).tolist()
    recognizer = Recognizer(examples[index].text for index in real)
    texts = [swap(examples[index].text, rng) for index in real]
    spoken = [as_spoken(text) for text in texts]
    garbled = [recognizer.garble(line, rng) if rng.random() < 0.5 else line for line in spoken]
    made, rated = templates.sentences(rng), templates.norm_words(norms)
    for_heads = np.array(
        [MADE_WEIGHT if head == linear.PLAIN else MADE_FOR_OTHERS for head in range(linear.HEADS)]
    )
    own = np.array([item.weight for item in (*made, *rated)])[:, None]
    share = np.concatenate(
        [np.tile(for_heads, (len(made), 1)), np.full((len(rated), linear.HEADS), NORM_WEIGHT)]
    )
    return Lines(
        lines=[
            *(normalize(text) for text in texts),
            *garbled,
            *(as_spoken(examples[index].text) for index in others),
            *(as_transcript(item.text) for item in (*made, *rated)),
        ],
        # An empty list would be an array of floats.
        example=np.array([*real, *real, *others, *[MADE] * len(own)], np.intp),
        taught=[*made, *rated],
        weight=(own * share).astype(np.float32),
        origin=np.repeat([linear.PLAIN, linear.NO_GATE], [len(made), len(rated)]),
    )


def _class_weights(examples: Sequence[data.Example]) -> NDArray[np.float32]:
    """Balanced: inverse of each class's share; macro F1 counts every class alike."""
    total = np.sum([example.target for example in examples], axis=0)
    share = total / max(1.0, total.sum())
    return np.where(total > 0, 1 / np.maximum(share, 1e-9) / max(1, np.count_nonzero(total)), 0).astype(
        np.float32
    )


def rows(
    drawn: Lines, examples: Sequence[data.Example], kept: NDArray[np.bool_], said: NDArray[np.float32]
) -> tuple[NDArray[np.intp], linear.Rows]:
    """Choose the lines that a fit learns from, and what it learns from each.

    A set's own head learns the label with a part of the teacher's opinion, as does the head of plain
    statements; the other heads, and all of them from texts without labels, learn the teacher's opinion alone.

    Args:
        drawn: all lines.
        examples: n texts.
        kept: bool (n,), those that the fit may know.
        said: float32 (n, sets, 7), the teacher's opinions of them.

    Returns:
        the indices of the lines, and their rows.
    """
    origin = np.full(len(examples), linear.NO_GATE)
    target = _with_plain(said)
    weight = np.full((len(examples), linear.HEADS), UNLABELLED_WEIGHT, np.float32)
    for head, domain in enumerate(data.DOMAINS):
        own = [index for index in np.flatnonzero(kept).tolist() if examples[index].domain == domain]
        balance = _class_weights([examples[index] for index in own])
        origin[own] = head
        weight[own] = OTHER_HEAD_WEIGHT / 2
        for index in own:
            example = examples[index]
            mixed = (1 - TEACHER_SHARE) * example.target + TEACHER_SHARE * said[index, head]
            target[index, [head, linear.PLAIN]] = mixed
            share = 0.5 * (1.0 if example.single else SEVERAL_WEIGHT) * float(example.target @ balance)
            weight[index, [head, linear.PLAIN]] = share, REAL_FOR_PLAIN * share
    made = drawn.example == MADE
    real = drawn.example[~made]
    chosen = np.concatenate([np.flatnonzero(~made)[kept[real]], np.flatnonzero(made)])
    real = real[kept[real]]
    of_made = np.stack([item.target for item in drawn.taught])[:, None].repeat(linear.HEADS, axis=1)
    return chosen, linear.Rows(
        origin=np.concatenate([origin[real], drawn.origin]),
        target=np.concatenate([target[real], of_made]),
        weight=np.concatenate([weight[real], drawn.weight]),
    )


def _with_plain(said: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add the teachers' mean for the head of plain statements; a set left out has no teacher."""
    taught = np.maximum((said.sum(axis=2) > 0).sum(axis=1), 1)[:, None, None]
    return np.concatenate([said, said.sum(axis=1, keepdims=True) / taught], axis=1)
