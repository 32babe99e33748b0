"""Fit and measure the learned fusion and the confidence of both fusions.

``python -m training.fusion.train --posteriors DIR --out models`` takes some minutes. Pools fitted on one half
of the groups (people, rows) are measured on the other half, beside each modality alone and the weighted rule:
see cases.py for how they are drawn. What ships is fitted on both halves.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from emoedge.emotions import EMOTION_COUNT
from emoedge.fusion.learned import FLOOR, MODALITIES, POOLED, LearnedFusion
from emoedge.observations import Modality
from training.fusion import confidence
from training.fusion.card import write_card, write_confidence_card, write_confidence_figure, write_figure
from training.fusion.cases import WRONG_IN_FIT, Cases, Opinions, abroad, both, draw, present_in, read
from training.fusion.confidence import KINDS, People
from training.fusion.measure import measure

AGE_CONSTANT_S = {"face": 1.5, "voice": 3.0, "text": 2.0}
"""Seconds; not learned, because the data are stills. A face is dropped at this age; voice and text, which
come seldom, at twice this age, so that little is left of them to change the emotion when they are dropped."""
L2 = 1e-3
FIT_SEED = 3
SEARCH: dict[str, Any] = {
    "method": "L-BFGS-B",
    "jac": "3-point",
    "options": {"maxiter": 1000, "maxfun": 100_000, "ftol": 1e-13, "gtol": 1e-7},
}
"""Tolerance for four digits of each coefficient, even where the loss is flat except for weight decay."""


def logits(parameters: NDArray[np.float64], cases: Cases) -> NDArray[np.float64]:
    """Return logits of the pool of `emoedge.fusion.learned` at age zero, with sharpness one.

    Args:
        parameters: log a (3), g (3) >= 0, bias (7).
        cases: n of them.
    """
    weight, exponent, bias = np.exp(parameters[:3]), parameters[3:6], parameters[6:]
    trust = weight * np.maximum(cases.reliability, 1e-6) ** exponent * cases.present
    return np.asarray((trust[..., None] * np.log(np.maximum(cases.probabilities, FLOOR))).sum(axis=1) + bias)


def log_loss(z: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the mean negative log-likelihood of labels (n,) under logits (n, 7)."""
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(z)), labels].mean())


def fit(cases: Cases) -> NDArray[np.float64]:
    """Fit by maximum likelihood with a small weight decay."""

    def loss(parameters: NDArray[np.float64]) -> float:
        return log_loss(logits(parameters, cases), cases.labels) + L2 * float((parameters**2).sum())

    start = np.concatenate([np.zeros(3), np.full(3, 0.5), np.zeros(EMOTION_COUNT)])
    # A modality without informative reliability has an exponent of exactly zero.
    bounds = [(None, None)] * 3 + [(0.0, None)] * 3 + [(None, None)] * EMOTION_COUNT
    return np.asarray(minimize(loss, start, bounds=bounds, **SEARCH).x)


def fit_subsets(
    parameters: NDArray[np.float64], opinions: Mapping[Modality, Opinions]
) -> dict[str, dict[str, float]]:
    """Fit sharpness and share of the bias for each set of modalities, by maximum likelihood."""
    found = {}
    bias = parameters[6:]
    for name in POOLED:
        cases = draw(opinions, FIT_SEED + 1, present_in(name), WRONG_IN_FIT)
        evidence = logits(parameters, cases) - bias

        def loss(
            scale: NDArray[np.float64], e: NDArray[np.float64] = evidence, cases: Cases = cases
        ) -> float:
            return log_loss(e * np.exp(scale[0]) + bias * scale[1], cases.labels)

        best = minimize(loss, np.array([0.0, 1.0]), bounds=[(-1.5, 1.5), (-3, 3)], **SEARCH).x
        found[name] = {
            "sharpness": round(float(np.exp(best[0])), 4),
            "bias_share": round(float(best[1]), 4),
        }
    return found


def fitted(opinions: Mapping[Modality, Opinions]) -> dict[str, Any]:
    """Fit the part of `fusion.json` that the program reads."""
    parameters = fit(draw(opinions, FIT_SEED, None, WRONG_IN_FIT))
    return coefficients(parameters, fit_subsets(parameters, opinions))


def coefficients(parameters: NDArray[np.float64], subsets: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return the fitted values by the names that the program reads."""
    weights = {
        name: {
            "weight": round(float(np.exp(parameters[m])), 4),
            "reliability_exponent": round(float(parameters[3 + m]), 4),
            "age_constant_s": AGE_CONSTANT_S[name],
        }
        for m, name in enumerate(MODALITIES)
    }
    bias = [round(float(b), 4) for b in parameters[6:]]
    return {"weights": weights, "bias": bias, "subsets": subsets}


def write(path: Path, content: dict[str, Any]) -> None:
    """Write `fusion.json`."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Fit, measure, write coefficients, card and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posteriors", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("models"))
    args = parser.parse_args()
    halves = [people(args.posteriors, side) for side in (0, 1)]
    path = args.out / "fusion.json"
    folds = []
    for side in (0, 1):
        write(path, fitted(halves[side].home))
        pool = LearnedFusion.load(path)
        folds.append((pool, confidence.fit(pool, halves[side]), halves[1 - side]))
    content = fitted(together(halves[0].home, halves[1].home))
    write(path, content)
    table, curves = measure([(pool, side.home) for pool, _, side in folds])
    content["metrics"] = table
    content["cases"] = {name: [len(half.home[name].labels) for half in halves] for name in MODALITIES}
    write(path, content)
    write_figure(args.out / "figures", curves)
    write_card(args.out / "fusion.md", content)
    everyone = People(*(together(getattr(halves[0], kind), getattr(halves[1], kind)) for kind in KINDS))
    chances = confidence.fit(LearnedFusion.load(path), everyone)
    report: dict[str, Any] = {str(method): lines for method, lines in chances.chances.items()}
    report["metrics"], given = confidence.measure(folds)
    write(args.out / "confidence.json", report)
    write_confidence_figure(args.out / "figures", given)
    write_confidence_card(args.out / "confidence.md", report)
    print(json.dumps({"fusion": table, "confidence": report["metrics"]}, indent=1))


def people(folder: Path, side: int) -> People:
    """Return one half of the posteriors of all modalities."""
    return People(
        {name: read(folder / f"{name}.npz", side) for name in MODALITIES},
        {name: read(abroad(folder / f"{name}.npz"), side) for name in MODALITIES},
    )


def together(
    first: Mapping[Modality, Opinions], second: Mapping[Modality, Opinions]
) -> dict[Modality, Opinions]:
    """Join two halves."""
    return {name: both(first[name], second[name]) for name in MODALITIES}


if __name__ == "__main__":
    main()
