"""The multi-head linear model: sparse features, soft targets, shared and own weights of each head, fitted by L-BFGS.

Each head's weights are a shared part plus a part of its own, both with an L2 penalty ("frustratingly easy domain
adaptation", Daumé III 2007): what the sets agree on is learned once, where they differ each keeps its view. The
objective is convex, so that the result depends on the data alone.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]
from scipy.optimize import minimize  # type: ignore[import-untyped]

from emoedge.emotions import EMOTION_COUNT, INDEX
from emoedge.speech.text_features import Hasher
from training.text.data import DOMAINS, LABELS

logger = logging.getLogger(__name__)

HEADS = len(DOMAINS)
HEAD_LABELS = tuple(np.array([INDEX[name] for name in LABELS[domain]]) for domain in DOMAINS)
NO_GATE = -1
"""The set of a row that says nothing about which kind of text it is (made sentences)."""

_SHARED = slice(0, EMOTION_COUNT)
_GATE = slice(EMOTION_COUNT * (HEADS + 1), EMOTION_COUNT * (HEADS + 1) + HEADS)
_COLUMNS = EMOTION_COUNT * (HEADS + 1) + HEADS

Floats = NDArray[np.float32]


def _own(head: int) -> NDArray[np.intp]:
    return EMOTION_COUNT * (head + 1) + HEAD_LABELS[head]


@dataclass(frozen=True)
class Settings:
    """What was chosen on validation data.

    word_bits, char_bits: base-2 logarithms of the hash buckets.
    min_count: rows that must hold a feature for it to be kept.
    shared, own, gate: L2 penalties on the shared weights, each head's own, and the gate's.
    gate_weight: weight of telling the sets apart, beside telling emotions apart.
    iterations: of L-BFGS; 100 measured better than 40 on every set.
    """

    word_bits: int = 20
    char_bits: int = 20
    min_count: int = 4
    shared: float = 1.0
    own: float = 0.25
    gate: float = 0.3
    gate_weight: float = 2.0
    iterations: int = 100


@dataclass(frozen=True)
class Rows:
    """Training rows.

    origin: int (n,), index into DOMAINS of the set it comes from, or NO_GATE.
    target: float32 (n, heads, 7), what each head should say.
    weight: float32 (n, heads), how much each head learns from it; 0 for not at all.
    """

    lines: list[str]
    origin: NDArray[np.intp]
    target: Floats
    weight: Floats


@dataclass(frozen=True)
class Vocabulary:
    """Which buckets are kept, and their inverse document frequencies: (2**bits,), 0 where not kept."""

    word_idf: Floats
    char_idf: Floats


def counts(lines: list[str], hasher: Hasher, chunk: int = 256) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """How often each bucket occurs in each line: words, then characters."""
    parts: dict[str, list[tuple[NDArray[np.intp], NDArray[np.intp]]]] = {"word": [], "char": []}
    for start in range(0, len(lines), chunk):
        batch = hasher(lines[start : start + chunk])
        parts["word"].append((batch.word, batch.word_line + start))
        parts["char"].append((batch.char, batch.char_line + start))
    matrices = []
    for kind, bits in (("word", hasher.word_bits), ("char", hasher.char_bits)):
        columns, rows = (np.concatenate(values) for values in zip(*parts[kind], strict=True))
        ones = np.ones(len(columns), np.float32)
        matrix = sparse.csr_matrix((ones, (rows, columns)), shape=(len(lines), 1 << bits))
        matrix.sum_duplicates()
        matrices.append(matrix)
    return matrices[0], matrices[1]


def inverse_frequencies(matrix: sparse.csr_matrix, min_count: int) -> Floats:
    """Smoothed idf of each column, 0 for those in fewer than min_count rows."""
    document = np.bincount(matrix.indices, minlength=matrix.shape[1])
    idf = np.log((1 + matrix.shape[0]) / (1 + document)) + 1
    # As stored: float16, so that the device weighs exactly as training did.
    return np.where(document >= min_count, idf, 0).astype(np.float16).astype(np.float32)


def weigh(matrix: sparse.csr_matrix, idf: Floats) -> sparse.csr_matrix:
    """The kept columns as unit-length tf-idf rows (1 + log count, times idf), as the device computes them."""
    kept = np.flatnonzero(idf)
    weighed = matrix[:, kept]  # a copy
    weighed.data = 1 + np.log(weighed.data)
    weighed = weighed @ sparse.diags(idf[kept])
    norms = np.sqrt(np.maximum(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel(), 1e-12))
    return (sparse.diags(1 / norms) @ weighed).tocsr().astype(np.float32)


def design(lines: list[str], hasher: Hasher, vocabulary: Vocabulary) -> sparse.csr_matrix:
    """The feature matrix: kept word columns, then kept character columns."""
    word, char = counts(lines, hasher)
    return sparse.hstack([weigh(word, vocabulary.word_idf), weigh(char, vocabulary.char_idf)]).tocsr()


def _log_softmax(logits: Floats) -> Floats:
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Fitted:
    """weights: float32 (features, outputs), bias: (outputs,): the heads' outputs in order, then the gate's."""

    weights: Floats
    bias: Floats


def fit(features: sparse.csr_matrix, rows: Rows, settings: Settings) -> Fitted:
    """Minimize the weighted cross entropy of heads and gate plus the penalties."""
    count, width = features.shape
    transposed = features.T.tocsr()
    members = []
    for head, labels in enumerate(HEAD_LABELS):
        mass = rows.target[:, head, labels].sum(axis=1)
        chosen = np.flatnonzero((rows.weight[:, head] > 0) & (mass > 0))
        target = rows.target[:, head][np.ix_(chosen, labels)] / mass[chosen, None]
        members.append((chosen, target, rows.weight[chosen, head, None]))
    real = np.flatnonzero(rows.origin != NO_GATE)
    gate_target = np.eye(HEADS, dtype=np.float32)[rows.origin[real]]
    penalty = np.full(_COLUMNS, settings.own, np.float32)
    penalty[_SHARED] = settings.shared
    penalty[_GATE] = settings.gate

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat[: width * _COLUMNS].reshape(width, _COLUMNS).astype(np.float32)
        logits = features @ weights + flat[width * _COLUMNS :].astype(np.float32)
        slope = np.zeros_like(logits)
        loss = 0.0
        for head, (chosen, target, weight) in enumerate(members):
            labels, own = HEAD_LABELS[head], _own(head)
            log_p = _log_softmax(logits[np.ix_(chosen, labels)] + logits[np.ix_(chosen, own)])
            loss -= float((weight * target * log_p).sum())
            residual = weight * (np.exp(log_p) - target)
            slope[np.ix_(chosen, labels)] += residual
            slope[np.ix_(chosen, own)] += residual
        log_p = _log_softmax(logits[real, _GATE])
        loss -= settings.gate_weight * float((gate_target * log_p).sum())
        slope[real, _GATE] = settings.gate_weight * (np.exp(log_p) - gate_target)
        gradient = transposed @ slope + penalty * weights
        loss += 0.5 * float((penalty * weights * weights).sum())
        return loss, np.concatenate([gradient.ravel(), slope.sum(axis=0)]).astype(np.float64)

    result = minimize(
        objective,
        np.zeros((width + 1) * _COLUMNS),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": settings.iterations, "maxcor": 6},
    )
    logger.info("%d rows, %d features: loss %.1f after %d iterations", count, width, result.fun, result.nit)
    full = result.x.reshape(width + 1, _COLUMNS).astype(np.float32)
    outputs = [full[:, labels] + full[:, _own(head)] for head, labels in enumerate(HEAD_LABELS)]
    merged = np.concatenate([*outputs, full[:, _GATE]], axis=1)
    return Fitted(merged[:-1], merged[-1])
