"""Measure the text model through the shipped path and write its card.

`python -m training.text.evaluate --data DIR [--models DIR]` writes text_emotion.md, text_emotion.json and the
figures. The figures of the cross-validation are measured again where `--work` holds its models (see
`crossval`), and carried over otherwise.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from emoedge.circumplex import affect
from emoedge.emotions import EMOTIONS, INDEX, Probabilities, as_probabilities
from emoedge.evaluation.measures import BINS, NO_OPINION
from emoedge.files import sha256_of
from emoedge.text.features import Hasher
from emoedge.text.model import TextEmotionModel
from training.text import behaviour, crossval, data, linear, templates
from training.text.augment import Recognizer, as_spoken, as_transcript
from training.text.card import write_card
from training.text.measures import (
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

MEASURED_BY_FOLDS = ("sets", "ece_of_all_sets", "left_out", "affect")
"""Figures that need the models in the work folder."""


def _answers(
    posteriors: Sequence[Probabilities | None], truth: Sequence[int], domain: data.Domain
) -> Answers:
    """Return the answers on the labels that the set has: one outside becomes the likeliest inside."""
    labels = np.array([INDEX[name] for name in data.SCORED[domain]])
    said, confidence = [], []
    for posterior in posteriors:
        inside = np.zeros(len(labels)) if posterior is None else posterior[labels] / posterior[labels].sum()
        said.append(NO_OPINION if posterior is None else int(labels[inside.argmax()]))
        confidence.append(float(inside.max()))
    return Answers(np.array(truth), np.array(said), np.array(confidence), tuple(map(int, labels)))


def forms(corpus: data.Corpus, seed: int = 5) -> dict[str, Callable[[str], str]]:
    """Return the three forms of a text: as written, as spoken, and as spoken with recognition errors."""
    recognizer = Recognizer(example.text for example in corpus.train)
    rng = np.random.default_rng(seed)
    return {
        "raw": lambda text: text,
        "transcript": as_spoken,
        "with errors": lambda text: recognizer.garble(as_spoken(text), rng),
    }


def speed(model: TextEmotionModel, lines: Sequence[str]) -> dict[str, float]:
    """Measure lines per second in batches, and milliseconds for a single line (best of five, one thread)."""
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


def operations(model: TextEmotionModel, lines: Sequence[str]) -> int:
    """Return the mean multiply-adds of a line: its features times the outputs of heads and gate."""
    outputs = int(model.has_label.sum()) + len(model.has_label)
    hasher = Hasher(linear.Settings.word_bits, linear.Settings.char_bits)
    hashed = [hasher([line]) for line in lines]
    features = np.mean([len(set(batch.word)) + len(set(batch.char)) for batch in hashed])
    return round(float(features) * outputs)


def figures(answers: dict[str, Answers], folder: Path) -> None:
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
    """Return the macro F1 of each fold, which shows what to expect of a test part of this size."""
    return [
        round(float(f1_scores(truth[fold == k], said[fold == k], labels).mean()), 4)
        for k in range(crossval.FOLDS)
    ]


def cross_validate(folder: Path, work: Path, pictures: Path) -> dict[str, Any]:
    """Measure the models of the folds on rows not used for them or their temperatures."""
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
    return {"sets": measured, "ece_of_all_sets": pooled}


def baselines(folder: Path) -> dict[str, Any]:
    """Measure a plain model of each set, fitted on the same folds, on transcripts: some minutes a set."""
    corpus = data.load(folder)
    of_fold = crossval.folds(corpus.train)
    measured: dict[str, Any] = {}
    for domain in data.DOMAINS:
        own_rows = [
            index
            for index, example in enumerate(corpus.train)
            if example.domain == domain and example.is_scored
        ]
        rows, fold = [corpus.train[index] for index in own_rows], of_fold[own_rows]
        said = crossval.baseline(corpus.train, of_fold, domain)
        labels = [INDEX[name] for name in data.SCORED[domain]]
        truth = np.array([example.label for example in rows])
        measured[domain] = {
            "macro_f1": round(float(f1_scores(truth, said, labels).mean()), 4),
            "macro_f1_of_folds": _by_fold(truth, said, fold, labels),
        }
        logger.info("%s, baseline: %s", domain, measured[domain])
    return measured


def evaluate(folder: Path, models: Path) -> dict[str, Any]:
    """Measure the shipped file itself: development parts, speed, behaviour."""
    path = models / "text_emotion.npz"
    model = TextEmotionModel.load(path)
    corpus = data.load(folder)
    measured: dict[str, dict[str, Any]] = {}
    for domain in data.DOMAINS:
        rows = [example for example in corpus.dev if example.domain == domain and example.is_scored]
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
        "operations": operations(model, spoken[:1500]),
        "speed": speed(model, spoken[:1500]),
        "behaviour": _behaviour(model, behaviour.CASES),
        "behaviour_talk": _behaviour(model, behaviour.TALK),
        "behaviour_fresh": _behaviour(model, behaviour.FRESH),
        "behaviour_home": _behaviour(model, behaviour.HOME),
    }


def left_out(folder: Path, work: Path) -> dict[str, Any]:
    """Measure models trained without a set on its training part, as transcripts."""
    examples = data.load(folder).train
    measured: dict[str, Any] = {}
    for domain in data.DOMAINS:
        judged = crossval.answers_left_out(examples, domain, work, as_spoken)
        given = _answers([p for _, p in judged], [example.label for example, _ in judged], domain)
        shares = {EMOTIONS[label]: round(float(np.mean(given.said == label)), 3) for label in given.labels}
        measured[domain] = metrics(given) | {"shares_said": shares}
        logger.info("%s left out: macro F1 %.3f", domain, measured[domain]["macro_f1"])
    return measured


def valence(folder: Path, work: Path) -> dict[str, Any]:
    """Compare valence and arousal of `emoedge.circumplex` with those that raters gave.

    Tweets of SemEval-2018 by models that were kept from them; single words of the norms by their ratings of
    five emotions, as a check of the places of the classes alone.
    """
    examples = data.load(folder).train
    rated = [
        (example.valence, affect(posterior).valence)
        for example, _, posterior in crossval.answers(
            examples,
            crossval.folds(examples),
            work,
            as_spoken,
            lambda example: not math.isnan(example.valence),
        )
        if posterior is not None
    ]
    words = [(rating, affect(felt)) for rating, felt in _felt_words(data.word_norms(folder))]
    return {
        "tweets": {"rows": len(rated), "valence": _correlation(rated)},
        "words": {
            "rows": len(words),
            "valence": _correlation([(rating["valence"], place.valence) for rating, place in words]),
            "arousal": _correlation([(rating["arousal"], place.arousal) for rating, place in words]),
        },
    }


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    return round(float(np.corrcoef(np.array(pairs).T)[0, 1]), 3)


def _felt_words(
    norms: dict[str, dict[str, float]],
) -> Iterator[tuple[dict[str, float], Probabilities]]:
    """Return each rated word with its ratings as a posterior: stronger emotions make it less neutral."""
    for rating in norms.values():
        felt = np.array([max(0.0, rating.get(name, 0.0) - templates.NORM_BLAND) ** 2 for name in EMOTIONS])
        felt[INDEX["neutral"]] = 1.0
        yield rating, as_probabilities(felt / felt.sum())


def _behaviour(model: TextEmotionModel, path: Path) -> dict[str, dict[str, float]]:
    results = behaviour.run(model, behaviour.load(path))
    return {result.name: {"cases": result.total, "passed": round(result.rate, 3)} for result in results}


def _carried_over(path: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return the figures of these names in an earlier report, if they are there."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {name: before[name] for name in names if name in before}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds text/")
    parser.add_argument("--models", type=Path, default=behaviour.ROOT / "models")
    parser.add_argument("--work", type=Path, help="where training left the folds' models")
    parser.add_argument(
        "--baseline", action="store_true", help="also fit the baseline again: an hour on a small board"
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    report = evaluate(args.data, args.models)
    written = args.models / "text_emotion.json"
    if args.work and (args.work / crossval.NAME.format(0)).exists():
        report |= cross_validate(args.data, args.work, args.models / "figures")
        report |= {"left_out": left_out(args.data, args.work), "affect": valence(args.data, args.work)}
    else:
        report |= _carried_over(written, MEASURED_BY_FOLDS)
    report |= {"baseline": baselines(args.data)} if args.baseline else _carried_over(written, ["baseline"])
    written.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_card(report, args.models / "text_emotion.md")


if __name__ == "__main__":
    main()
