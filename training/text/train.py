"""Train the message model: `python -m training.text.train --data DIR --out DIR`.

Writes DIR/text_emotion.npz. Run `python -m training.text.evaluate` for the card and its figures. About seven minutes on one
core, of which four are the encoder's; every step keeps its result in the cache, and a run that was broken off goes on
from there to the same weights.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]

from emoedge.speech.message import MessageModel, MessageWeights, Outputs, Table
from emoedge.speech.text_features import Hasher, normalize
from training.text import data, linear, teacher, templates
from training.text.augment import Recognizer, as_transcript
from training.text.measures import Answers, calibration_error

logger = logging.getLogger(__name__)

MADE_WEIGHT = 0.4
"""Weight of one made sentence for the head of plain statements, beside one real row for the head of its set."""
MADE_FOR_OTHERS = 0.05
"""And for the heads of the sets."""
REAL_FOR_PLAIN = 0.3
"""Weight of a labelled row for the head of plain statements: what it knows beyond the made sentences."""
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
FOLDS = 4
"""A quarter of the groups is left out of the trial that chooses the temperatures."""
TRIAL_NAME = "text_emotion_trial.npz"
DENIED = -0.5
"""What a denied word counts in training, less than on the device: the sets label many a denied feeling as that feeling,
and would take back what they can. On held-out rows the two measure alike."""
CLIP_QUANTILE = 0.9999
"""Weights beyond this quantile of their column are clipped, so that int8 has steps for the rest."""


def trial_part(example: data.Example) -> bool:
    """Whether the trial leaves this labelled row out."""
    return example.domain in data.DOMAINS and data.fold(example.group, FOLDS) == 0


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

    Its own head learns the label with a part of the teacher's opinion, as does the head of plain statements; the other
    heads learn the teacher's opinion alone.
    """
    recognizer = Recognizer(example.text for example in examples)
    balance = {domain: _class_weights(examples, domain) for domain in data.DOMAINS}
    spoken = [as_transcript(example.text) for example in examples]
    garbled = [recognizer.garble(line, rng) if rng.random() < 0.5 else line for line in spoken]
    origin = np.array([data.DOMAINS.index(example.domain) for example in examples])
    target = _with_plain(said)
    weight = np.full((len(examples), linear.HEADS), OTHER_HEAD_WEIGHT / 2, np.float32)
    for index, (example, head) in enumerate(zip(examples, origin, strict=True)):
        target[index, head] = (1 - TEACHER_SHARE) * example.target + TEACHER_SHARE * said[index, head]
        share = 0.5 if example.single else 0.5 * SEVERAL_WEIGHT
        weight[index, head] = share * float(example.target @ balance[example.domain])
        target[index, linear.PLAIN] = target[index, head]
        weight[index, linear.PLAIN] = REAL_FOR_PLAIN * weight[index, head]
    return linear.Rows(
        lines=[*(normalize(example.text) for example in examples), *garbled],
        origin=np.concatenate([origin, origin]),
        target=np.concatenate([target, target]),
        weight=np.concatenate([weight, weight]),
    )


def _with_plain(said: NDArray[np.float32]) -> NDArray[np.float32]:
    """The teachers' opinions, and their mean for the head of plain statements."""
    return np.concatenate([said, said.mean(axis=1, keepdims=True)], axis=1)


def _unlabelled(examples: Sequence[data.Example], said: NDArray[np.float32]) -> linear.Rows:
    """Texts without emotion labels: every head learns its teacher's opinion."""
    return linear.Rows(
        lines=[as_transcript(example.text) for example in examples],
        origin=np.full(len(examples), linear.NO_GATE),
        target=_with_plain(said),
        weight=np.full((len(examples), linear.HEADS), UNLABELLED_WEIGHT, np.float32),
    )


