"""Learned fusion: a log-linear pool whose weights follow the reliability of each opinion.

    log p[c] = sum over m of  a_m * r_m * log(p_m[c])  + b[c],    r_m = reliability_m ^ g_m * exp(-age_m / t_m)

The coefficients come from training (`models/fusion.json`), from calibrated posteriors of the three models on
validation data. Source of the form: Genest & Zidek, "Combining probability distributions", Stat. Sci. 1(1), 1986.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT, as_probabilities, softmax
from emoedge.errors import ModelError
from emoedge.fusion.rule import NO_DECISION, DecidedBy, Decision, decide
from emoedge.types import Modality, ModalityOpinion

# Keeps one confident zero from vetoing a class for good.
FLOOR: Final = 1e-3


@dataclass(frozen=True, slots=True)
class ModalityWeight:
    """How one modality enters the pool: a >= 0, g >= 0, t in seconds > 0."""

    weight: float
    reliability_exponent: float
    age_constant_s: float


@dataclass(frozen=True, slots=True, eq=False)
class LearnedFusion:
    """The trained pool; `bias` is float64 (7,)."""

    weights: dict[Modality, ModalityWeight]
    bias: NDArray[np.float64]

    @classmethod
    def load(cls, path: Path) -> LearnedFusion:
        """Read the coefficients; raises ModelError when they are missing or damaged."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            weights: dict[Modality, ModalityWeight] = {
                name: ModalityWeight(**values["weights"][name]) for name in ("face", "voice", "text")
            }
            bias = np.asarray(values["bias"], dtype=np.float64)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"fusion model {path} cannot be read: {error}", 'set fusion.method = "weighted" or reinstall'
            ) from error
        if bias.shape != (EMOTION_COUNT,) or not np.all(np.isfinite(bias)):
            raise ModelError(f"fusion model {path} is damaged", 'set fusion.method = "weighted" or reinstall')
        return cls(weights, bias)

    def decide(self, opinions: Sequence[ModalityOpinion], now_s: float, margin: float) -> Decision:
        """Pool the opinions (at least one for a decision).

        The message is part of the pool, so it does not decide a second time among the candidates.
        """
        if not opinions:
            return NO_DECISION
        logits = self.bias.copy()
        for opinion in opinions:
            w = self.weights[opinion.modality]
            age_s = max(now_s - opinion.time_s, 0.0)
            trust = opinion.reliability**w.reliability_exponent * math.exp(-age_s / w.age_constant_s)
            logits += w.weight * trust * np.log(np.maximum(opinion.probabilities.astype(np.float64), FLOOR))
        alone: DecidedBy = opinions[0].modality if len(opinions) == 1 else "fusion"
        return decide(as_probabilities(softmax(logits)), None, margin, alone)
