"""Feature vectors of all clips, original and distorted, in a cache."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoedge.high_pass import HighPass
from emoedge.voice.contours import SAMPLE_RATE
from emoedge.voice.features import FEATURE_VERSION, feature_names, features
from training.voice.augment import crop, distort
from training.voice.data import TARGET_SET, Corpus, load

Array = NDArray[np.float32]

SHORT_S = (0.3, 1.2)
"""Shortest and longest part of a clip used as a word, in seconds."""
SHORT_SEED = 99


def extract(corpus: Corpus, cache: Path, copy: int) -> Array:
    """Return features (n, d) of all clips; copy 0 is undistorted, each other copy is distorted differently.

    The distortion of a clip depends only on its number and the copy, so runs are reproducible.
    """
    stored = cache / f"features_v{FEATURE_VERSION}_{copy}.npy"
    if stored.exists():
        return np.load(stored)
    # Babble is mixed from the other sets, so that no speaker under test is heard in training.
    voices = [clip for clip, origin in zip(corpus.clips, corpus.origin, strict=True) if origin != TARGET_SET]
    result = np.empty((len(corpus), len(feature_names())), dtype=np.float32)
    for index, clip in enumerate(corpus.clips):
        if copy:
            distorted = distort(np.random.default_rng((copy, index)), clip, voices)
            result[index] = features(HighPass().filter(distorted))
        else:
            result[index] = features(clip)
        if index % 500 == 0:
            print(f"copy {copy}: {index} of {len(corpus)}", file=sys.stderr, flush=True)
    np.save(stored, result)
    return result


def extract_short(corpus: Corpus, cache: Path) -> tuple[Array, NDArray[np.float64]]:
    """Return features (n, d) of a short part of each clip, as of a word, and its length in seconds (n,)."""
    stored = cache / f"features_v{FEATURE_VERSION}_short.npz"
    if not stored.exists():
        parts = [
            crop(np.random.default_rng((SHORT_SEED, index)), clip, *SHORT_S)
            for index, clip in enumerate(corpus.clips)
        ]
        np.savez(
            stored,
            features=np.stack([features(part) for part in parts]),
            seconds=[len(part) / SAMPLE_RATE for part in parts],
        )
    with np.load(stored) as arrays:
        return arrays["features"], arrays["seconds"]


def extract_all(data: Path, cache: Path, copies: int) -> tuple[Corpus, Array]:
    """Return the corpus and the features (1 + copies, n, d)."""
    corpus = load(data, cache)
    return corpus, np.stack([extract(corpus, cache, copy) for copy in range(copies + 1)])
