"""Train the message model: `python -m training.text.train --data DIR --out DIR`.

Writes DIR/text_emotion.npz. Run `python -m training.text.evaluate` for the card and its figures.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]

from emoedge.emotions import INDEX
from emoedge.speech.message import MessageModel, MessageWeights, Outputs, Table
from emoedge.speech.text_features import Hasher, normalize
from training.text import data, linear, teacher, templates
from training.text.augment import Recognizer, as_transcript
from training.text.measures import Answers, calibration_error

logger = logging.getLogger(__name__)

MADE_WEIGHT = 0.25
"""Weight of one made sentence beside one real row."""
NORM_WEIGHT = 0.04
"""Weight of one rated word beside one real row."""
TEACHER_SHARE = 0.3
"""Part of the teacher's opinion in the target of a labelled row."""
OTHER_HEAD_WEIGHT = 0.15
"""Weight of a row of one set for the heads of the others, which hear the teacher alone."""
UNLABELLED_WEIGHT = 0.15
"""Weight of a text without labels."""
SEVERAL_WEIGHT = 0.5
"""Weight of BRIGHTER rows with several emotions, whose shares are the target."""
LIKELIHOOD_SHARE = 0.02
"""Of the mean log likelihood, beside the calibration error, in the choice of temperatures."""
GATE_TEMPERATURE = 0.7
"""Below one: the head that fits best counts for more than its share."""
CLIP_QUANTILE = 0.9999
"""Weights beyond this quantile of their column are clipped, so that int8 has steps for the rest."""


def _class_weights(examples: Sequence[data.Example], domain: str) -> NDArray[np.float32]:
    """Balanced: inverse of each class's share; macro F1 counts every class alike."""
    total = np.sum([example.target for example in examples if example.domain == domain], axis=0)
    return np.where(total > 0, total.sum() / np.maximum(total, 1) / np.count_nonzero(total), 0).astype(
        np.float32
    )


def _real(
    examples: Sequence[data.Example], said: NDArray[np.float32], rng: np.random.Generator
) -> linear.Rows:
    """Every labelled text twice: as written, and as a recognizer would give it.

    Its own head learns the label with a part of the teacher's opinion, the other heads the teacher's alone.
    """
    recognizer = Recognizer(example.text for example in examples)
    balance = {domain: _class_weights(examples, domain) for domain in data.DOMAINS}
    spoken = [as_transcript(example.text) for example in examples]
    garbled = [recognizer.garble(line, rng) if rng.random() < 0.5 else line for line in spoken]
    origin = np.array([data.DOMAINS.index(example.domain) for example in examples])
    target = said.copy()
    weight = np.full((len(examples), linear.HEADS), OTHER_HEAD_WEIGHT / 2, np.float32)
    for index, (example, head) in enumerate(zip(examples, origin, strict=True)):
        target[index, head] = (1 - TEACHER_SHARE) * example.target + TEACHER_SHARE * said[index, head]
        share = 0.5 if example.single else 0.5 * SEVERAL_WEIGHT
        weight[index, head] = share * float(example.target @ balance[example.domain])
    return linear.Rows(
        lines=[*(normalize(example.text) for example in examples), *garbled],
        origin=np.concatenate([origin, origin]),
        target=np.concatenate([target, target]),
        weight=np.concatenate([weight, weight]),
    )


def _unlabelled(examples: Sequence[data.Example], said: NDArray[np.float32]) -> linear.Rows:
    """Texts without emotion labels: every head learns its teacher's opinion."""
    return linear.Rows(
        lines=[as_transcript(example.text) for example in examples],
        origin=np.full(len(examples), linear.NO_GATE),
        target=said,
        weight=np.full((len(examples), linear.HEADS), UNLABELLED_WEIGHT, np.float32),
    )


def _taught(items: Sequence[templates.Taught], weight: float) -> linear.Rows:
    """Made sentences or rated words: the same for every head.

    Neutral talk counts as speech for the gate: of the sets with a neutral label, that one is spoken.
    """
    target = np.stack([item.target for item in items])[:, None].repeat(linear.HEADS, axis=1)
    weights = np.array([weight * item.weight for item in items], np.float32)
    calm = target[:, 0, INDEX["neutral"]] == 1
    return linear.Rows(
        lines=[as_transcript(item.text) for item in items],
        origin=np.where(calm, data.DOMAINS.index("meacorpus"), linear.NO_GATE),
        target=target,
        weight=np.tile(weights[:, None], linear.HEADS),
    )


