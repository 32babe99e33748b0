"""Train the voice network: ``python -m training.voice.train --data DIR --out DIR``.

One thread, seeded; the same command goes on from the last epoch and from cached features. The committees of
all speakers left out are trained side by side; each set left out has a training of its own, the one that
--leave-out makes. Writes `voice_emotion.tflite` and its sidecar to --models, and everything that
``training.voice.evaluate`` needs to --out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, EMOTIONS
from emoedge.voice.adapt import DEVICE_MEMORY, MEMORY, Adaptation, Prior
from emoedge.voice.classify import Calibration, calibration_terms
from emoedge.voice.contours import SAMPLE_RATE
from emoedge.voice.features import FEATURE_VERSION, feature_names
from training.export import ExportReport, export_int8
from training.voice.data import TERMS, Corpus
from training.voice.extract import extract_all, extract_short
from training.voice.folds import PLANS, Fold, positions, stack
from training.voice.learn import Recipe, played_inputs, population, train, usable
from training.voice.metrics import fit_calibration
from training.voice.net import Committee, SideBySide
from training.voice.sessions import Dealt, deal, play

COPIES = 2
"""Number of distorted copies of each clip."""
LEFT_OUT_SETS = ("ased", "savee", "tess", "emovo", "nemo", "emodb", "ravdess")
"""Sets that are left out one at a time to measure generalisation; `urdu` has too few emotions."""
KIND_WEIGHTS = {"alone": 1.0, "session": 1.0, "device": 1.0, "short": 0.5}
"""Weights of the kinds of evidence in the calibration."""
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Trained:
    """Result of a training: the corpus without the set left out, its features (copies, n, d), committees."""

    corpus: Corpus
    features: NDArray[np.float32]
    prior: Prior
    recipe: Recipe
    folds: list[Fold]
    committees: list[Committee]


def learn_all(data: Path, out: Path, recipe: Recipe, plan: str, leave_out: str = "") -> Trained:
    """Train all committees of a plan, or resume from the checkpoint in `out`; see folds.PLANS.

    Args:
        data: folder of the corpora.
        out: folder of checkpoints and caches.
        recipe: settings.
        plan: name of the folds.
        leave_out: a set excluded from training, including population statistics.
    """
    torch.set_num_threads(1)
    corpus, features = extract_all(data, out / "cache", COPIES)
    name = f"voice_{plan}.pt"
    if leave_out:
        kept = corpus.origin != leave_out
        corpus, features, name = corpus.only(kept), features[:, kept], f"voice_{plan}_without_{leave_out}.pt"
    prior = population(features[0], corpus, recipe.spread_count)
    folds = PLANS[plan](corpus)
    net = train(features, corpus, prior, stack(folds), recipe, out / name)
    return Trained(corpus, features, prior, recipe, folds, committees(net, folds))


def committees(net: SideBySide, folds: list[Fold]) -> list[Committee]:
    """Return the perceptrons of each fold as one network."""
    return [net.committee(members) for members in positions(folds)]


@dataclass(frozen=True)
class Evidence:
    """Answers of float networks to clips not used in their training.

    Attributes:
        logits: (n, 7).
        clips: numbers of the clips in the whole corpus, (n,).
        labels: (n,).
        terms: inputs of the temperature, (n, 4).
        group: left-out group: a set, or a speaker of the target set.
        kind: "alone", "session", "device" (see sessions.play) or "short".
    """

    logits: NDArray[np.float32]
    clips: NDArray[np.int64]
    labels: NDArray[np.int64]
    terms: NDArray[np.float64]
    group: str
    kind: str


@torch.no_grad()
def judge(
    committee: Committee, prior: Prior, features: NDArray[np.float32], dealt: Dealt
) -> NDArray[np.float32]:
    """Return logits (m, 7) of clips in the given order, from the features (n, d) of all."""
    return np.asarray(committee(torch.from_numpy(played_inputs(features, dealt, prior))).numpy())


def evidence_of(
    group: str,
    committee: Committee,
    prior: Prior,
    corpus: Corpus,
    features: NDArray[np.float32],
    clips: NDArray[np.int64],
    seconds: NDArray[np.float64],
    kind: str,
    order: int = 0,
) -> Evidence:
    """Classify clips of a corpus that were not used to train the committee, see sessions.play().

    Args:
        group: group excluded from the committee.
        committee: committee of networks.
        prior: population statistics of the committee.
        corpus: whole corpus.
        features: features of its clips, (n, d).
        clips: numbers of the clips.
        seconds: lengths of all clips, (n,).
        kind: as in Evidence.
        order: seed of the order.
    """
    dealt = play("alone" if kind == "short" else kind, clips, corpus.speaker, order)
    logits = judge(committee, prior, features, dealt)
    starts = np.maximum.accumulate(np.where(dealt.devices, np.arange(len(clips)), 0))
    device_count = np.minimum(np.arange(len(clips)) - starts, DEVICE_MEMORY)
    begins = np.maximum.accumulate(np.where(dealt.persons, np.arange(len(clips)), 0))
    count = np.minimum(np.arange(len(clips)) - begins, MEMORY)
    shares = leading_shares(logits.argmax(axis=1), dealt.devices)
    terms = calibration_terms(count, device_count, seconds[dealt.order], shares)
    return Evidence(logits, dealt.order, corpus.emotion[dealt.order], terms, group, kind)


def leading_shares(answers: NDArray[np.int64], devices: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return `Adaptation.leading_share` before each of the answers, in order of time."""
    shares, adaptation = np.empty(len(answers)), None
    one = np.ones(1)
    nothing = Prior(one, one, one, one, 1.0)
    for row, (answer, new) in enumerate(zip(answers, devices, strict=True)):
        if adaptation is None or new:
            adaptation = Adaptation(nothing)
        shares[row] = adaptation.leading_share
        adaptation.count_answer(np.eye(EMOTION_COUNT)[answer])
    return shares


