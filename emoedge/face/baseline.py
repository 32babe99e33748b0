"""The person's baseline: how this person's neutral face differs from the general one.

Some faces look stern, sad or surprised at rest. What the network says of a person's face while it is probably
neutral is averaged, each look weighted by the probability of neutral, and part of the difference to the
general neutral face is taken off every later answer. After smiles and nothing else next to nothing has been
learned, so nothing is taken off.

Seven sums are kept while the person is followed: no picture, nothing that tells who it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT

MEMORY: Final = 60.0
"""Neutral looks after which old ones begin to fade: light and pose change, and a track may live for hours."""


@dataclass(frozen=True, slots=True)
class BaselineCard:
    """The part of the model's sidecar that belongs to the baseline.

    Attributes:
        neutral: raw logits of the general neutral face, (7,).
        strength: share of the difference that is taken off; 0 leaves every answer as it is.
        pseudo_count: neutral looks that the general face counts for.
    """

    neutral: tuple[float, ...] = (0.0,) * EMOTION_COUNT
    strength: float = 0.0
    pseudo_count: float = 3.0

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> BaselineCard:
        """Read the sidecar's object; raises ValueError, KeyError or TypeError where it does not fit."""
        card = cls(
            tuple(float(value) for value in content["neutral"]),
            float(content["strength"]),
            float(content["pseudo_count"]),
        )
        if len(card.neutral) != EMOTION_COUNT or not card.pseudo_count > 0:
            raise ValueError("the baseline does not fit the model")
        return card


class PersonBaseline:
    """Running, causal statistics of one person. Not for concurrent use.

    Args:
        card: of the model.
    """

    def __init__(self, card: BaselineCard) -> None:
        self._neutral = np.array(card.neutral, np.float64)
        self._strength = card.strength
        self._pseudo_count = card.pseudo_count
        self._weight = 0.0
        self._sum = np.zeros(EMOTION_COUNT)
        self.looks = 0
        """Number of looks that were learned from."""

    def adjusted(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Raw logits (N, 7) with the person's part taken off."""
        difference = self._sum / (self._pseudo_count + self._weight)
        return np.asarray(logits - self._strength * difference, np.float32)

    def update(self, logits: NDArray[np.float32], neutral_probability: float) -> None:
        """Learn from one look.

        Args:
            logits: raw, as the network gave them, (7,).
            neutral_probability: 0 to 1.
        """
        self.looks += 1
        self._weight += neutral_probability
        self._sum += neutral_probability * (logits - self._neutral)
        if self._weight > MEMORY:
            self._sum *= MEMORY / self._weight
            self._weight = MEMORY