def rows(
    examples: Sequence[data.Example],
    said: NDArray[np.float32],
    norms: dict[str, dict[str, float]],
    rng: np.random.Generator,
) -> linear.Rows:
    """Everything the model learns from.

    Args:
        examples: labelled and unlabelled texts.
        said: float32 (examples, heads, 7), the teacher's opinions of them.
        norms: rated words.
        rng: for recognition errors and made sentences.
    """
    labelled = np.array([example.domain in data.DOMAINS for example in examples])
    parts = (
        _real([e for e, real in zip(examples, labelled, strict=True) if real], said[labelled], rng),
        _unlabelled([e for e, real in zip(examples, labelled, strict=True) if not real], said[~labelled]),
        _taught(templates.sentences(rng), MADE_WEIGHT),
        _taught(templates.norm_words(norms), NORM_WEIGHT),
    )
    return linear.Rows(
        lines=[line for part in parts for line in part.lines],
        origin=np.concatenate([part.origin for part in parts]),
        target=np.concatenate([part.target for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
    )


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


def calibrate(weights: MessageWeights, examples: Sequence[data.Example]) -> MessageWeights:
    """Choose the heads' temperatures for which confidence and accuracy agree best on every set.

    Asked as the device asks: through the gate, raw and as transcripts. The calibration error alone is flat in
    places, so that a little of the likelihood goes with it; likelihood alone would spend the temperatures on the
    shares of the classes, which balanced training leaves out on purpose.
    """
    model = MessageModel(weights)
    heads, gates, truths, sets = [], [], [], []
    for index, domain in enumerate(data.DOMAINS):
        own = [example for example in examples if example.domain == domain and example.single]
        lines = [form(example.text) for form in (normalize, as_transcript) for example in own]
        for start in range(0, len(lines), 256):
            answer = model.outputs(lines[start : start + 256])
            heads.append(answer.heads)
            gates.append(answer.gate)
        truths += [example.label for example in own] * 2
        sets += [index] * len(lines)
    head, gate = np.concatenate(heads), np.concatenate(gates)
    truth, of_set = np.array(truths), np.array(sets)

    def surprise(log_temperatures: NDArray[np.float64]) -> float:
        sharpened = head ** np.exp(-log_temperatures).astype(np.float32)[None, :, None]
        sharpened /= sharpened.sum(axis=2, keepdims=True)
        posterior = Outputs(sharpened, gate, model.has_label).probabilities
        cost = 0.0
        for index in range(len(data.DOMAINS)):
            own = np.flatnonzero(of_set == index)
            answers = Answers(truth[own], posterior[own].argmax(axis=1), posterior[own].max(axis=1), ())
            likelihood = np.log(np.maximum(posterior[own, truth[own]], 1e-9))
            cost += calibration_error(answers) - LIKELIHOOD_SHARE * float(likelihood.mean())
        return cost

    # A first simplex as wide as the answer may lie: the error is made of small steps.
    simplex = np.concatenate([np.zeros((1, linear.HEADS)), -0.7 * np.eye(linear.HEADS)])
    found = minimize(
        surprise,
        simplex[0],
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-5},
    )
    temperatures = np.exp(found.x).astype(np.float32)
    logger.info("temperatures %s", np.round(temperatures, 3))
    return replace(weights, temperatures=temperatures)


def train(folder: Path, cache: Path, settings: linear.Settings, seed: int) -> MessageWeights:
    """The whole training, from the data folder to calibrated int8 weights; `cache` keeps the encoder's vectors."""
    corpus = data.load(folder)
    rng = np.random.default_rng(seed)
    vectors = teacher.embed([teacher.spoken_form(example.text) for example in corpus.train], cache)
    said = teacher.opinions(corpus.train, vectors)
    table = rows(corpus.train, said, data.word_norms(folder), rng)
    hasher = Hasher(settings.word_bits, settings.char_bits)
    word, char = linear.counts(table.lines, hasher)
    vocabulary = linear.Vocabulary(
        linear.inverse_frequencies(word, settings.min_count),
        linear.inverse_frequencies(char, settings.min_count),
    )
    features = linear.design(table.lines, hasher, vocabulary)
    fitted = linear.fit(features, table, settings)
    return calibrate(quantize(fitted, vocabulary), corpus.dev)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that holds text/")
    parser.add_argument("--out", type=Path, default=Path("models"), help="where text_emotion.npz is written")
    parser.add_argument("--cache", type=Path, default=Path("build/text"), help="keeps the encoder's vectors")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "text_emotion.npz"
    train(args.data, args.cache, linear.Settings(), args.seed).save(path)
    logger.info("%s: %d bytes", path, path.stat().st_size)


if __name__ == "__main__":
    main()
