"""The training rows: which head learns what from which text, and how much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from emoedge.text.tokens import normalize
from training.text import data, linear, templates
from training.text.augment import Recognizer, as_transcript
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
"""Weight of BRIGHTER rows with several emotions, whose shares are the target."""


def _class_weights(examples: Sequence[data.Example], domain: str) -> NDArray[np.float32]:
    """Balanced: inverse of each class's share; macro F1 counts every class alike."""
    total = np.sum([example.target for example in examples if example.domain == domain], axis=0)
    return np.where(total > 0, total.sum() / np.maximum(total, 1) / np.count_nonzero(total), 0).astype(
        np.float32
    )


def _real(
    examples: Sequence[data.Example], said: NDArray[np.float32], rng: np.random.Generator
) -> linear.Rows:
    """Every labelled text twice: as written, and as a recognizer would give it.

    Its own head learns the label with a part of the teacher's opinion, as does the head of plain statements;
    the other heads learn the teacher's opinion alone. Given names are exchanged in both.
    """
    recognizer = Recognizer(example.text for example in examples)
    balance = {domain: _class_weights(examples, domain) for domain in data.DOMAINS}
    texts = [swap(example.text, rng) for example in examples]
    spoken = [as_transcript(text) for text in texts]
    garbled = [recognizer.garble(line, rng) if rng.random() < 0.5 else line for line in spoken]
    origin = np.array([data.DOMAINS.index(example.domain) for example in examples])
    target = _with_plain(said)
    weight = np.full((len(examples), linear.HEADS), OTHER_HEAD_WEIGHT / 2, np.float32)
    for index, (example, head) in enumerate(zip(examples, origin, strict=True)):
        target[index, head] = (1 - TEACHER_SHARE) * example.target + TEACHER_SHARE * said[index, head]
        share = 0.5 if example.single else 0.5 * SEVERAL_WEIGHT
        weight[index, head] = share * float(example.target @ balance[example.domain])
        target[index, linear.PLAIN] = target[index, head]
        weight[index, linear.PLAIN] = REAL_FOR_PLAIN * weight[index, head]
    return linear.Rows(
        lines=[*(normalize(text) for text in texts), *garbled],
        origin=np.concatenate([origin, origin]),
        target=np.concatenate([target, target]),
        weight=np.concatenate([weight, weight]),
    )


def _with_plain(said: NDArray[np.float32]) -> NDArray[np.float32]:
    """The teachers' opinions, and their mean for the head of plain statements."""
    return np.concatenate([said, said.mean(axis=1, keepdims=True)], axis=1)


def _unlabelled(examples: Sequence[data.Example], said: NDArray[np.float32]) -> linear.Rows:
    """Texts without emotion labels: every head learns its teacher's opinion."""
    return linear.Rows(
        lines=[as_transcript(example.text) for example in examples],
        origin=np.full(len(examples), linear.NO_GATE),
        target=_with_plain(said),
        weight=np.full((len(examples), linear.HEADS), UNLABELLED_WEIGHT, np.float32),
    )


def _taught(items: Sequence[templates.Taught], weight: float, for_others: float, origin: int) -> linear.Rows:
    """Made sentences or rated words: one target for every head."""
    own = np.array([item.weight for item in items], np.float32)[:, None]
    return linear.Rows(
        lines=[as_transcript(item.text) for item in items],
        origin=np.full(len(items), origin),
        target=np.stack([item.target for item in items])[:, None].repeat(linear.HEADS, axis=1),
        weight=own * np.where(np.arange(linear.HEADS) == linear.PLAIN, weight, for_others).astype(np.float32),
    )


def rows(
    examples: Sequence[data.Example],
    said: NDArray[np.float32],
    norms: dict[str, dict[str, float]],
    rng: np.random.Generator,
) -> linear.Rows:
    """Everything the model learns from.

    Args:
        examples: labelled and unlabelled texts.
        said: float32 (examples, sets, 7), the teacher's opinions of them.
        norms: rated words.
        rng: for recognition errors and made sentences.
    """
    labelled = np.array([example.domain in data.DOMAINS for example in examples])
    parts = (
        _real([e for e, real in zip(examples, labelled, strict=True) if real], said[labelled], rng),
        _unlabelled([e for e, real in zip(examples, labelled, strict=True) if not real], said[~labelled]),
        _taught(templates.sentences(rng), MADE_WEIGHT, MADE_FOR_OTHERS, linear.PLAIN),
        _taught(templates.norm_words(norms), NORM_WEIGHT, NORM_WEIGHT, linear.NO_GATE),
    )
    return linear.Rows(
        lines=[line for part in parts for line in part.lines],
        origin=np.concatenate([part.origin for part in parts]),
        target=np.concatenate([part.target for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
    )
