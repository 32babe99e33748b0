"""Probability that the named emotion is right.

A fused probability is not that chance: a weighted mean is never surer than the surer of its parts, every set
of modalities errs in its own way, and a doubt that a text settled is no longer one. For each method, each set
of modalities that took part, and each way of deciding, a line through KNOTS that never falls takes the fused
probability to the chance. It comes from training (`models/confidence.json`), from answers about people whom
the models had not met.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from emoedge.errors import ModelError
from emoedge.files import read_json
from emoedge.fusion.learned import SUBSETS, subset_name
from emoedge.fusion.rule import Decision
from emoedge.observations import Modality
from emoedge.translation import tr

Method = Literal["weighted", "learned"]
KNOTS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Fused probabilities at which a chance is stored; between them it goes in a straight line."""
CERTAIN: Final = "certain"
DOUBT: Final = "in doubt"
BY_TEXT: Final = "settled by the text"
_REMEDY: Final = tr("install emoedge again")


def line_names(method: Method) -> tuple[str, ...]:
    """Names of all lines of a method."""
    return tuple(
        f"{subset}, {way}"
        for subset in SUBSETS
        for way in (CERTAIN, DOUBT, BY_TEXT)
        if way != BY_TEXT or (method == "weighted" and "+text" in subset)
    )


def line_name(modalities: Iterable[Modality], decision: Decision) -> str:
    """Name of the line for a decision of the modalities that took part, such as "face+text, in doubt"."""
    subset = subset_name(modalities)
    if decision.decided_by == "text" and "+" in subset:
        return f"{subset}, {BY_TEXT}"
    return f"{subset}, {CERTAIN if decision.certain else DOUBT}"


@dataclass(frozen=True, slots=True)
class Confidence:
    """The chances at KNOTS, by method and by line_name()."""

    chances: dict[Method, dict[str, tuple[float, ...]]]

    @classmethod
    def load(cls, path: Path) -> Confidence:
        """Read the chances; raises ModelError when they are missing or damaged."""
        try:
            content = read_json(path)
            chances: dict[Method, dict[str, tuple[float, ...]]] = {
                method: {name: tuple(map(float, content[method][name])) for name in line_names(method)}
                for method in get_args(Method)
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                tr("confidence model {path} cannot be read: {error}", path=path, error=error), _REMEDY
            ) from error
        for by_name in chances.values():
            for name, line in by_name.items():
                rises = all(low <= high for low, high in zip((0.0, *line), (*line, 1.0), strict=True))
                if len(line) != len(KNOTS) or not rises:
                    raise ModelError(
                        tr("confidence model {path}: {name} is damaged", path=path, name=name), _REMEDY
                    )
        return cls(chances)

    def chance(self, method: Method, modalities: Iterable[Modality], decision: Decision) -> float:
        """The chance, 0..1, that a decision is right; 0 without an emotion.

        Args:
            method: of the fusion.
            modalities: those that took part.
            decision: of the fusion.
        """
        if decision.emotion is None:
            return 0.0
        line = self.chances[method][line_name(modalities, decision)]
        # One number, for every picture: Python is faster than arrays.
        place = min(max(decision.confidence, KNOTS[0]), KNOTS[-1])
        above = min(bisect_right(KNOTS, place), len(KNOTS) - 1)
        left, right, low, high = KNOTS[above - 1], KNOTS[above], line[above - 1], line[above]
        return (high - low) / (right - left) * (place - left) + low
