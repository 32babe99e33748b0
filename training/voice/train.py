"""Train the voice network: ``python -m training.voice.train --data DIR --out DIR``.

One thread, seeded; the same command goes on from the last epoch and from cached features. All leave-one-out
committees and the final one are trained side by side. Writes `voice_emotion.tflite` and its sidecar to
--models, and everything that ``training.voice.evaluate`` needs to --out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS
from emoedge.voice.adapt import MEMORY, Prior, pull_in
from emoedge.voice.classify import Calibration
from emoedge.voice.features import FEATURE_VERSION, feature_names
from training.export import ExportReport, export_int8
from training.voice.data import TERMS, Corpus
from training.voice.extract import extract_all
from training.voice.folds import PLANS, Fold, positions, stack
from training.voice.learn import Recipe, population, session_inputs, train, usable
from training.voice.metrics import fit_calibration
from training.voice.net import Committee, SideBySide
from training.voice.sessions import deal

COPIES = 2
"""Distorted copies of each clip."""
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trained:
    """What a training left: the corpus, its features (copies, n, d), the folds and their committees."""

    corpus: Corpus
    features: NDArray[np.float32]
    prior: Prior
    recipe: Recipe
    folds: list[Fold]
    committees: list[Committee]


def learn_all(data: Path, out: Path, recipe: Recipe, plan: str) -> Trained:
    """Train (or take up from the checkpoint in `out`) all committees of a plan, see folds.PLANS."""
    torch.set_num_threads(1)
    corpus, features = extract_all(data, out / "cache", COPIES)
    prior = population(features[0], corpus, recipe.spread_count)
    folds = PLANS[plan](corpus)
    net = train(features, corpus, prior, stack(folds), recipe, out / f"voice_{plan}.pt")
    return Trained(corpus, features, prior, recipe, folds, committees(net, folds))


def committees(net: SideBySide, folds: list[Fold]) -> list[Committee]:
    """The perceptrons of each fold as one network."""
    return [net.committee(members) for members in positions(folds)]


@torch.no_grad()
def session_logits(
    trained: Trained, fold: int, alone: bool, order: int = 0
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Logits (m, 7) and clip numbers (m,) of the clips a fold is tested on.

    Args:
        trained: what was trained.
        fold: which one.
        alone: every clip by itself; otherwise each speaker's clips as one session in random order.
        order: seed of the order.
    """
    found = np.flatnonzero(trained.folds[fold].tested & usable(trained.corpus))
    found = found[np.random.default_rng(order).permutation(len(found))]
    speaker = trained.corpus.speaker[found]
    found = found[np.argsort(speaker, kind="stable")]
    speaker = np.sort(speaker)
    starts = np.ones(len(found), dtype=bool)
    if not alone:
        starts[1:] = speaker[1:] != speaker[:-1]
    inputs = session_inputs(pull_in(trained.features[0][found], trained.prior), starts, trained.prior)
    return trained.committees[fold](torch.from_numpy(inputs)).numpy(), found


def calibrations(trained: Trained, without: int | None = None) -> dict[str, dict[str, float]]:
    """Calibrations for strangers and for known people, fitted on the speakers left out.

    Every clip counts twice: by itself, and in its place in a session.
    """
    logits, labels, counts = [], [], []
    for number, fold in enumerate(trained.folds):
        if "/" not in fold.name or number == without:
            continue
        for alone in (True, False):
            answer, clips = session_logits(trained, number, alone)
            logits.append(answer)
            labels.append(trained.corpus.emotion[clips])
            # A fold is one speaker, so the place in the session is the number of clips heard before.
            counts.append(np.zeros(len(clips)) if alone else np.minimum(np.arange(len(clips)), MEMORY))
    fitted = fit_calibration(np.concatenate(logits), np.concatenate(labels), np.concatenate(counts))
    return {name: asdict(calibration) for name, calibration in fitted.items()}


def representative(trained: Trained, count: int = 600) -> NDArray[np.float32]:
    """Network inputs as met in use, for the ranges of the activations."""
    rng = np.random.default_rng(0)
    indices = np.flatnonzero(usable(trained.corpus))
    order, starts = deal(rng, trained.corpus.speaker[indices], trained.corpus.emotion[indices])
    features = pull_in(trained.features[0][indices[order]], trained.prior)
    inputs = session_inputs(features, starts, trained.prior)
    return inputs[rng.permutation(len(inputs))[:count]]


def write_model(
    trained: Trained, fold: int, path: Path, calibration: dict[str, dict[str, float]]
) -> ExportReport:
    """Export one committee and its sidecar (without figures) as `path`.tflite and .json."""
    samples = representative(trained)
    report = export_int8(trained.committees[fold], (1, samples.shape[1]), [samples], path)
    path.with_suffix(".json").write_text(
        json.dumps(sidecar(trained, report, calibration), indent=1) + "\n", encoding="utf-8"
    )
    return report


def sidecar(
    trained: Trained, report: ExportReport, calibration: dict[str, dict[str, float]]
) -> dict[str, Any]:
    """What the program must know about the network."""
    return {
        "model": "voice_emotion",
        "labels": list(EMOTIONS),
        "sha256": report.sha256,
        "bytes": report.size_bytes,
        "sample_rate_hz": 16000,
        "feature_version": FEATURE_VERSION,
        "features": list(feature_names()),
        "normalisation": trained.prior.to_dict(),
        "calibration": calibration,
        "data": {name: terms for name, (_, _, terms) in TERMS.items()},
        "training": {
            "recipe": asdict(trained.recipe),
            "revision": revision(),
            "clips": int(usable(trained.corpus).sum()),
            "speakers": len(np.unique(trained.corpus.speaker)),
            "int8_agreement": round(report.agreement, 4),
        },
    }


def revision() -> str:
    """Commit that the training code is at, or "unknown" outside a checkout."""
    call = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def main() -> None:
    """Train, calibrate, export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with speech/index.csv and speech/clips.zip"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for caches and checkpoints")
    parser.add_argument("--models", type=Path, default=REPOSITORY / "models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument(
        "--fast", action="store_true", help="leave out the folds and the calibration: to try things"
    )
    options = parser.parse_args()
    recipe = replace(Recipe(), seed=options.seed, epochs=options.epochs)
    final = learn_all(options.data, options.out, recipe, "final")
    plain = asdict(Calibration(temperature=1.0, spread_power=0.0))
    calibration = {"alone": plain, "known": plain}
    if not options.fast:
        calibration = calibrations(learn_all(options.data, options.out, recipe, "speakers"))
    report = write_model(final, 0, options.models / "voice_emotion.tflite", calibration)
    print(f"{report.path}: {report.size_bytes} bytes, {calibration}, int8 agrees {report.agreement:.3f}")


if __name__ == "__main__":
    main()
