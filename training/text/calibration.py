"""Class offsets and temperatures of the heads, chosen on answers to rows that the model was not fitted on."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]

from emoedge.emotions import EMOTION_COUNT, INDEX
from emoedge.speech.message import MessageWeights, Outputs
from training.text import data
from training.text.measures import Answers, calibration_error

logger = logging.getLogger(__name__)

LIKELIHOOD_SHARE = 0.02
"""Of the mean log likelihood, beside the calibration error, in the choice of temperatures."""

OFFSET_SHARPNESS = 2.0
"""Exponent of the posteriors in the macro F1 that the class offsets raise: a smooth stand-in for the leading class. A search
by steps for the macro F1 of the leading class itself follows single rows of the rare classes, and lost on new ones."""
OFFSET_PENALTY = 0.02
"""Of that macro F1, for the square of an offset: rare classes would take chance for a reason."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What models of temperature one answered to rows they had not seen, as transcripts.

    outputs: for n rows.
    truth, origin, fold: int (n,): the label, the set it is of, and which fold's model was asked.
    """

    outputs: Outputs
    truth: NDArray[np.intp]
    origin: NDArray[np.intp]
    fold: NDArray[np.intp]

    def without(self, fold: int) -> Asked:
        """The rows of the other folds."""
        rest = np.flatnonzero(self.fold != fold)
        outputs = Outputs(self.outputs.heads[rest], self.outputs.gate[rest], self.outputs.has_label)
        return Asked(outputs, self.truth[rest], self.origin[rest], self.fold[rest])


def shifted(asked: Asked, offset: NDArray[np.float32]) -> Asked:
    """As if the heads of the sets had these offsets (sets, 7) to their logits."""
    heads = asked.outputs.heads.copy()
    heads[:, : len(offset)] *= np.exp(offset)
    heads /= heads.sum(axis=2, keepdims=True)
    return replace(asked, outputs=replace(asked.outputs, heads=heads))


def offsets(asked: Asked) -> NDArray[np.float32]:
    """Offsets (sets, 7) to the logits of each set's head, for the smooth macro F1 of its own rows; 0 for labels it lacks.

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
    logits = np.log(np.maximum(posterior, 1e-6))

    def cost(offset: NDArray[np.float64]) -> float:
        sharp = np.exp(OFFSET_SHARPNESS * (logits + offset))
        sharp /= sharp.sum(axis=1, keepdims=True)
        f1 = 2 * (sharp * truth).sum(axis=0) / np.maximum(sharp.sum(axis=0) + truth.sum(axis=0), 1e-9)
        return OFFSET_PENALTY * float(offset @ offset) - float(f1.mean())

    return np.asarray(minimize(cost, np.zeros(posterior.shape[1]), method="L-BFGS-B").x)


def calibrate(weights: MessageWeights, asked: Asked) -> MessageWeights:
    """The weights with the offsets and temperatures that these answers choose."""
    offset = offsets(asked)
    by_output = [
        offset[head, list(labels)] for head, labels in enumerate(weights.labels) if head < len(offset)
    ]
    bias = weights.bias.copy()
    flat = np.concatenate(by_output)
    bias[: len(flat)] += flat
    return replace(weights, bias=bias, temperatures=temperatures(shifted(asked, offset)))


def _all_heads(of_sets: NDArray[Any]) -> NDArray[Any]:
    """Log temperatures of every head: no real rows test the head of plain statements, it takes the others' mean."""
    return np.append(of_sets, of_sets.mean())


def sharpen(outputs: Outputs, log_temperatures: NDArray[Any]) -> NDArray[np.float32]:
    """The posteriors float32 (n, 7) with these log temperatures (heads,)."""
    heads = outputs.heads ** np.exp(-log_temperatures).astype(np.float32)[None, :, None]
    heads /= heads.sum(axis=2, keepdims=True)
    return Outputs(heads, outputs.gate, outputs.has_label).probabilities


def temperatures(asked: Asked) -> NDArray[np.float32]:
    """The heads' temperatures for which confidence and accuracy agree best on every set.

    Asked as the device asks: through the gate. The calibration error alone is flat in places, so that a little of the
    likelihood goes with it; likelihood alone would spend the temperatures on the shares of the classes, which balanced
    training leaves out on purpose.
    """

    def cost_of(log_temperatures: NDArray[np.float64]) -> float:
        posterior = sharpen(asked.outputs, _all_heads(log_temperatures))
        cost = 0.0
        for index in range(len(data.DOMAINS)):
            own = np.flatnonzero(asked.origin == index)
            truth = asked.truth[own]
            answers = Answers(truth, posterior[own].argmax(axis=1), posterior[own].max(axis=1), ())
            likelihood = np.log(np.maximum(posterior[own, truth], 1e-9))
            cost += calibration_error(answers) - LIKELIHOOD_SHARE * float(likelihood.mean())
        return cost

    # A first simplex as wide as the answer may lie: the error is made of small steps.
    sets = len(data.DOMAINS)
    simplex = np.concatenate([np.zeros((1, sets)), -0.7 * np.eye(sets)])
    found = minimize(
        cost_of,
        simplex[0],
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-5},
    )
    chosen = np.exp(_all_heads(found.x)).astype(np.float32)
    logger.info("temperatures %s", np.round(chosen, 3))
    return chosen
