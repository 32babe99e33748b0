"""Learned fusion: a log-linear pool whose weights follow the reliability of each opinion.

    log p[c] = s * (sum over m of  a_m * r_m * log(p_m[c])) + f * h * b[c]
    r_m = reliability_m ^ g_m * exp(-age_m / t_m)

The sharpness s and the share h of the bias depend on which modalities take part, so that a probability means
the same with two as with three; one alone says what it says. The bias fades with the opinions: f is the mean
of exp(-age_m / t_m), weighted by a_m. The coefficients come from training
(`models/fusion.json`), from calibrated posteriors of the three models on validation data. Source of the form:
Genest & Zidek, "Combining probability distributions", Stat. Sci. 1(1), 1986.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, INDEX, Probabilities, as_probabilities, leader, softmax
from emoedge.errors import ModelError
from emoedge.files import read_json
from emoedge.fusion.rule import NO_DECISION, Decision, decide
from emoedge.observations import Modality
from emoedge.outcomes import ModalityOpinion
from emoedge.translation import tr

# Keeps one confident zero from vetoing a class for good.
FLOOR: Final = 1e-3
MODALITIES: Final[tuple[Modality, ...]] = ("face", "voice", "text")


def subset_name(present: Iterable[Modality]) -> str:
    """Name of a set of modalities, such as "face+text": always in the same order."""
    there = set(present)
    return "+".join(name for name in MODALITIES if name in there)


SUBSETS: Final = tuple(
    subset_name(subset) for size in (1, 2, 3) for subset in itertools.combinations(MODALITIES, size)
)

POOLED: Final = tuple(name for name in SUBSETS if "+" in name)
"""Sets of two modalities or three."""


@dataclass(frozen=True, slots=True)
class ModalityWeight:
    """Parameters of one modality in the pool: a >= 0, g >= 0, t in seconds > 0."""

    weight: float
    reliability_exponent: float
    age_constant_s: float


@dataclass(frozen=True, slots=True)
class SubsetScale:
    """Parameters of a set of modalities: s > 0, h."""

    sharpness: float
    bias_share: float


@dataclass(frozen=True, slots=True, eq=False)
class LearnedFusion:
    """The trained pool; `bias` is float64 (7,); `subsets` by the names in POOLED."""

    weights: dict[Modality, ModalityWeight]
    bias: NDArray[np.float64]
    subsets: dict[str, SubsetScale]

    @classmethod
    def load(cls, path: Path) -> LearnedFusion:
        """Read the coefficients; raises ModelError when they are missing or damaged."""
        try:
            values = read_json(path)
            weights: dict[Modality, ModalityWeight] = {
                name: ModalityWeight(**values["weights"][name]) for name in MODALITIES
            }
            subsets = {name: SubsetScale(**values["subsets"][name]) for name in POOLED}
            bias = np.asarray(values["bias"], dtype=np.float64)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                tr("fusion model {path} cannot be read: {error}", path=path, error=error),
                tr('set fusion.method = "weighted" or reinstall'),
            ) from error
        sharp = all(0 < s.sharpness < math.inf and math.isfinite(s.bias_share) for s in subsets.values())
        if bias.shape != (EMOTION_COUNT,) or not np.all(np.isfinite(bias)) or not sharp:
            raise ModelError(
                tr("fusion model {path} is damaged", path=path),
                tr('set fusion.method = "weighted" or reinstall'),
            )
        return cls(weights, bias, subsets)

    def decide(self, opinions: Sequence[ModalityOpinion], now_s: float, margin: float) -> Decision:
        """Pool the opinions (at least one for a decision).

        One alone says what it says. The text is part of the pool, so it does not decide a second time among
        the candidates. Where the pool prefers what no opinion ranks first, the most probable class that one
        does rank first is named, in doubt.
        """
        if not opinions:
            return NO_DECISION
        posteriors = [opinion.probabilities for opinion in opinions]
        if len(opinions) == 1:
            return decide(posteriors[0], posteriors, margin, opinions[0].modality)
        fused = self.posterior(opinions, now_s)
        decision = decide(fused, posteriors, margin, "fusion")
        led = {leader(posterior) for posterior in posteriors}
        if decision.emotion in led:
            return decision
        named = max(led, key=lambda emotion: (float(fused[INDEX[emotion]]), -INDEX[emotion]))
        candidates = decision.candidates if named in decision.candidates else (*decision.candidates, named)
        return replace(decision, emotion=named, candidates=candidates, certain=False)

    def posterior(self, opinions: Sequence[ModalityOpinion], now_s: float) -> Probabilities:
        """The pool of the opinions (at least one), float32 (7,); one alone is its own posterior."""
        if len(opinions) == 1:
            return opinions[0].probabilities
        scale = self.subsets[subset_name(opinion.modality for opinion in opinions)]
        logits = np.zeros(EMOTION_COUNT)
        faded = whole = 0.0
        for opinion in opinions:
            w = self.weights[opinion.modality]
            recency = math.exp(-max(now_s - opinion.time_s, 0.0) / w.age_constant_s)
            trust = opinion.reliability**w.reliability_exponent * recency
            faded, whole = faded + w.weight * recency, whole + w.weight
            logits += w.weight * trust * np.log(np.maximum(opinion.probabilities.astype(np.float64), FLOOR))
        bias_share = scale.bias_share * (faded / whole if whole else 1.0)
        logits = scale.sharpness * logits + bias_share * self.bias
        return as_probabilities(softmax(logits))
