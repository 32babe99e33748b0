"""Feature vectors of all clips, as they are and distorted, kept in a cache."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emoedge.voice.features import FEATURE_VERSION, feature_names, features
from training.voice.augment import distort
from training.voice.data import TARGET_SET, Corpus, load

Array = NDArray[np.float32]


def extract(corpus: Corpus, cache: Path, copy: int) -> Array:
    """Features (n, d) of all clips; copy 0 is undistorted, each further copy distorts in its own way.

    The distortion of a clip depends on its number and the copy alone, so that runs repeat exactly.
    """
    stored = cache / f"features_v{FEATURE_VERSION}_{copy}.npy"
    if stored.exists():
        return np.load(stored)
    # Babble is mixed from the other sets, so that no speaker under test is heard in training.
    voices = [clip for clip, origin in zip(corpus.clips, corpus.origin, strict=True) if origin != TARGET_SET]
    result = np.empty((len(corpus), len(feature_names())), dtype=np.float32)
    for index, clip in enumerate(corpus.clips):
        heard = clip if copy == 0 else distort(np.random.default_rng((copy, index)), clip, voices)
        result[index] = features(heard)
        if index % 500 == 0:
            print(f"copy {copy}: {index} of {len(corpus)}", file=sys.stderr, flush=True)
    np.save(stored, result)
    return result


def extract_all(data: Path, cache: Path, copies: int) -> tuple[Corpus, Array]:
    """The corpus and the features (1 + copies, n, d)."""
    corpus = load(data, cache)
    return corpus, np.stack([extract(corpus, cache, copy) for copy in range(copies + 1)])
