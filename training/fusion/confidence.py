"""Fit and measure the confidence of a fused probability, for `emoedge.fusion.confidence`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax

from emoedge.fusion.confidence import KNOTS, Confidence, Method, line_name, line_names
from emoedge.fusion.learned import MODALITIES, SUBSETS, LearnedFusion
from emoedge.observations import Modality
from training.fusion.cases import WRONG_IN_FIT, Opinions, draw, present_in
from training.fusion.measure import Answers, collect, join, pool_decisions, rule_decisions

KINDS: Final = ("home", "abroad")
"""Fields of People."""
FIT_SEED: Final = 11
MEASURE_SEED: Final = 12
PRIOR_CASES: Final = 20
"""Number of prior answers of a curve, evenly spread and perfectly calibrated: with few data, the curve stays
close to the identity."""
SEARCH: Final[dict[str, Any]] = {
    "method": "L-BFGS-B",
    "jac": "3-point",
    "options": {"maxiter": 1000, "maxfun": 100_000, "ftol": 1e-14, "gtol": 1e-8},
}


@dataclass(frozen=True)
class People:
    """Opinions of every modality about people whom the models had not seen, by the kind of set.

    home: people, videos and texts left out of the sets that training used.
    abroad: sets that were left out completely, and images of a set of which few were used in training.
    """

    home: Mapping[Modality, Opinions]
    abroad: Mapping[Modality, Opinions]


def hats(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weight of each knot for each probability: (n, knots), rows sum to one."""
    return np.column_stack([np.interp(probability, KNOTS, line) for line in np.eye(len(KNOTS))])


def fit_line(probability: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return the monotonic piecewise linear curve through KNOTS of maximum likelihood.

    Args:
        probability: probability of the emotion, (n,).
        right: whether the emotion was right, (n,).
    """
    prior = (np.arange(PRIOR_CASES) + 0.5) / PRIOR_CASES
    design = hats(np.concatenate([probability, prior]))
    outcome = np.concatenate([right.astype(np.float64), prior])

    def line(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.cumsum(softmax(np.append(parameters, 0.0)))[:-1])

    def loss(parameters: NDArray[np.float64]) -> float:
        chance = np.clip(design @ line(parameters), 1e-9, 1 - 1e-9)
        return -float(np.mean(outcome * np.log(chance) + (1 - outcome) * np.log1p(-chance)))

    # From the diagonal: equal steps, with a little left at both ends.
    start = np.log(np.array([0.02, *[0.24] * (len(KNOTS) - 1)]) / 0.02)
    bounds = [(-12.0, 12.0)] * len(start)
    found = minimize(loss, start, bounds=bounds, **SEARCH).x
    return tuple(round(float(value), 3) for value in line(found))


@dataclass(frozen=True)
class Decided:
    """Return answers (n,) with the line_name() of each, (n,)."""

    answers: Answers
    lines: NDArray[np.str_]


def decide(method: Method, pool: LearnedFusion, people: People, subset: str, seed: int) -> dict[str, Decided]:
    """Return the answers of a method for people at home and abroad, by kind."""
    found = {}
    for kind in KINDS:
        cases = draw(getattr(people, kind), seed, present_in(subset), WRONG_IN_FIT)
        decisions = rule_decisions(cases) if method == "weighted" else pool_decisions(pool, cases)
        modalities = [name for name in MODALITIES if name in subset.split("+")]
        lines = np.array([line_name(modalities, decision) for decision in decisions])
        found[kind] = Decided(collect(decisions, cases.labels), lines)
    return found


def fit(pool: LearnedFusion, people: People) -> Confidence:
    """Fit the curves of both methods; home and abroad have equal weight."""
    chances: dict[Method, dict[str, tuple[float, ...]]] = {}
    for method in get_args(Method):
        given = [one for subset in SUBSETS for one in decide(method, pool, people, subset, FIT_SEED).values()]
        answers = join([one.answers for one in given])
        lines = np.concatenate([one.lines for one in given])
        right = answers.said == answers.labels
        chances[method] = {
            name: fit_line(answers.confidence[lines == name], right[lines == name])
            for name in line_names(method)
        }
    return Confidence(chances)


Line = tuple[Method, str]
"""A method and a set of modalities."""


def measure(
    folds: Sequence[tuple[LearnedFusion, Confidence, People]],
) -> tuple[dict[str, dict[str, Any]], dict[Line, dict[str, Answers]]]:
    """Measure the calibration error before and after, by method and set of modalities.

    Args:
        folds: each with people that neither the pool nor the chances were fitted on.

    Returns:
        the figures, and the answers with their chances by method, set of modalities and kind.
    """
    kept: dict[Line, dict[str, Answers]] = {}
    table: dict[str, dict[str, Any]] = {}
    for method in get_args(Method):
        for subset in SUBSETS:
            before: dict[str, list[Answers]] = {kind: [] for kind in KINDS}
            after: dict[str, list[Answers]] = {kind: [] for kind in KINDS}
            for pool, confidence, people in folds:
                for kind, given in decide(method, pool, people, subset, MEASURE_SEED).items():
                    before[kind].append(given.answers)
                    after[kind].append(calibrated(confidence.chances[method], given))
            kept[method, subset] = {kind: join(each) for kind, each in after.items()}
            table[f"{method}, {subset}"] = {
                "right": {kind: _right(join(each)) for kind, each in before.items()},
                "before": _errors(before),
                "after": _errors(after),
            }
    return table, kept


def calibrated(chances: Mapping[str, tuple[float, ...]], given: Decided) -> Answers:
    """Return the answers with their confidence instead of the fused probabilities."""
    answers = given.answers
    found = np.empty(len(answers.confidence))
    for name in np.unique(given.lines):
        mine = given.lines == name
        found[mine] = np.interp(answers.confidence[mine], KNOTS, chances[str(name)])
    return Answers(answers.said, found, answers.labels)


def _right(given: Answers) -> float:
    return round(float(np.mean(given.said == given.labels)), 4)


def _errors(parts: Mapping[str, list[Answers]]) -> dict[str, float]:
    """Return the calibration errors of each kind, and of both together."""
    joined = {kind: join(each) for kind, each in parts.items()} | {
        "both": join([one for each in parts.values() for one in each])
    }
    return {kind: round(given.calibration_error(), 4) for kind, given in joined.items()}
