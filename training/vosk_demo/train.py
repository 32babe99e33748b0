"""Make the demonstration model: ``python -m training.vosk_demo.train --out DIR``.

Needs espeak-ng (Debian: ``espeak-ng``) and the extra ``train``. One thread.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path

import numpy as np

from . import acoustic, graph, kaldi_text
from .corpus import split, training_readings
from .degrade import degrade
from .espeak import RATE, Speech
from .features import mfcc
from .labels import PdfTable, frame_labels, segments
from .lexicon import SILENCE, phone_set, pronunciations

logger = logging.getLogger(__name__)

SEED = 7
COPIES = 2
"""Degradations of each reading."""


def main() -> None:
    """Synthesise, train, and write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    started = time.monotonic()
    make(arguments.out, arguments.seed)
    logger.info("done in %.0f s", time.monotonic() - started)


def make(out: Path, seed: int) -> None:
    """Train with `seed` and write the whole model into `out`."""
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    spoken = [reading.speak() for reading in training_readings(rng)]
    lexicon = pronunciations(word for speech in spoken for word in speech.words)
    phones = phone_set(lexicon)
    table = PdfTable((SILENCE, *phones))
    features, labels = _examples(rng, spoken, table)
    logger.info("%d words, %d phones, %d frames", len(lexicon), len(phones), sum(map(len, labels)))
    network = acoustic.train(features, labels, len(table), seed)
    write(out, network, table, lexicon)


def write(
    out: Path, network: acoustic.Network, table: PdfTable, lexicon: dict[str, list[tuple[str, ...]]]
) -> None:
    """Write the model folder: acoustic model, configuration and decoding graph."""
    phone_ids = graph.PhoneIds(table.phones[1:])
    kaldi_text.write_model(out, network, table, phone_ids, sorted(lexicon))
    train, _ = split()
    states = graph.build(train, lexicon, phone_ids, out / "graph/HCLG.fst")
    logger.info("graph of %d states", states)


def _examples(
    rng: np.random.Generator, spoken: list[Speech], table: PdfTable
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return features and frame labels of every degraded copy."""
    features, labels = [], []
    for speech in spoken:
        for _ in range(COPIES):
            placed = degrade(rng, speech.samples)
            timed = segments(speech, placed.offset_s, len(placed.samples) / RATE)
            features.append(mfcc(placed.samples))
            labels.append(frame_labels(timed, len(features[-1]), table))
    return features, labels


if __name__ == "__main__":
    main()
