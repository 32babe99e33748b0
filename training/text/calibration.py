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
from training.text.measures import Answers, calibration_error, f1_scores

logger = logging.getLogger(__name__)

LIKELIHOOD_SHARE = 0.02
"""Of the mean log likelihood, beside the calibration error, in the choice of temperatures."""

OFFSET_HEAD = data.DOMAINS.index("emoevent")
"""The head whose classes get offsets: chosen on four folds, they raise macro F1 on the fifth whichever it is. Those of the
other sets do not."""
OFFSET_STEPS = (-0.3, -0.15, 0.15, 0.3)
OFFSET_ROUNDS = 3
OFFSET_PENALTY = 0.05
"""Of macro F1, for the square of an offset: rare classes would take chance for a reason."""


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
    """As if the head of OFFSET_HEAD had these offsets (7,) to its logits."""
    heads = asked.outputs.heads.copy()
    heads[:, OFFSET_HEAD] *= np.exp(offset)
    heads /= heads.sum(axis=2, keepdims=True)
    return replace(asked, outputs=replace(asked.outputs, heads=heads))


def offsets(asked: Asked) -> NDArray[np.float32]:
    """Offsets (7,) to the logits of OFFSET_HEAD, by steps one class at a time, for the macro F1 of its set."""
    own = np.flatnonzero(asked.origin == OFFSET_HEAD)
    outputs = Outputs(asked.outputs.heads[own], asked.outputs.gate[own], asked.outputs.has_label)
    part = Asked(outputs, asked.truth[own], asked.origin[own], asked.fold[own])
    labels = [INDEX[name] for name in data.LABELS[data.DOMAINS[OFFSET_HEAD]]]

    def score(offset: NDArray[np.float32]) -> float:
        said = shifted(part, offset).outputs.probabilities.argmax(axis=1)
        penalty = OFFSET_PENALTY * float(offset @ offset)
        return float(f1_scores(part.truth, said, labels).mean()) - penalty

    chosen = np.zeros(EMOTION_COUNT, np.float32)
    best = score(chosen)
    for _ in range(OFFSET_ROUNDS):
        for label in labels:
            for step in OFFSET_STEPS:
                tried = chosen.copy()
                tried[label] += step
                found = score(tried)
                if found > best + 1e-4:
                    best, chosen = found, tried
    logger.info("offsets %s", np.round(chosen, 2))
    return chosen


def calibrate(weights: MessageWeights, asked: Asked) -> MessageWeights:
    """The weights with the offsets and temperatures that these answers choose."""
    offset = offsets(asked)
    bias = weights.bias.copy()
    start = sum(map(len, weights.labels[:OFFSET_HEAD]))
    labels = list(weights.labels[OFFSET_HEAD])
    bias[start : start + len(labels)] += offset[labels]
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
