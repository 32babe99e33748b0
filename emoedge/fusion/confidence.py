"""The chance that the emotion that is named is right.

A fused probability is not that chance: a weighted mean is never surer than the surer of its parts, and every
set of modalities errs in its own way. For each method and each set of modalities that took part, a line
through KNOTS that never falls takes the fused probability to the chance. It comes from training
(`models/confidence.json`), from answers about people whom the models had not met.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np

from emoedge.errors import ModelError
from emoedge.files import read_json
from emoedge.fusion.learned import SUBSETS, subset_name
from emoedge.observations import Modality

Method = Literal["weighted", "learned"]
KNOTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Fused probabilities at which a chance is stored; between them it goes in a straight line."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """The chances at KNOTS, by method and by subset_name()."""

    chances: dict[Method, dict[str, tuple[float, ...]]]

    @classmethod
    def load(cls, path: Path) -> Confidence:
        """Read the chances; raises ModelError when they are missing or damaged."""
        try:
            content = read_json(path)
            chances: dict[Method, dict[str, tuple[float, ...]]] = {
                method: {name: tuple(map(float, content[method][name])) for name in SUBSETS}
                for method in get_args(Method)
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"confidence model {path} cannot be read: {error}", "install emoedge again"
            ) from error
        for by_subset in chances.values():
            for name, line in by_subset.items():
                rises = all(low <= high for low, high in zip((0.0, *line), (*line, 1.0), strict=True))
                if len(line) != len(KNOTS) or not rises:
                    raise ModelError(f"confidence model {path}: {name} is damaged", "install emoedge again")
        return cls(chances)

    def chance(self, method: Method, modalities: Iterable[Modality], probability: float) -> float:
        """The chance, 0..1, that the emotion named is right.

        Args:
            method: of the fusion.
            modalities: those that took part, at least one.
            probability: of the emotion in the fused posterior, 0..1.
        """
        return float(np.interp(probability, KNOTS, self.chances[method][subset_name(modalities)]))
