"""Train the text model: `python -m training.text.train --data DIR --out DIR`.

Writes DIR/text_emotion.npz. Run `python -m training.text.evaluate` for the card and its figures. The recipe
is run ten times: once on all rows; five times without a fifth of the groups (`crossval`), which measures it
on the sets it knows and calibrates it; and once without each set, which measures it on sets it does not know.
Every step caches its result; an interrupted run resumes from there and gives the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]

from emoedge.text.features import Hasher
from emoedge.text.model import MessageWeights, Table
from training.text import calibration, crossval, data, linear, teacher
from training.text.augment import without_tags
from training.text.rows import Lines, draw, rows

logger = logging.getLogger(__name__)

GATE_TEMPERATURE = 0.7
"""Below one: the head that fits best counts for more than its share."""
DENIED = -0.5
"""Weight of a denied word in training, lower than on the device: the data sets label many denied feelings as
that feeling and would partly undo the effect. On held-out rows both values score the same."""
PLAIN_GATE = -0.5
"""Added to the gate's output for the head of plain statements. Generated sentences outnumber similar
real ones, so that without it many lines of real speech were taken for one. Of five values tried, more costs
home talk and less costs the sets."""
CLIP_QUANTILE = 0.9999
"""Weights beyond this quantile of their column are clipped, so that int8 has steps for the rest."""


def quantize(fitted: linear.Fitted, vocabulary: linear.Vocabulary) -> MessageWeights:
    """int8 tables, one scale for each output; temperatures of one."""
    words = int(np.count_nonzero(vocabulary.word_idf))
    tables = []
    for part, idf in (
        (fitted.weights[:words], vocabulary.word_idf),
        (fitted.weights[words:], vocabulary.char_idf),
    ):
        scale = np.maximum(np.quantile(np.abs(part), CLIP_QUANTILE, axis=0), 1e-6) / 127
        steps = np.clip(np.rint(part / scale), -127, 127).astype(np.int8)
        tables.append(Table(idf > 0, steps, scale.astype(np.float32), idf[idf > 0]))
    return MessageWeights(
        word=tables[0],
        char=tables[1],
        bias=fitted.bias,
        labels=tuple(tuple(int(index) for index in labels) for labels in linear.HEAD_LABELS),
        temperatures=np.ones(linear.HEADS, np.float32),
        gate_temperature=GATE_TEMPERATURE,
    )


@dataclass(frozen=True, eq=False)
class Material:
    """Inputs of all fits, whichever rows a fit keeps.

    examples: n texts with and without labels.
    vectors: float32 (n, dimensions) of the encoder.
    drawn: the lines of all rows. word, char: counts of the hash buckets in each line.
    """

    examples: Sequence[data.Example]
    vectors: NDArray[np.float32]
    drawn: Lines
    word: sparse.csr_matrix
    char: sparse.csr_matrix


def prepare(folder: Path, work: Path, settings: linear.Settings, seed: int) -> Material:
    """Read the training parts, ask the encoder, draw the lines. The development parts are not read."""
    examples = data.load(folder).train
    vectors = teacher.embed([teacher.spoken_form(without_tags(example.text)) for example in examples], work)
    return assemble(examples, vectors, data.word_norms(folder), settings, seed)


def assemble(
    examples: Sequence[data.Example],
    vectors: NDArray[np.float32],
    norms: dict[str, dict[str, float]],
    settings: linear.Settings,
    seed: int,
) -> Material:
    """The material of these texts: their lines drawn and counted."""
    drawn = draw(examples, norms, np.random.default_rng(seed))
    word, char = linear.counts(drawn.lines, Hasher(settings.word_bits, settings.char_bits, DENIED))
    return Material(examples, vectors, drawn, word, char)


def fit(material: Material, kept: NDArray[np.bool_], work: Path, settings: linear.Settings) -> MessageWeights:
    """Run teacher, rows, features, fit and int8 on the examples kept; return weights with temperatures 1.

    `work` keeps intermediate results, from which a run can resume.
    """
    said = teacher.opinions(material.examples, kept, material.vectors, work)
    chosen, table = rows(material.drawn, material.examples, kept, said)
    word, char = material.word[chosen], material.char[chosen]
    vocabulary = linear.Vocabulary(
        linear.inverse_frequencies(word, settings.min_count),
        linear.inverse_frequencies(char, settings.min_count),
    )
    features = linear.design(word, char, vocabulary)
    digest = hashlib.sha256(table.target.tobytes() + table.weight.tobytes() + repr(settings).encode())
    digest.update(features.data.tobytes() + features.indices.tobytes())
    fitted = linear.fit(features, table, settings, work / f"fit-{digest.hexdigest()[:16]}")
    bias = fitted.bias.copy()
    bias[linear.PLAIN - linear.HEADS] += PLAIN_GATE
    return quantize(linear.Fitted(fitted.weights, bias), vocabulary)


def leave_out(material: Material, name: data.Domain, work: Path, settings: linear.Settings) -> MessageWeights:
    """Fit without a set, calibrate on a fifth of the other sets, and leave the model in `work`.

    Nothing of the set is in it: not in the fit, the teacher, the offsets or the temperatures.
    """
    domains = np.array([example.domain for example in material.examples])
    of_fold = crossval.folds(material.examples)
    logger.info("without %s", name)
    fitted = fit(material, (domains != name) & (of_fold != 0), work, settings)
    asked = crossval.ask([fitted], material.examples, np.where(domains != name, of_fold, -1))
    left_out = calibration.calibrate(fitted, asked)
    left_out.save(work / crossval.LEFT_OUT.format(name))
    return left_out


def train(folder: Path, work: Path, settings: linear.Settings, seed: int) -> MessageWeights:
    """Run the whole training, from the data folder to calibrated int8 weights.

    The models of the folds, and those without a set each, are left in `work`.
    """
    material = prepare(folder, work, settings, seed)
    of_fold = crossval.folds(material.examples)
    partial = []
    for number in range(crossval.FOLDS):
        logger.info("fold %d", number)
        partial.append(fit(material, of_fold != number, work, settings))
    asked = crossval.ask(partial, material.examples, of_fold)
    crossval.save(crossval.calibrated(partial, asked), work)
    logger.info("all rows")
    weights = calibration.calibrate(fit(material, np.ones(len(of_fold), np.bool_), work, settings), asked)
    for name in data.DOMAINS:
        leave_out(material, name, work, settings)
    return weights


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds text/")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where text_emotion.npz is written")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path("build/training/text"),
        help="the encoder's vectors, checkpoints, the models of the folds",
    )
    parser.add_argument(
        "--leave-out",
        choices=data.DOMAINS,
        help="train without this set alone; its model stays in the cache, and models/ is not touched",
    )
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.leave_out:
        settings = linear.Settings()
        leave_out(prepare(args.data, args.cache, settings, args.seed), args.leave_out, args.cache, settings)
        return
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "text_emotion.npz"
    train(args.data, args.cache, linear.Settings(), args.seed).save(path)
    logger.info("%s: %d bytes", path, path.stat().st_size)


if __name__ == "__main__":
    main()
