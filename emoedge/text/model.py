"""The text model: which emotion the words of an utterance carry.

A linear model over hashed word and character n-grams (`features`). The sets it was trained on (video
comments, two of tweets, transcribed speech) disagree about what a label means, so each has its own head; one
more holds plain statements of one's own feeling. A gate, read from the text itself, says how much each head
counts. The weights are int8; only numpy is needed.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, Probabilities, as_probabilities, softmax
from emoedge.errors import ModelError
from emoedge.text.features import Hasher, frequency
from emoedge.text.tokens import MARKS, normalize
from emoedge.text.words import FILLERS, degree
from emoedge.translation import tr

DEGREE: Final = 0.25
"""Natural logarithm of how much sharper "muy" and its like make each head, and "un poco" flatter.

About the booster of VADER (Hutto and Gilbert 2014); sentences of different length are hard to compare
otherwise.
"""

FORMAT: Final = "emoedge-text-4"

BATCH: Final = 64
"""Lines hashed at once: amortizes the calls into numpy, and bounds memory for a list of any length."""

MIN_LEAD: Final = 0.03
"""A leader less than this above one in seven is as good as flat: no opinion."""


_DAMAGE: Final = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)
"""Exceptions of numpy and zipfile for a damaged file of arrays."""


@dataclass(frozen=True, eq=False)
class Table:
    """The weights of one kind of feature.

    Attributes:
        used: bool (2**bits,), which hash buckets training kept; the others weigh nothing.
        weights: int8 (used buckets, outputs), in the order of the buckets.
        scale: float32 (outputs,), what one step of int8 is worth.
        idf: float32 (used buckets,), > 0, inverse document frequency.
    """

    used: NDArray[np.bool_]
    weights: NDArray[np.int8]
    scale: NDArray[np.float32]
    idf: NDArray[np.float32]

    @property
    def bits(self) -> int:
        """Base-2 logarithm of the number of buckets."""
        return len(self.used).bit_length() - 1


@dataclass(frozen=True, eq=False)
class MessageWeights:
    """Parameters of the model: written by training, read by the device.

    Attributes:
        word, char: the two kinds of features.
        bias: float32 (outputs,).
        labels: for each head the indices into EMOTIONS of its outputs; then one gate output a head.
        temperatures: float32 (heads,), calibration of each head.
        gate_temperature: sharpness of the gate.
    """

    word: Table
    char: Table
    bias: NDArray[np.float32]
    labels: tuple[tuple[int, ...], ...]
    temperatures: NDArray[np.float32]
    gate_temperature: float

    def save(self, path: Path) -> None:
        """Write a compressed .npz."""
        settings = {
            "format": FORMAT,
            "emotions": list(EMOTIONS),
            "heads": [[EMOTIONS[index] for index in head] for head in self.labels],
            "gate_temperature": self.gate_temperature,
        }
        arrays: dict[str, NDArray[Any]] = {"bias": self.bias, "temperatures": self.temperatures}
        for name, table in (("word", self.word), ("char", self.char)):
            arrays[f"{name}_used"] = np.packbits(table.used)
            arrays[f"{name}_weights"] = table.weights
            arrays[f"{name}_scale"] = table.scale
            arrays[f"{name}_idf"] = table.idf.astype(np.float16)
        arrays["settings"] = np.frombuffer(json.dumps(settings).encode(), np.uint8)
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]

    @staticmethod
    def load(path: Path) -> MessageWeights:
        """Read what `save` wrote; ModelError if it is missing, damaged or of another format."""
        remedy = "run: emoedge models verify"
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            settings = json.loads(arrays["settings"].tobytes())
            if settings["format"] != FORMAT or settings["emotions"] != list(EMOTIONS):
                raise ModelError(tr("text model {path} is of another version", path=path), remedy)
            return MessageWeights(
                word=_table(arrays, "word"),
                char=_table(arrays, "char"),
                bias=arrays["bias"],
                labels=tuple(tuple(EMOTIONS.index(name) for name in head) for head in settings["heads"]),
                temperatures=arrays["temperatures"],
                gate_temperature=float(settings["gate_temperature"]),
            )
        except FileNotFoundError as error:
            raise ModelError(tr("text model {path} is missing", path=path), remedy) from error
        except _DAMAGE as error:
            raise ModelError(
                tr("text model {path} is damaged: {error}", path=path, error=error), remedy
            ) from error


def _table(arrays: dict[str, NDArray[Any]], name: str) -> Table:
    table = Table(
        used=np.unpackbits(arrays[f"{name}_used"]).astype(np.bool_),
        weights=arrays[f"{name}_weights"],
        scale=arrays[f"{name}_scale"],
        idf=arrays[f"{name}_idf"].astype(np.float32),
    )
    if not int(table.used.sum()) == len(table.weights) == len(table.idf):
        raise ValueError(f"the tables of {name} do not fit together")
    return table


@dataclass(frozen=True, eq=False)
class Outputs:
    """Intermediate results of the model for n lines, for training and evaluation.

    heads: float32 (n, heads, 7), probabilities of each head (0 for labels that it does not have).
    gate: float32 (n, heads), weight of each head.
    has_label: float32 (heads, 7), 1 where a head has a label, else 0.
    """

    heads: NDArray[np.float32]
    gate: NDArray[np.float32]
    has_label: NDArray[np.float32]

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """(n, 7), of the type of `heads`: the heads weighted by the gate.

        A label counts only as far as the gate favours heads that have it, so that a doubt about the kind of
        text does not bring in labels that this kind does not use.
        """
        mixed = np.einsum("nhk,nh->nk", self.heads, self.gate) * (self.gate @ self.has_label)
        return np.asarray(mixed / mixed.sum(axis=1, keepdims=True), self.heads.dtype)


class TextEmotionModel:
    """Classifies lines of Spanish text; safe to share between threads once loaded."""

    def __init__(self, weights: MessageWeights) -> None:
        self._weights = weights
        self._hasher = Hasher(weights.word.bits, weights.char.bits)
        self._word = _Lookup(weights.word)
        self._char = _Lookup(weights.char)
        self._starts = np.cumsum([0, *map(len, weights.labels)])
        self.has_label = np.zeros((len(weights.labels), EMOTION_COUNT), np.float32)
        for head, labels in enumerate(weights.labels):
            self.has_label[head, labels] = 1.0

    @classmethod
    def load(cls, path: str | Path) -> TextEmotionModel:
        """Read a model (`.npz`, the suffix may be left out); ModelError if it cannot be used."""
        path = Path(path)
        return cls(MessageWeights.load(path if path.suffix == ".npz" else path.with_suffix(".npz")))

    def classify(self, text: str) -> Probabilities | None:
        """The posterior over EMOTIONS, or None for text without an opinion.

        None: no words or emoji, nothing but function words and fillers, no word that training knew, or a
        posterior that is nearly flat (MIN_LEAD). Any string is accepted.
        """
        return self.classify_batch([text])[0]

    def classify_batch(self, texts: Iterable[str]) -> list[Probabilities | None]:
        """As `classify`, for many lines: several times as fast for each."""
        return list(self.classify_stream(texts))

    def classify_stream(self, texts: Iterable[str]) -> Iterator[Probabilities | None]:
        """As `classify_batch` in constant memory: at most BATCH lines are held."""
        batch: list[str] = []
        for text in texts:
            batch.append(normalize(text))
            if len(batch) == BATCH:
                yield from self._decide(batch)
                batch = []
        yield from self._decide(batch)

    def _decide(self, lines: Sequence[str]) -> Iterator[Probabilities | None]:
        if not lines:
            return
        posteriors = self.outputs(lines).probabilities
        opinion = self._say_something(lines)
        opinion &= posteriors.max(axis=1) >= 1.0 / EMOTION_COUNT + MIN_LEAD
        for posterior, given in zip(posteriors, opinion, strict=True):
            yield as_probabilities(posterior) if given else None

    def _say_something(self, lines: Sequence[str]) -> NDArray[np.bool_]:
        """Which lines hold an emoji, or a word beyond FILLERS that training knew."""
        words, of_line = [], []
        result = np.zeros(len(lines), np.bool_)
        for index, line in enumerate(lines):
            for word in line.split():
                if not word[0].isalpha():
                    result[index] |= word not in MARKS
                elif word not in FILLERS and word not in MARKS:
                    words.append(word)
                    of_line.append(index)
        if words:
            _row, known = self._word.find(self._hasher.word_buckets(words))
            result[np.array(of_line)[known]] = True
        return result

    def outputs(self, lines: Sequence[str]) -> Outputs:
        """Every head and the gate for normalized lines, at most a few hundred at once."""
        bare, strength = zip(*map(degree, lines), strict=True)
        features = self._hasher(bare)
        weights = self._weights
        logits = np.tile(weights.bias, (len(lines), 1))
        logits += self._word.pool(features.word, features.word_line, features.word_value, len(lines))
        logits += self._char.pool(features.char, features.char_line, features.char_value, len(lines))
        sharpness = np.exp(DEGREE * np.array(strength, np.float32))[:, None]
        heads = np.zeros((len(lines), len(weights.labels), EMOTION_COUNT), np.float32)
        for index, labels in enumerate(weights.labels):
            start = self._starts[index]
            part = logits[:, start : start + len(labels)]
            heads[:, index, labels] = softmax(part * sharpness, float(weights.temperatures[index]))
        gate = softmax(logits[:, self._starts[-1] :], weights.gate_temperature)
        return Outputs(heads, gate, self.has_label)


class _Lookup:
    """A table made ready for summing; a text needs few of its rows."""

    def __init__(self, table: Table) -> None:
        # The last one is not a bucket, so every bucket has an entry after it.
        self._buckets = np.append(np.flatnonzero(table.used), len(table.used))
        self._idf = table.idf
        self._weights = table.weights
        self._scale = table.scale

    def find(self, buckets: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The row of each bucket, and whether training kept it; any row for one that it did not."""
        row = np.searchsorted(self._buckets, buckets)
        return row, self._buckets[row] == buckets

    def pool(
        self, buckets: NDArray[np.intp], of_line: NDArray[np.intp], values: NDArray[np.float32], count: int
    ) -> NDArray[np.float32]:
        """The outputs of each line's unit-length tf-idf vector (`frequency` times idf): (count, outputs)."""
        pooled = np.zeros((count, self._weights.shape[1]), np.float32)
        row, known = self.find(buckets)
        size = len(self._weights)
        feature, place = np.unique((of_line * size + row)[known], return_inverse=True)
        if len(feature):
            row = feature % size
            total = np.bincount(place, values[known]).astype(np.float32)
            value = frequency(total) * self._idf[row]
            present, starts = np.unique(feature // size, return_index=True)
            weights = self._weights[row] * self._scale
            sums = np.add.reduceat(weights * value[:, None], starts, axis=0)
            length = np.sqrt(np.add.reduceat(value * value, starts))
            pooled[present] = sums / np.maximum(length, 1e-6)[:, None]
        return pooled