def gather(data: Path, out: Path, recipe: Recipe, leave_out: str = "") -> list[Evidence]:
    """Collect evidence from every left-out set, and from every speaker of the target set.

    Args:
        data: as for learn_all().
        out: the same.
        recipe: the same.
        leave_out: a set to exclude.
    """
    corpus, features = extract_all(data, out / "cache", 0)
    short, short_s = extract_short(corpus, out / "cache")
    seconds = np.array([len(clip) for clip in corpus.clips]) / SAMPLE_RATE
    judged: list[tuple[str, Committee, Prior, NDArray[np.bool_], tuple[str, ...]]] = []
    for name in LEFT_OUT_SETS:
        if name != leave_out:
            trained = learn_all(data, out, recipe, "final", name)
            every = tuple(KIND_WEIGHTS)
            judged.append((name, trained.committees[0], trained.prior, corpus.origin == name, every))
    trained = learn_all(data, out, recipe, "speakers", leave_out)
    for fold, committee in zip(trained.folds, trained.committees, strict=True):
        mine = corpus.speaker == fold.name
        judged.append((fold.name, committee, trained.prior, mine, ("alone", "session", "short")))
    found = []
    for group, committee, prior, mine, kinds in judged:
        clips = np.flatnonzero(mine & usable(corpus))
        for kind in kinds:
            rows, lengths = (short, short_s) if kind == "short" else (features[0], seconds)
            found.append(evidence_of(group, committee, prior, corpus, rows, clips, lengths, kind))
    return found


def fit(evidence: list[Evidence], without: str = "") -> Calibration:
    """Return the calibration from all evidence except for one group; sets have equal weight in each kind."""
    parts = [part for part in evidence if part.group != without]
    totals = Counter[tuple[str, str]]()
    for part in parts:
        totals[set_of(part.group), part.kind] += len(part.labels)
    weights = [
        np.full(len(part.labels), KIND_WEIGHTS[part.kind] / totals[set_of(part.group), part.kind])
        for part in parts
    ]
    columns = ((part.logits, part.labels, part.terms) for part in parts)
    logits, labels, terms = (np.concatenate(column) for column in zip(*columns, strict=True))
    return fit_calibration(logits, labels, terms, np.concatenate(weights))


def set_of(group: str) -> str:
    """Return the set of a speaker or a set."""
    return group.split("/", maxsplit=1)[0]


def representative(trained: Trained, count: int = 600) -> NDArray[np.float32]:
    """Return network inputs like those in production, for the ranges of the activations."""
    rng = np.random.default_rng(0)
    corpus, indices = trained.corpus, np.flatnonzero(usable(trained.corpus))
    dealt = deal(rng, corpus.speaker[indices], corpus.origin[indices], corpus.emotion[indices])
    inputs = played_inputs(trained.features[0][indices], dealt, trained.prior)
    return inputs[rng.permutation(len(inputs))[:count]]


def write_model(trained: Trained, fold: int, path: Path, calibration: Calibration) -> ExportReport:
    """Export one committee and its sidecar (without figures) as `path`.tflite and .json."""
    samples = representative(trained)
    report = export_int8(trained.committees[fold], (1, samples.shape[1]), [samples], path)
    path.with_suffix(".json").write_text(
        json.dumps(sidecar(trained, report, calibration), indent=1) + "\n", encoding="utf-8"
    )
    return report


def sidecar(trained: Trained, report: ExportReport, calibration: Calibration) -> dict[str, Any]:
    """Return the settings of the network for the program."""
    return {
        "model": "voice_emotion",
        "labels": list(EMOTIONS),
        "sha256": report.sha256,
        "bytes": report.size_bytes,
        "sample_rate_hz": 16000,
        "feature_version": FEATURE_VERSION,
        "features": list(feature_names()),
        "normalisation": trained.prior.to_dict(),
        "calibration": asdict(calibration),
        "data": {name: TERMS[name][2] for name in TERMS if name in trained.corpus.origin},
        "training": {
            "recipe": asdict(trained.recipe),
            "revision": revision(),
            "clips": int(usable(trained.corpus).sum()),
            "speakers": len(np.unique(trained.corpus.speaker)),
            "int8_agreement": round(report.agreement, 4),
        },
    }


def revision() -> str:
    """Return the commit of the training code, or "unknown" outside a checkout."""
    call = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def main() -> None:
    """Train, calibrate and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with speech/index.csv and speech/clips.zip"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for caches and checkpoints")
    parser.add_argument("--models", type=Path, default=REPOSITORY / "models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument(
        "--leave-out",
        choices=["", *TERMS],
        default="",
        help="a set that nothing is learnt from; the model goes to a folder below --out",
    )
    parser.add_argument(
        "--fast", action="store_true", help="leave out the folds and the calibration: to try things"
    )
    options = parser.parse_args()
    # A model without one of its sets is only made for evaluation on that set; models/ is not changed.
    models = options.out / f"without_{options.leave_out}" if options.leave_out else options.models
    recipe = replace(Recipe(), seed=options.seed, epochs=options.epochs)
    models.mkdir(parents=True, exist_ok=True)
    final = learn_all(options.data, options.out, recipe, "final", options.leave_out)
    calibration = Calibration(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    if not options.fast:
        calibration = fit(gather(options.data, options.out, recipe, options.leave_out))
    report = write_model(final, 0, models / "voice_emotion.tflite", calibration)
    print(f"{report.path}: {report.size_bytes} bytes, {calibration}, int8 agrees {report.agreement:.3f}")


if __name__ == "__main__":
    main()
