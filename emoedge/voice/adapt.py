"""Adaptation to the person, the microphone and the room: running statistics of the features.

Each feature has a mean that differs between speakers. Its estimate starts at the population's and moves
towards the speaker's with every utterance: the posterior mean of a normal model, with a pseudo-count that is
the ratio of the variance within a speaker to the variance between speakers (empirical Bayes; the relevance
factor of MAP adaptation, Gauvain & Lee 1994). What differs much between people, such as the pitch, therefore
adapts after one utterance; what differs little, such as the speed of the pitch, hardly ever does. The spread
is shrunk towards the population's alike.

Only sums are kept: no sound, no utterance, nothing that tells who it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

OUTLIER: Final = 4.0
"""Standard deviations from the present estimate beyond which a value is pulled in: a cough or a slammed door.
"""
MEMORY: Final = 60.0
"""Utterances after which old ones begin to fade, so that a moved microphone is forgotten in minutes."""
LIMIT: Final = 5.0
"""Normalised values are clipped here: the range of the int8 input."""


@dataclass(frozen=True)
class Prior:
    """The population: all float64 (d,).

    Attributes:
        mean: over speakers.
        within: variance of utterances around their speaker's mean.
        between: variance of speakers' means.
        spread_count: pseudo-count of the spread (a scalar).
    """

    mean: Vector
    within: Vector
    between: Vector
    spread_count: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, as kept in the model's sidecar."""
        return {
            "mean": [round(float(value), 6) for value in self.mean],
            "within": [float(f"{value:.6g}") for value in self.within],
            "between": [float(f"{value:.6g}") for value in self.between],
            "spread_count": self.spread_count,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Prior:
        """The inverse of to_dict.

        Raises:
            ValueError: lengths differ, or a variance is not positive.
        """
        mean, within, between = (
            np.array(data[key], dtype=np.float64) for key in ("mean", "within", "between")
        )
        if not mean.shape == within.shape == between.shape:
            raise ValueError("mean, within and between must have the same length")
        if np.any(within <= 0) or np.any(between <= 0) or not np.all(np.isfinite(mean)):
            raise ValueError("variances must be positive and means finite")
        return cls(mean, within, between, float(data["spread_count"]))


class Adaptation:
    """Running statistics of one speaker in one place.

    Args:
        prior: the population.
    """

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self.reset()

    def reset(self) -> None:
        """Forget the speaker."""
        self._weight = 0.0
        self._sum = np.zeros_like(self.prior.mean)
        self._squares = np.zeros_like(self.prior.mean)

    @property
    def count(self) -> float:
        """Utterances behind the statistics, after fading."""
        return self._weight

    def estimate(self) -> tuple[Vector, Vector]:
        """The speaker's mean and standard deviation of each feature, float64 (d,)."""
        return shrink(self.prior, self._weight, self._sum, self._squares)

    def update(self, vector: NDArray[np.floating]) -> None:
        """Learn from one utterance.

        Args:
            vector: features, shape (d,), finite.

        Raises:
            ValueError: wrong shape, or not finite.
        """
        values = np.asarray(vector, dtype=np.float64)
        if values.shape != self.prior.mean.shape or not np.all(np.isfinite(values)):
            raise ValueError(f"expected {len(self.prior.mean)} finite features, got shape {values.shape}")
        mean, _ = self.estimate()
        reach = OUTLIER * np.sqrt(self.prior.within + self.prior.between)
        deviation = np.clip(values, mean - reach, mean + reach) - self.prior.mean
        self._weight += 1.0
        self._sum += deviation
        self._squares += deviation**2
        if self._weight > MEMORY:
            fade = MEMORY / self._weight
            self._weight *= fade
            self._sum *= fade
            self._squares *= fade

    def state(self) -> dict[str, Any]:
        """The sums, JSON-ready; the same in and out of restore()."""
        return {"weight": self._weight, "sum": self._sum.tolist(), "squares": self._squares.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from state().

        Raises:
            ValueError: another number of features, or impossible values.
        """
        weight = float(state["weight"])
        total = np.array(state["sum"], dtype=np.float64)
        squares = np.array(state["squares"], dtype=np.float64)
        if total.shape != self.prior.mean.shape or squares.shape != self.prior.mean.shape:
            raise ValueError("the state belongs to another model")
        finite = math.isfinite(weight) and np.all(np.isfinite(total)) and np.all(np.isfinite(squares))
        if not finite or weight < 0 or np.any(squares < 0):
            raise ValueError("the state is damaged")
        self._weight, self._sum, self._squares = weight, total, squares


def pull_in(vectors: NDArray[np.floating], prior: Prior) -> NDArray[np.float32]:
    """Features (…, d) clipped to OUTLIER standard deviations of the population."""
    reach = OUTLIER * np.sqrt(prior.within + prior.between)
    return np.clip(vectors, prior.mean - reach, prior.mean + reach).astype(np.float32)


def shrink(
    prior: Prior, weight: NDArray[np.floating] | float, total: Vector, squares: Vector
) -> tuple[Vector, Vector]:
    """Mean and standard deviation from sums of deviations from prior.mean; broadcasts over leading axes.

    Args:
        prior: the population.
        weight: effective number of utterances, broadcastable against (…, d).
        total: sum of deviations, (…, d).
        squares: sum of squared deviations, (…, d).
    """
    relevance = prior.within / prior.between
    shift = total / (relevance + weight)
    scatter = np.maximum(squares - 2 * shift * total + weight * shift**2, 0.0)
    variance = (prior.spread_count * prior.within + scatter) / (prior.spread_count + weight)
    return prior.mean + shift, np.sqrt(variance)


def network_input(
    vector: NDArray[np.floating],
    mean: Vector,
    deviation: Vector,
    weight: NDArray[np.floating] | float,
    prior: Prior,
    level: int,
) -> NDArray[np.float32]:
    """Network input: features relative to the population and to the speaker, and how well both are known.

    Args:
        vector: features, (…, d).
        mean: of the speaker, from shrink() or Adaptation.estimate(), (…, d).
        deviation: likewise.
        weight: effective number of utterances, (…).
        prior: the population.
        level: position of the level, whose value relative to the population says nothing (gain).

    Returns:
        float32 (…, 2 d) within ±LIMIT: d values relative to the population, with the count in the place of
        the level, then d values relative to the speaker. Without any utterance the level relative to the
        speaker is 0.
    """
    known = np.asarray(weight, dtype=np.float64)
    population = (vector - prior.mean) / np.sqrt(prior.within + prior.between)
    population[..., level] = np.log1p(known) - 1.5
    relative = (vector - mean) / deviation
    relative[..., level] *= known > 0
    return np.clip(np.concatenate([population, relative], axis=-1), -LIMIT, LIMIT).astype(np.float32)
