"""Train the text model: `python -m training.text.train --data DIR --out DIR`.

Writes DIR/text_emotion.npz. Run `python -m training.text.evaluate` for the card and its figures. The recipe
is run six times, five of them without a fifth of the groups each (`crossval`), which says what the recipe is
worth and calibrates it. Every step keeps its result in the cache, and a run that was broken off goes on from
there to the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoedge.text.features import Hasher
from emoedge.text.model import MessageWeights, Table
from training.text import calibration, crossval, data, linear, teacher
from training.text.rows import rows

logger = logging.getLogger(__name__)

GATE_TEMPERATURE = 0.7
"""Below one: the head that fits best counts for more than its share."""
DENIED = -0.5
"""What a denied word counts in training, less than on the device: the sets label many a denied feeling as
that feeling, and would take back what they can. On held-out rows the two measure alike."""
PLAIN_GATE = -1.0
"""Added to the gate's output for the head of plain statements. Made sentences outnumber the real ones that
are like them, so that without it many a line of real speech was taken for one: chosen by cross-validation."""
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


def _fit(
    examples: Sequence[data.Example],
    vectors: NDArray[np.float32],
    second: NDArray[np.float32],
    norms: dict[str, dict[str, float]],
    work: Path,
    settings: linear.Settings,
    seed: int,
) -> MessageWeights:
    """Fit teacher, rows, features and int8 weights with temperatures of one; `work` is resumable."""
    said = teacher.opinions(examples, vectors, second, work)
    table = rows(examples, said, norms, np.random.default_rng(seed))
    hasher = Hasher(settings.word_bits, settings.char_bits, DENIED)
    word, char = linear.counts(table.lines, hasher)
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


def train(folder: Path, work: Path, settings: linear.Settings, seed: int) -> MessageWeights:
    """Train from the data folder to calibrated int8 weights; the folds' models stay in `work`.

    The development parts are not read: what is measured on them was neither fitted nor calibrated there.
    """
    examples = data.load(folder).train
    norms = data.word_norms(folder)
    spoken = [teacher.spoken_form(example.text) for example in examples]
    vectors = teacher.embed(spoken, work)
    labelled = np.flatnonzero([example.domain in data.DOMAINS for example in examples])
    of_labelled = teacher.embed_second([spoken[index] for index in labelled], work)
    second = np.zeros((len(examples), of_labelled.shape[1]), np.float32)
    second[labelled] = of_labelled
    of_fold = crossval.folds(examples)

    def fit(kept: NDArray[np.bool_]) -> MessageWeights:
        chosen = np.flatnonzero(kept)
        rows_kept = [examples[index] for index in chosen]
        return _fit(rows_kept, vectors[chosen], second[chosen], norms, work, settings, seed)

    partial = []
    for number in range(crossval.FOLDS):
        logger.info("fold %d", number)
        partial.append(fit(of_fold != number))
    asked = crossval.ask(partial, examples, of_fold)
    crossval.save(crossval.calibrated(partial, asked), work)
    logger.info("all rows")
    return calibration.calibrate(fit(np.ones(len(examples), np.bool_)), asked)


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
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "text_emotion.npz"
    train(args.data, args.cache, linear.Settings(), args.seed).save(path)
    logger.info("%s: %d bytes", path, path.stat().st_size)


if __name__ == "__main__":
    main()
