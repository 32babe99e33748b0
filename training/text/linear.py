"""Multi-head linear model: sparse features, soft targets, shared and own weights, L-BFGS.

Each head's weights are a shared part plus a part of its own, both with an L2 penalty ("frustratingly easy
domain adaptation", Daumé III 2007): what the sets agree on is learned once, where they differ each keeps its
view. The gate is a problem of its own. Both are convex; the search runs in rounds that each begin from the
last one's result alone, so that a run that was broken off and resumed gives the same weights.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from emoedge.emotions import EMOTION_COUNT, INDEX
from emoedge.text.features import Hasher, frequency
from emoedge.text.words import degree
from training.text.data import DOMAINS, LABELS

logger = logging.getLogger(__name__)

HEADS = len(DOMAINS) + 1
PLAIN = len(DOMAINS)
"""Head after those of the sets: plain statements of one's own feelings, trained on generated sentences."""
HEAD_LABELS = (
    *(np.array([INDEX[name] for name in LABELS[domain]]) for domain in DOMAINS),
    np.arange(EMOTION_COUNT),
)
NO_GATE = -1
"""The set of a row that says nothing about which kind of text it is."""

_COLUMNS = EMOTION_COUNT * (HEADS + 1)
"""Weights of a feature: the shared ones, then each head's own."""
CURVATURE: Final = 0.1
"""About p(1 - p) of a typical row: for the scale of each weight in the search."""

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def _own(head: int) -> NDArray[np.intp]:
    return EMOTION_COUNT * (head + 1) + HEAD_LABELS[head]


@dataclass(frozen=True)
class Settings:
    """What was chosen on validation data.

    word_bits, char_bits: base-2 logarithms of the hash buckets.
    min_count: rows that must hold a feature for it to be kept.
    shared, own, gate: L2 penalties on the shared weights, each head's own, and the gate's.
    gate_weight: weight of telling the sets apart, beside telling emotions apart.
    rounds, iterations: of L-BFGS, and in each round.
    """

    word_bits: int = 20
    char_bits: int = 20
    min_count: int = 4
    shared: float = 1.0
    own: float = 0.25
    gate: float = 0.3
    gate_weight: float = 2.0
    rounds: int = 2
    iterations: int = 16


@dataclass(frozen=True)
class Rows:
    """Training rows.

    origin: int (n,), the head of the set it comes from, PLAIN, or NO_GATE.
    target: float32 (n, heads, 7), what each head should say.
    weight: float32 (n, heads), how much each head learns from it; 0 for not at all.
    """

    origin: NDArray[np.intp]
    target: Floats
    weight: Floats


@dataclass(frozen=True)
class Vocabulary:
    """Which buckets are kept, and their inverse document frequencies: (2**bits,), 0 where not kept."""

    word_idf: Floats
    char_idf: Floats


def counts(lines: list[str], hasher: Hasher, chunk: int = 256) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """What each bucket counts in each line, summed: words, then characters."""
    parts: dict[str, list[tuple[NDArray[np.intp], NDArray[np.intp], Floats]]] = {"word": [], "char": []}
    for start in range(0, len(lines), chunk):
        batch = hasher([degree(line)[0] for line in lines[start : start + chunk]])
        parts["word"].append((batch.word, batch.word_line + start, batch.word_value))
        parts["char"].append((batch.char, batch.char_line + start, batch.char_value))
    matrices = []
    for kind, bits in (("word", hasher.word_bits), ("char", hasher.char_bits)):
        columns, rows, values = (np.concatenate(part) for part in zip(*parts[kind], strict=True))
        matrix = sparse.csr_matrix((values, (rows, columns)), shape=(len(lines), 1 << bits))
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
    """The kept columns as unit-length tf-idf rows (`frequency` times idf), as the device computes them."""
    kept = np.flatnonzero(idf)
    weighed = matrix[:, kept]  # a copy
    weighed.data = frequency(weighed.data)
    weighed = weighed @ sparse.diags(idf[kept])
    norms = np.sqrt(np.maximum(np.asarray(weighed.multiply(weighed).sum(axis=1)).ravel(), 1e-12))
    return (sparse.diags(1 / norms) @ weighed).tocsr().astype(np.float32)


def design(word: sparse.csr_matrix, char: sparse.csr_matrix, vocabulary: Vocabulary) -> sparse.csr_matrix:
    """The feature matrix of counted lines: kept word columns, then kept character columns."""
    return sparse.hstack([weigh(word, vocabulary.word_idf), weigh(char, vocabulary.char_idf)]).tocsr()


def _log_softmax(logits: Doubles) -> Doubles:
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Fitted:
    """Weights float32 (features, outputs) and bias (outputs,): heads in order, then the gate."""

    weights: Floats
    bias: Floats


def fit(
    features: sparse.csr_matrix, rows: Rows, settings: Settings, checkpoint: Path | None = None
) -> Fitted:
    """Minimize the weighted cross entropy of heads and gate plus the penalties.

    With `checkpoint` the state after each round is kept there, and taken up again if it is found.
    """
    squares = features.multiply(features).T.tocsr()
    heads = _heads_problem(features, squares, rows, settings)
    gate = _gate_problem(features, squares, rows, settings)
    full = _search("heads", heads, settings, checkpoint)
    outputs = [full[:, :EMOTION_COUNT][:, labels] + full[:, _own(h)] for h, labels in enumerate(HEAD_LABELS)]
    merged = np.concatenate([*outputs, _search("gate", gate, settings, checkpoint)], axis=1)
    return Fitted(merged[:-1], merged[-1])


