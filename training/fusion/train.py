"""Fit and measure the learned fusion: ``python -m training.fusion.train --posteriors DIR --out models``.

Triples of a face, a voice and a message with the same label are drawn at random from validation data of the three
models; modalities are left out at random, and one in ten is replaced by one of another label. One half of the groups
(people, rows) fits the pool, the other half measures it, beside each modality alone and the weighted rule.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from emoedge.emotions import EMOTION_COUNT, EMOTIONS
from emoedge.fusion.learned import FLOOR, LearnedFusion
from emoedge.fusion.rule import fuse_weighted
from emoedge.types import ModalityOpinion

MODALITIES = ("face", "voice", "text")
AGE_CONSTANT_S = {"face": 2.0, "voice": 8.0, "text": 12.0}
"""Not learned, since the data are stills: about the ages at which the rule drops a modality."""
WRONG = 0.1
DRAWS = 12_000
L2 = 1e-3
SCENES = {
    "all three": (True, True, True),
    "face and voice": (True, True, False),
    "face and text": (True, False, True),
    "voice and text": (False, True, True),
}


@dataclass(frozen=True)
class Opinions:
    """One modality: probabilities (n, 7), labels (n,), reliability (n,)."""

    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]
    reliability: NDArray[np.float64]


@dataclass(frozen=True)
class Triples:
    """Drawn cases: labels (n,), present (n, 3), and per modality probabilities (n, 3, 7), reliability (n, 3)."""

    labels: NDArray[np.int64]
    present: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    reliability: NDArray[np.float64]


def read(path: Path, side: int) -> Opinions:
    """One half of a modality's validation data; `side` 0 fits, 1 measures. Groups are halved by their digest."""
    content = np.load(path)
    digests = [hashlib.sha1(str(g).encode(), usedforsecurity=False).digest()[0] % 2 for g in content["group"]]
    mine = np.array(digests) == side
    return Opinions(
        content["probabilities"][mine].astype(np.float64),
        content["labels"][mine].astype(np.int64),
        content["reliability"][mine].astype(np.float64),
    )


def draw(
    opinions: dict[str, Opinions], seed: int, scene: tuple[bool, bool, bool] | None, wrong: float
) -> Triples:
    """Cases with every label equally often; `scene` fixes which modalities are there, None leaves out at random."""
    rng = np.random.default_rng(seed)
    labels = np.arange(DRAWS) % EMOTION_COUNT
    probabilities = np.zeros((DRAWS, 3, EMOTION_COUNT))
    reliability = np.zeros((DRAWS, 3))
    for m, name in enumerate(MODALITIES):
        one = opinions[name]
        said = np.where(rng.random(DRAWS) < wrong, rng.integers(0, EMOTION_COUNT, DRAWS), labels)
        rows = np.array([rng.choice(np.flatnonzero(one.labels == label)) for label in said])
        probabilities[:, m], reliability[:, m] = one.probabilities[rows], one.reliability[rows]
    if scene is None:
        present = rng.random((DRAWS, 3)) > 0.3
        present[~present.any(axis=1), 0] = True
    else:
        present = np.tile(np.array(scene), (DRAWS, 1))
    return Triples(labels, present, probabilities, reliability)


def logits(parameters: NDArray[np.float64], cases: Triples) -> NDArray[np.float64]:
    """The pool of `emoedge.fusion.learned` at age zero: parameters are log a (3), g (3), bias (7)."""
    weight, exponent, bias = np.exp(parameters[:3]), np.abs(parameters[3:6]), parameters[6:]
    trust = weight * np.maximum(cases.reliability, 1e-6) ** exponent * cases.present
    return np.asarray((trust[..., None] * np.log(np.maximum(cases.probabilities, FLOOR))).sum(axis=1) + bias)


def fit(cases: Triples) -> NDArray[np.float64]:
    """Maximum likelihood with a little weight decay."""

    def loss(parameters: NDArray[np.float64]) -> float:
        z = logits(parameters, cases)
        z = z - z.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return float(-log_p[np.arange(len(z)), cases.labels].mean() + L2 * (parameters**2).sum())

    start = np.concatenate([np.zeros(3), np.full(3, 0.5), np.zeros(EMOTION_COUNT)])
    return np.asarray(minimize(loss, start, method="L-BFGS-B", options={"maxiter": 200}).x)


def recall(labels: NDArray[np.int64], said: NDArray[np.int64]) -> float:
    """Macro recall; an answer of -1 is wrong."""
    return float(np.mean([np.mean(said[labels == c] == c) for c in range(EMOTION_COUNT)]))


def by_rule(cases: Triples) -> NDArray[np.int64]:
    """The weighted rule with its default weight and margin."""
    said = []
    for present, probabilities in zip(cases.present, cases.probabilities.astype(np.float32), strict=True):
        face, voice, text = (p if there else None for there, p in zip(present, probabilities, strict=True))
        emotion = fuse_weighted(face, voice, text).emotion
        said.append(-1 if emotion is None else EMOTIONS.index(emotion))
    return np.array(said)


