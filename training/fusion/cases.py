"""Cases for the fusion: face, voice and text with one label, drawn from validation data.

Modalities are left out, replaced by one of another label, or taken from the degraded part of their data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT
from emoedge.fusion.learned import MODALITIES
from emoedge.observations import Modality

WRONG: Final = 0.1
"""Share of opinions replaced by one of a random label, for measurements."""
WRONG_IN_FIT: Final = 0.05
"""The same share for fits: between none and WRONG, so that the confidence is close in both cases."""
DRAWS = 6_000
LEFT_OUT: Final = 0.3

Scene = tuple[bool, bool, bool]


@dataclass(frozen=True)
class Opinions:
    """One modality: probabilities (n, 7), labels (n,), reliability (n,), degraded (n,)."""

    probabilities: NDArray[np.float64]
    labels: NDArray[np.int64]
    reliability: NDArray[np.float64]
    degraded: NDArray[np.bool_]


@dataclass(frozen=True)
class Cases:
    """Drawn cases: labels (n,), present (n, 3), probabilities (n, 3, 7), reliability (n, 3)."""

    labels: NDArray[np.int64]
    present: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    reliability: NDArray[np.float64]


def abroad(path: Path) -> Path:
    """Return the file with the posteriors of other sets, beside those of a modality."""
    return path.with_name(f"{path.stem}_abroad.npz")


def read(path: Path, side: int) -> Opinions:
    """Return one half (0 or 1) of a modality's validation data. Groups are halved by their digest."""
    content = np.load(path)
    digests = [hashlib.sha1(str(g).encode(), usedforsecurity=False).digest()[0] % 2 for g in content["group"]]
    mine = np.array(digests) == side
    return Opinions(
        content["probabilities"][mine].astype(np.float64),
        content["labels"][mine].astype(np.int64),
        content["reliability"][mine].astype(np.float64),
        content["degraded"][mine],
    )


def both(first: Opinions, second: Opinions) -> Opinions:
    """Join two halves."""
    pairs = ((getattr(first, one.name), getattr(second, one.name)) for one in fields(Opinions))
    return Opinions(*(np.concatenate(pair) for pair in pairs))


def present_in(subset: str) -> Scene:
    """Return which modalities are in a subset_name()."""
    face, voice, text = (name in subset.split("+") for name in MODALITIES)
    return face, voice, text


def draw(
    opinions: Mapping[Modality, Opinions], seed: int, scene: Scene | None, wrong: float, degraded: str = ""
) -> Cases:
    """Draw cases with every label equally often.

    Args:
        opinions: opinions of each modality.
        seed: seed of the draw.
        scene: which modalities are present; None omits modalities at random.
        wrong: share of opinions of a random label.
        degraded: modality for which only degraded rows are drawn.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(DRAWS) % EMOTION_COUNT
    probabilities = np.zeros((DRAWS, len(MODALITIES), EMOTION_COUNT))
    reliability = np.zeros((DRAWS, len(MODALITIES)))
    for m, name in enumerate(MODALITIES):
        one = opinions[name]
        said = np.where(rng.random(DRAWS) < wrong, rng.integers(0, EMOTION_COUNT, DRAWS), labels)
        usable = one.degraded if name == degraded else np.ones(len(one.labels), bool)
        for label in range(EMOTION_COUNT):
            cases = np.flatnonzero(said == label)
            rows = rng.choice(np.flatnonzero((one.labels == label) & usable), len(cases))
            probabilities[cases, m], reliability[cases, m] = one.probabilities[rows], one.reliability[rows]
    if scene is None:
        present = rng.random((DRAWS, len(MODALITIES))) > LEFT_OUT
        present[~present.any(axis=1), 0] = True
    else:
        present = np.tile(np.array(scene), (DRAWS, 1))
    return Cases(labels, present, probabilities, reliability)