@dataclass(frozen=True)
class _Problem:
    """A loss of weights (features + 1, outputs), the last row the bias, and the scale of each weight.

    In float64: with float32 the search ends among rounding errors, at weights that differ by 1 % from
    processor to processor.
    """

    loss: Callable[[Doubles], tuple[float, Doubles]]
    scale: Floats


def _heads_problem(
    features: sparse.csr_matrix, squares: sparse.csr_matrix, rows: Rows, settings: Settings
) -> _Problem:
    # A head's logit is the shared weight plus its own: one column of outputs for each label of each head.
    shared, own = np.concatenate(HEAD_LABELS), np.concatenate([_own(head) for head in range(HEADS)])
    ends = np.cumsum([len(labels) for labels in HEAD_LABELS])
    spans = [slice(end - len(labels), end) for end, labels in zip(ends, HEAD_LABELS, strict=True)]
    members = []
    for head, labels in enumerate(HEAD_LABELS):
        mass = rows.target[:, head, labels].sum(axis=1)
        weight = np.where(mass > 0, rows.weight[:, head], 0)[:, None]
        members.append((rows.target[:, head, labels] / np.maximum(mass, 1e-9)[:, None], weight))
    penalty = np.full(_COLUMNS, settings.own, np.float32)
    penalty[:EMOTION_COUNT] = settings.shared
    doubles = features.astype(np.float64)
    transposed = doubles.T.tocsr()

    def loss(full: Doubles) -> tuple[float, Doubles]:
        weights = full[:-1]
        joined = full[:, shared] + full[:, own]
        slope = doubles @ joined[:-1] + joined[-1]
        total = 0.5 * float((penalty * weights * weights).sum())
        for span, (target, weight) in zip(spans, members, strict=True):
            log_p = _log_softmax(slope[:, span])
            total -= float((weight * target * log_p).sum())
            slope[:, span] = weight * (np.exp(log_p) - target)
        by_output = np.concatenate([transposed @ slope, slope.sum(axis=0)[None]])
        gradient = np.zeros_like(full)
        gradient[:, own] = by_output
        for span, labels in zip(spans, HEAD_LABELS, strict=True):
            gradient[:, labels] += by_output[:, span]
        gradient[:-1] += penalty * weights
        return total, gradient

    each = np.repeat(rows.weight, EMOTION_COUNT, axis=1)
    everything = rows.weight.sum(axis=1, keepdims=True).repeat(EMOTION_COUNT, axis=1)
    return _Problem(loss, _scale(squares, np.concatenate([everything, each], axis=1), penalty))


def _gate_problem(
    features: sparse.csr_matrix, squares: sparse.csr_matrix, rows: Rows, settings: Settings
) -> _Problem:
    kinds = np.flatnonzero(rows.origin != NO_GATE)
    target = np.eye(HEADS, dtype=np.float32)[rows.origin[kinds]]
    doubles = features[kinds].astype(np.float64)
    transposed = doubles.T.tocsr()

    def loss(full: Doubles) -> tuple[float, Doubles]:
        weights = full[:-1]
        log_p = _log_softmax(doubles @ weights + full[-1])
        slope = settings.gate_weight * (np.exp(log_p) - target)
        total = 0.5 * settings.gate * float((weights * weights).sum())
        total -= settings.gate_weight * float((target * log_p).sum())
        gradient = transposed @ slope + settings.gate * weights
        return total, np.concatenate([gradient, slope.sum(axis=0)[None]])

    weight = np.where(rows.origin == NO_GATE, 0, settings.gate_weight).astype(np.float32)[:, None]
    penalty = np.full(HEADS, settings.gate, np.float32)
    return _Problem(loss, _scale(squares, weight.repeat(HEADS, axis=1), penalty))


def _scale(squares: sparse.csr_matrix, weight: Floats, penalty: Floats) -> Floats:
    """Inverse root of each weight's curvature: in these units L-BFGS finds its way several times as fast."""
    bias = weight.sum(axis=0, keepdims=True)
    curvature = CURVATURE * np.concatenate([squares @ weight, bias])
    curvature[:-1] += penalty
    return np.asarray(1 / np.sqrt(np.maximum(curvature, 1e-6)), np.float32)


def _search(name: str, problem: _Problem, settings: Settings, checkpoint: Path | None) -> Floats:
    shape = problem.scale.shape
    state = np.zeros(shape, np.float32)
    done = 0
    path = checkpoint / f"{name}.npz" if checkpoint else None
    if path and path.exists():
        with np.load(path) as kept:
            state, done = kept["state"], int(kept["done"])
        logger.info("%s: going on after round %d", name, done)

    def objective(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        loss, gradient = problem.loss(flat.reshape(shape) * problem.scale)
        return loss, (gradient * problem.scale).ravel()

    options = {"maxiter": settings.iterations, "maxcor": 8, "ftol": 1e-7}
    for number in range(done + 1, settings.rounds + 1):
        found = minimize(
            objective, state.ravel().astype(np.float64), jac=True, method="L-BFGS-B", options=options
        )
        state = found.x.reshape(shape).astype(np.float32)
        logger.info("%s, round %d: loss %.1f after %d iterations", name, number, found.fun, found.nit)
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{name}.part.npz")
            np.savez(partial, state=state, done=number)
            partial.replace(path)
    return np.asarray(state * problem.scale, np.float32)