def by_pool(fusion: LearnedFusion, cases: Triples) -> NDArray[np.int64]:
    """The shipped code with the fitted coefficients."""
    said = []
    for row in range(len(cases.labels)):
        opinions = [
            ModalityOpinion(
                name, 0.0, cases.probabilities[row, m].astype(np.float32), float(cases.reliability[row, m])
            )  # type: ignore[arg-type]
            for m, name in enumerate(MODALITIES)
            if cases.present[row, m]
        ]
        emotion = fusion.decide(opinions, 0.0, 0.0).emotion
        said.append(-1 if emotion is None else EMOTIONS.index(emotion))
    return np.array(said)


def measure(fusion: LearnedFusion, opinions: dict[str, Opinions]) -> dict[str, dict[str, float]]:
    """Macro recall of each modality alone, of the rule and of the pool, in every scene, clean and with errors."""
    table: dict[str, dict[str, float]] = {}
    for name, scene in SCENES.items():
        for wrong in (0.0, WRONG):
            cases = draw(opinions, 7, scene, wrong)
            line = {
                modality: recall(cases.labels, cases.probabilities[:, m].argmax(axis=1))
                for m, modality in enumerate(MODALITIES)
                if scene[m]
            }
            line |= {
                "rule": recall(cases.labels, by_rule(cases)),
                "learned": recall(cases.labels, by_pool(fusion, cases)),
            }
            table[f"{name}{', one in ten wrong' if wrong else ''}"] = {
                k: round(v, 4) for k, v in line.items()
            }
    return table


def write(
    out: Path, parameters: NDArray[np.float64], table: dict[str, dict[str, float]], counts: dict[str, Any]
) -> None:
    """The coefficients and their card."""
    weights = {
        name: {
            "weight": round(float(np.exp(parameters[m])), 4),
            "reliability_exponent": round(float(abs(parameters[3 + m])), 4),
            "age_constant_s": AGE_CONSTANT_S[name],
        }
        for m, name in enumerate(MODALITIES)
    }
    content = {
        "weights": weights,
        "bias": [round(float(b), 4) for b in parameters[6:]],
        "metrics": table,
        "cases": counts,
    }
    (out / "fusion.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


CARD = """# Learned fusion

`fusion.json`: a log-linear pool of the calibrated posteriors of face, voice and message, used with
`fusion.method = "learned"` (the form is in `emoedge/fusion/learned.py`). Made by `python -m training.fusion.train`
from what `python -m training.fusion.posteriors` wrote.

{weights}

Fitted on triples drawn at random with the same label from validation data of the three models: faces of FER+ Valid
(half of them degraded), speakers of `uem` left out of the voice networks that judge them (clean, and with noise at 5 dB), and
text rows that training never saw, as transcripts with errors. Modalities are left out at random, and one in ten is
of another label. Half of the groups (speakers, videos, rows) fits, the other half measures. **These are not people
who felt something**: nobody in the data shows, says and sounds the same emotion at once, so the figures compare
ways of combining, they do not predict accuracy.

Macro recall on the measuring half, {draws} cases a line, every label equally often:

| what is there | {columns} |
|---|{lines}|
{rows}

The constants for the age of an opinion are not learned (face {face} s, voice {voice} s, text {text} s).
The weighted rule of the original stays the default: {verdict}
"""


def card(out: Path, table: dict[str, dict[str, float]]) -> None:
    """`fusion.md` from the table."""
    columns = [*MODALITIES, "rule", "learned"]
    rows = "\n".join(
        f"| {name} | " + " | ".join(f"{line[c]:.3f}" if c in line else "–" for c in columns) + " |"
        for name, line in table.items()
    )
    wins = all(
        line["learned"] >= max(v for k, v in line.items() if k != "learned") for line in table.values()
    )
    content = json.loads((out / "fusion.json").read_text(encoding="utf-8"))
    weights = "| | weight | exponent of the reliability |\n|---|---|---|\n" + "\n".join(
        f"| {name} | {w['weight']} | {w['reliability_exponent']} |" for name, w in content["weights"].items()
    )
    verdict = (
        "the pool is at least level with every modality alone and with the rule in each line above, but the rule is the "
        "contract that users of the original rely on, so the pool is one setting away."
        if wins
        else "the pool does not win every line above."
    )
    (out / "fusion.md").write_text(
        CARD.format(
            weights=weights,
            draws=f"{DRAWS:,}",
            columns=" | ".join(columns),
            lines="---|" * (len(columns) - 1) + "---",
            rows=rows,
            verdict=verdict,
            **AGE_CONSTANT_S,
        ),
        encoding="utf-8",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posteriors", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("models"))
    args = parser.parse_args()
    halves = [{name: read(args.posteriors / f"{name}.npz", side) for name in MODALITIES} for side in (0, 1)]
    counts = {name: [len(half[name].labels) for half in halves] for name in MODALITIES}
    parameters = fit(draw(halves[0], 3, None, WRONG))
    write(args.out, parameters, {}, counts)
    table = measure(LearnedFusion.load(args.out / "fusion.json"), halves[1])
    write(args.out, parameters, table, counts)
    card(args.out, table)
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
