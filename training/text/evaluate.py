"""Measure the text model through the path that ships and write its card.

`python -m training.text.evaluate --data DIR [--models DIR]` writes text_emotion.md, text_emotion.json and the
figures. The figures of the cross-validation are measured anew where `--work` holds its models (see
`crossval`), and carried over otherwise.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTIONS, INDEX, Probabilities
from emoedge.files import sha256_of
from emoedge.text.model import TextEmotionModel
from training.text import behaviour, crossval, data
from training.text.augment import Recognizer, as_transcript
from training.text.card import write_card
from training.text.measures import (
    BINS,
    NO_OPINION,
    Answers,
    calibration_error,
    chance_calibration_error,
    f1_scores,
    metrics,
    together,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

logger = logging.getLogger(__name__)


def _answers(
    posteriors: Sequence[Probabilities | None], truth: Sequence[int], domain: data.Domain
) -> Answers:
    return Answers(
        truth=np.array(truth),
        said=np.array([NO_OPINION if p is None else int(p.argmax()) for p in posteriors]),
        confidence=np.array([0.0 if p is None else float(p.max()) for p in posteriors]),
        labels=tuple(INDEX[name] for name in data.LABELS[domain]),
    )


def forms(corpus: data.Corpus, seed: int = 5) -> dict[str, Callable[[str], str]]:
    """Three forms of the sets: as written, words alone, with recognition errors."""
    recognizer = Recognizer(example.text for example in corpus.train)
    rng = np.random.default_rng(seed)
    return {
        "raw": lambda text: text,
        "transcript": as_transcript,
        "with errors": lambda text: recognizer.garble(as_transcript(text), rng),
    }


def speed(model: TextEmotionModel, lines: Sequence[str]) -> dict[str, float]:
    """Lines a second in batches, and milliseconds for a line alone (best of five, one thread)."""
    batch, single = [], []
    for _ in range(5):
        began = time.process_time()
        model.classify_batch(lines)
        batch.append(time.process_time() - began)
        began = time.process_time()
        for line in lines[:200]:
            model.classify(line)
        single.append(time.process_time() - began)
    return {
        "lines_per_second": round(len(lines) / min(batch)),
        "milliseconds_alone": round(1000 * min(single) / len(lines[:200]), 3),
    }


def figures(answers: Mapping[str, Answers], folder: Path) -> None:
    """Confusion matrices (rows sum to one) and reliability diagrams of the transcript form."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    for kind in ("confusion", "reliability"):
        figure, axes = plt.subplots(1, len(answers), figsize=(5 * len(answers), 4.4), layout="constrained")
        for axis, (name, given) in zip(axes, answers.items(), strict=True):
            axis.set_title(name)
            if kind == "confusion":
                _confusion(axis, given)
            else:
                _reliability(axis, given)
        figure.savefig(folder / f"text_{kind}.png", dpi=80)
        plt.close(figure)


def _confusion(axis: Axes, given: Answers) -> None:
    names = [EMOTIONS[label] for label in given.labels]
    matrix = np.array(
        [
            [np.mean(given.said[given.truth == row] == column) for column in given.labels]
            for row in given.labels
        ]
    )
    axis.imshow(matrix, vmin=0, vmax=1, cmap="Blues")
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("said")
    axis.set_ylabel("label")
    for row, values in enumerate(matrix):
        for column, value in enumerate(values):
            color = "white" if value > 0.5 else "black"
            axis.text(column, row, f"{value:.2f}", ha="center", va="center", color=color, fontsize=8)


def _reliability(axis: Axes, given: Answers) -> None:
    answered = given.said != NO_OPINION
    right = (given.said == given.truth)[answered]
    confidence = given.confidence[answered]
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    present = np.unique(bins)
    axis.plot([0, 1], [0, 1], color="gray", linestyle="--")
    axis.plot(
        [confidence[bins == b].mean() for b in present], [right[bins == b].mean() for b in present], "o-"
    )
    axis.bar((present + 0.5) / BINS, [np.mean(bins == b) for b in present], width=1 / BINS, alpha=0.25)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_xlabel("confidence")
    axis.set_ylabel("share right (line), share of rows (bars)")


def _by_fold(
    truth: NDArray[np.intp], said: NDArray[np.intp], fold: NDArray[np.intp], labels: Sequence[int]
) -> list[float]:
    """Macro F1 of each fold: each is what a test part of this size would show."""
    return [
        round(float(f1_scores(truth[fold == k], said[fold == k], labels).mean()), 4)
        for k in range(crossval.FOLDS)
    ]


