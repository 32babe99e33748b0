"""Class offsets and temperatures of the heads, chosen on results for rows not used in the fit."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from emoedge.emotions import EMOTION_COUNT, INDEX
from emoedge.text.model import MessageWeights, Outputs
from training.text import data

logger = logging.getLogger(__name__)

TEMPERATURE_BOUNDS = (0.25, 4.0)
STARTS = (0.5, 1.0, 2.0)
"""Temperatures from which the search begins; the best result is kept."""
LEAST_PROBABILITY = 1e-9
SEARCH: dict[str, Any] = {"method": "L-BFGS-B", "jac": "3-point", "options": {"ftol": 1e-13, "gtol": 1e-7}}

OFFSET_SHARPNESS = 2.0
"""Exponent of the posteriors in the macro F1 that the class offsets raise: a smooth stand-in for the leading
class. A search by steps for the macro F1 of the leading class itself follows single rows of the rare classes,
and lost on new ones."""
OFFSET_PENALTY = 0.02
"""Of that macro F1, for the square of an offset: rare classes would take chance for a reason."""


@dataclass(frozen=True, eq=False)
class Asked:
    """Results of models of temperature one for rows not used in their fit, as transcripts.

    outputs: for n rows.
    truth, origin, fold: int (n,): the label, the set it is of, and which fold's model was asked.
    """

    outputs: Outputs
    truth: NDArray[np.intp]
    origin: NDArray[np.intp]
    fold: NDArray[np.intp]

    def without(self, fold: int) -> Asked:
        """Return the rows of the other folds."""
        rest = np.flatnonzero(self.fold != fold)
        outputs = Outputs(self.outputs.heads[rest], self.outputs.gate[rest], self.outputs.has_label)
        return Asked(outputs, self.truth[rest], self.origin[rest], self.fold[rest])


def shifted(asked: Asked, offset: NDArray[np.float32]) -> Asked:
    """Return the results with these offsets (sets, 7) added to the logits of the heads."""
    heads = asked.outputs.heads.copy()
    heads[:, : len(offset)] *= np.exp(offset)
    heads /= heads.sum(axis=2, keepdims=True)
    return replace(asked, outputs=replace(asked.outputs, heads=heads))


def offsets(asked: Asked) -> NDArray[np.float32]:
    """Offsets (sets, 7) of each set's head for the smooth macro F1 of its rows; 0 for missing labels.

    Chosen on four folds they raise the macro F1 of the fifth in the mean, on every set.
    """
    chosen = np.zeros((len(data.DOMAINS), EMOTION_COUNT), np.float32)
    for head, domain in enumerate(data.DOMAINS):
        labels = [INDEX[name] for name in data.LABELS[domain]]
        own = np.flatnonzero(asked.origin == head)
        if len(own):
            posterior = asked.outputs.heads[own, head][:, labels]
            chosen[head, labels] = _offsets(posterior, np.eye(EMOTION_COUNT)[asked.truth[own]][:, labels])
            logger.info("offsets of %s: %s", domain, np.round(chosen[head], 2))
    return chosen


def _offsets(posterior: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any]:
    """Offsets (labels,) for posteriors and one-hot truth (n, labels)."""
    logits = np.log(np.maximum(posterior.astype(np.float64), 1e-6))

    def cost(offset: NDArray[np.float64]) -> float:
        sharp = np.exp(OFFSET_SHARPNESS * (logits + offset))
        sharp /= sharp.sum(axis=1, keepdims=True)
        f1 = 2 * (sharp * truth).sum(axis=0) / np.maximum(sharp.sum(axis=0) + truth.sum(axis=0), 1e-9)
        return OFFSET_PENALTY * float(offset @ offset) - float(f1.mean())

    return np.asarray(minimize(cost, np.zeros(posterior.shape[1]), **SEARCH).x)


def calibrate(weights: MessageWeights, asked: Asked) -> MessageWeights:
    """Return the weights with the offsets and temperatures chosen on these results."""
    offset = offsets(asked)
    by_output = [
        offset[head, list(labels)] for head, labels in enumerate(weights.labels) if head < len(offset)
    ]
    bias = weights.bias.copy()
    flat = np.concatenate(by_output)
    bias[: len(flat)] += flat
    return replace(weights, bias=bias, temperatures=temperatures(shifted(asked, offset)))


def _all_heads(of_sets: NDArray[Any]) -> NDArray[Any]:
    """Log temperatures of all heads; the head of plain statements takes the others' mean."""
    return np.append(of_sets, of_sets.mean())


def sharpen(outputs: Outputs, log_temperatures: NDArray[Any]) -> NDArray[np.floating]:
    """Return the posteriors (n, 7) with these log temperatures (heads,)."""
    # In float64: the search for temperatures takes differences of what follows from them.
    heads = outputs.heads.astype(np.float64) ** np.exp(-log_temperatures)[None, :, None]
    heads /= heads.sum(axis=2, keepdims=True)
    return Outputs(heads, outputs.gate, outputs.has_label).probabilities


def temperatures(asked: Asked) -> NDArray[np.float32]:
    """Return the temperatures of the heads for which confidence and accuracy agree best on every set.

    Asked as the device asks: through the gate. What is minimized is the log loss of the confidence as a
    forecast of being right, of the label that leads at temperatures of one: a proper score (Gneiting and
    Raftery 2007), and smooth, where the calibration error itself is made of steps and has as many minima as
    bins change rows. The likelihood of the label would spend the temperatures on the shares of the classes,
    which balanced training leaves out on purpose.
    """
    sets = len(data.DOMAINS)
    said = asked.outputs.probabilities.argmax(axis=1)
    right = said == asked.truth
    # Every set has equal weight.
    weight = 1.0 / np.maximum(np.bincount(asked.origin, minlength=sets), 1)[asked.origin]
    rows = np.arange(len(said))

    def loss(log_temperatures: NDArray[np.float64]) -> float:
        confidence = sharpen(asked.outputs, _all_heads(log_temperatures))[rows, said]
        of_outcome = np.where(right, confidence, 1 - confidence)
        return -float(weight @ np.log(np.maximum(of_outcome, LEAST_PROBABILITY)))

    bounds = [tuple(np.log(TEMPERATURE_BOUNDS))] * sets
    searches = [minimize(loss, np.full(sets, np.log(start)), bounds=bounds, **SEARCH) for start in STARTS]
    found = min(searches, key=lambda search: search.fun)
    chosen = np.exp(_all_heads(found.x)).astype(np.float32)
    logger.info("temperatures %s", np.round(chosen, 3))
    return chosen