def _taught(items: Sequence[templates.Taught], weight: float, for_others: float, origin: int) -> linear.Rows:
    """Made sentences or rated words: one target for every head."""
    own = np.array([item.weight for item in items], np.float32)[:, None]
    return linear.Rows(
        lines=[as_transcript(item.text) for item in items],
        origin=np.full(len(items), origin),
        target=np.stack([item.target for item in items])[:, None].repeat(linear.HEADS, axis=1),
        weight=own * np.where(np.arange(linear.HEADS) == linear.PLAIN, weight, for_others).astype(np.float32),
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
        said: float32 (examples, sets, 7), the teacher's opinions of them.
        norms: rated words.
        rng: for recognition errors and made sentences.
    """
    labelled = np.array([example.domain in data.DOMAINS for example in examples])
    parts = (
        _real([e for e, real in zip(examples, labelled, strict=True) if real], said[labelled], rng),
        _unlabelled([e for e, real in zip(examples, labelled, strict=True) if not real], said[~labelled]),
        _taught(templates.sentences(rng), MADE_WEIGHT, MADE_FOR_OTHERS, linear.PLAIN),
        _taught(templates.norm_words(norms), NORM_WEIGHT, NORM_WEIGHT, linear.NO_GATE),
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


def _all_heads(of_sets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log temperatures of every head: no real rows test the head of plain statements, it takes the others' mean."""
    return np.append(of_sets, of_sets.mean())


def calibrate(weights: MessageWeights, examples: Sequence[data.Example]) -> MessageWeights:
    """Choose the heads' temperatures for which confidence and accuracy agree best on every set.

    Asked as the device asks: through the gate, raw and as transcripts. The calibration error alone is flat in
    places, so that a little of the likelihood goes with it; likelihood alone would spend the temperatures on the
    shares of the classes, which balanced training leaves out on purpose.
    """
    model = MessageModel(weights)
    heads, gates, truths, of_rows = [], [], [], []
    for index, domain in enumerate(data.DOMAINS):
        own = [example for example in examples if example.domain == domain and example.single]
        lines = [form(example.text) for form in (normalize, as_transcript) for example in own]
        for start in range(0, len(lines), 256):
            answer = model.outputs(lines[start : start + 256])
            heads.append(answer.heads)
            gates.append(answer.gate)
        truths += [example.label for example in own] * 2
        of_rows += [index] * len(lines)
    head, gate = np.concatenate(heads), np.concatenate(gates)
    truth, of_set = np.array(truths), np.array(of_rows)

    def cost_of(log_temperatures: NDArray[np.float64]) -> float:
        sharpened = head ** np.exp(-_all_heads(log_temperatures)).astype(np.float32)[None, :, None]
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
    sets = len(data.DOMAINS)
    simplex = np.concatenate([np.zeros((1, sets)), -0.7 * np.eye(sets)])
    found = minimize(
        cost_of,
        simplex[0],
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-5},
    )
    temperatures = np.exp(_all_heads(found.x)).astype(np.float32)
    logger.info("temperatures %s", np.round(temperatures, 3))
    return replace(weights, temperatures=temperatures)


def _fit(
    examples: Sequence[data.Example], folder: Path, work: Path, settings: linear.Settings, seed: int
) -> MessageWeights:
    """Teacher, rows, features, fit, int8: weights with temperatures of one. `work` keeps what can be taken up again."""
    vectors = teacher.embed([teacher.spoken_form(example.text) for example in examples], work)
    said = teacher.opinions(examples, vectors, work)
    rng = np.random.default_rng(seed)
    table = rows(examples, said, data.word_norms(folder), rng)
    hasher = Hasher(settings.word_bits, settings.char_bits, DENIED)
    word, char = linear.counts(table.lines, hasher)
    vocabulary = linear.Vocabulary(
        linear.inverse_frequencies(word, settings.min_count),
        linear.inverse_frequencies(char, settings.min_count),
    )
    features = linear.design(word, char, vocabulary)
    digest = hashlib.sha256(table.target.tobytes() + table.weight.tobytes() + repr(settings).encode())
    digest.update(features.data.tobytes() + features.indices.tobytes())
    return quantize(
        linear.fit(features, table, settings, work / f"fit-{digest.hexdigest()[:16]}"), vocabulary
    )


def train(
    folder: Path, work: Path, settings: linear.Settings, seed: int
) -> tuple[MessageWeights, MessageWeights]:
    """The whole training, from the data folder to calibrated int8 weights, and the trial that calibrated them.

    The trial is the same recipe without the groups of fold 0 of FOLDS; its answers to them choose the temperatures, so
    that neither these nor the development parts have been seen by what is measured on them.
    """
    corpus = data.load(folder)
    seen = [example for example in corpus.train if not trial_part(example)]
    trial = calibrate(
        _fit(seen, folder, work, settings, seed), [example for example in corpus.train if trial_part(example)]
    )
    final = _fit(corpus.train, folder, work, settings, seed)
    return replace(final, temperatures=trial.temperatures), trial


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
        default=Path("build/text"),
        help="the encoder's vectors, checkpoints, the trial model",
    )
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "text_emotion.npz"
    final, trial = train(args.data, args.cache, linear.Settings(), args.seed)
    trial.save(args.cache / TRIAL_NAME)
    final.save(path)
    logger.info("%s: %d bytes", path, path.stat().st_size)


if __name__ == "__main__":
    main()