def cross_validate(folder: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Answers of the folds' models to rows they never saw, beside a baseline on the same folds."""
    corpus = data.load(folder)
    of_fold = crossval.folds(corpus.train)
    measured: dict[str, dict[str, Any]] = {domain: {} for domain in data.DOMAINS}
    pooled: dict[str, dict[str, float]] = {}
    for name, form in forms(corpus).items():
        judged = list(crossval.answers(corpus.train, of_fold, work, form))
        of_sets: dict[str, Answers] = {}
        for domain in data.DOMAINS:
            own = [item for item in judged if item[0].domain == domain]
            fold = np.array([number for _, number, _ in own])
            given = _answers([p for _, _, p in own], [example.label for example, _, _ in own], domain)
            of_sets[domain] = given
            by_fold = _by_fold(given.truth, given.said, fold, given.labels)
            measured[domain][name] = metrics(given) | {"macro_f1_of_folds": by_fold}
            logger.info("%s %s: macro F1 of the folds %s", domain, name, by_fold)
        if name == "transcript":
            figures(of_sets, pictures)
        all_sets = together(list(of_sets.values()))
        pooled[name] = {
            "ece": round(calibration_error(all_sets), 4),
            "ece_by_chance": round(chance_calibration_error(all_sets), 4),
        }
    baselines = {}
    for domain in data.DOMAINS:
        own_rows = [
            index for index, example in enumerate(corpus.train) if example.domain == domain and example.single
        ]
        rows, fold = [corpus.train[index] for index in own_rows], of_fold[own_rows]
        said = crossval.baseline(corpus.train, of_fold, domain)
        labels = [INDEX[name] for name in data.LABELS[domain]]
        truth = np.array([example.label for example in rows])
        baselines[domain] = {
            "macro_f1": round(float(f1_scores(truth, said, labels).mean()), 4),
            "macro_f1_of_folds": _by_fold(truth, said, fold, labels),
        }
        logger.info("%s, baseline: %s", domain, baselines[domain])
    return {"sets": measured, "ece_of_all_sets": pooled, "baseline": baselines}


def evaluate(folder: Path, models: Path) -> dict[str, Any]:
    """The figures of the shipped file itself: development parts, speed, behaviour."""
    path = models / "text_emotion.npz"
    model = TextEmotionModel.load(path)
    corpus = data.load(folder)
    measured: dict[str, dict[str, Any]] = {}
    for domain in data.DOMAINS:
        rows = [example for example in corpus.dev if example.domain == domain and example.single]
        if not rows:
            continue
        truth = [example.label for example in rows]
        measured[domain] = {}
        for name, form in forms(corpus).items():
            said = model.classify_batch([form(example.text) for example in rows])
            measured[domain][name] = metrics(_answers(said, truth, domain))
            logger.info("%s %s: macro F1 %.3f", domain, name, measured[domain][name]["macro_f1"])
    spoken = [as_transcript(example.text) for example in corpus.train if example.domain == "meacorpus"]
    return {
        "model": path.name,
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "emotions": list(EMOTIONS),
        "dev": measured,
        "speed": speed(model, spoken[:1500]),
        "behaviour": _behaviour(model, behaviour.CASES),
        "behaviour_talk": _behaviour(model, behaviour.TALK),
        "behaviour_fresh": _behaviour(model, behaviour.FRESH),
    }


def _behaviour(model: TextEmotionModel, path: Path) -> dict[str, dict[str, float]]:
    results = behaviour.run(model, behaviour.load(path))
    return {result.name: {"cases": result.total, "passed": round(result.rate, 3)} for result in results}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds text/")
    parser.add_argument("--models", type=Path, default=behaviour.ROOT / "models")
    parser.add_argument("--work", type=Path, help="where training left the folds' models")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    report = evaluate(args.data, args.models)
    written = args.models / "text_emotion.json"
    if args.work and (args.work / crossval.NAME.format(0)).exists():
        report |= cross_validate(args.data, args.work, args.models / "figures")
    else:
        before = json.loads(written.read_text(encoding="utf-8"))
        report |= {name: before[name] for name in ("sets", "ece_of_all_sets", "baseline")}
    written.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_card(report, args.models / "text_emotion.md")


if __name__ == "__main__":
    main()
