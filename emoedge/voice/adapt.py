"""Adaptation to the device and the person: running statistics of the features, on two levels.

Each feature has a mean that differs between devices (room, microphone, language) and, on the same device,
between people. The estimate of the device's mean starts at the population's and moves with every utterance
spoken there; a person's estimate starts at the device's and moves with every utterance of that
person: posterior means of a normal model, with pseudo-counts that are ratios of variances (empirical Bayes;
the relevance factor of MAP adaptation, Gauvain & Lee 1994). What differs much between people, such as the
pitch, therefore adapts after one utterance; what differs little, such as the speed of the pitch, hardly ever
does. The spread is shrunk towards the population's in the same way.

Only sums are kept: no sound, no utterance, nothing that tells who it was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.emotions import EMOTION_COUNT

Vector = NDArray[np.float64]

OUTLIER: Final = 4.0
"""Standard deviations from the present estimate beyond which a value is pulled in: a cough or a slammed door.
"""
MEMORY: Final = 60.0
"""Utterances of a person after which old ones begin to fade: a moved microphone is forgotten in minutes."""
DEVICE_MEMORY: Final = 500.0
"""Utterances after which the device's old ones begin to fade: some days of talk at home."""
ANSWER_MEMORY: Final = 60.0
"""Answers after which old ones begin to fade in their running shares."""
LIMIT: Final = 5.0
"""Normalised values are clipped here: the range of the int8 input."""


@dataclass(frozen=True)
class Prior:
    """The population: all float64 (d,).

    Attributes:
        mean: over speakers.
        within: variance of utterances around their speaker's mean.
        person: variance of speakers' means on the same device.
        device: variance of devices' means.
        spread_count: pseudo-count of the spread (a scalar).
    """

    mean: Vector
    within: Vector
    person: Vector
    device: Vector
    spread_count: float

    @property
    def reach(self) -> Vector:
        """Distance from a mean beyond which a value is an outlier."""
        return OUTLIER * np.sqrt(self.within + self.person + self.device)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, as kept in the model's sidecar."""
        variances = {
            name: [float(f"{value:.6g}") for value in getattr(self, name)]
            for name in ("within", "person", "device")
        }
        mean = [round(float(value), 6) for value in self.mean]
        return {"mean": mean, **variances, "spread_count": self.spread_count}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Prior:
        """The inverse of to_dict.

        Raises:
            ValueError: lengths differ, or a variance is not positive.
        """
        mean, within, person, device = (
            np.array(data[key], dtype=np.float64) for key in ("mean", "within", "person", "device")
        )
        if any(values.shape != mean.shape for values in (within, person, device)):
            raise ValueError("mean, within, person and device must have the same length")
        if any(np.any(values <= 0) for values in (within, person, device)) or not np.all(np.isfinite(mean)):
            raise ValueError("variances must be positive and means finite")
        return cls(mean, within, person, device, float(data["spread_count"]))


@dataclass
class Sums:
    """Fading sums of deviations from the population's mean.

    Attributes:
        weight: effective number of utterances.
        total: sum of deviations, (d,).
        squares: sum of squared deviations, (d,).
    """

    weight: float
    total: Vector
    squares: Vector

    @classmethod
    def empty(cls, size: int) -> Sums:
        """Statistics before any speech."""
        return cls(0.0, np.zeros(size), np.zeros(size))

    def add(self, deviation: Vector, memory: float) -> None:
        """One more utterance; those before it fade when there are more than `memory`."""
        self.weight += 1.0
        self.total = self.total + deviation
        self.squares = self.squares + deviation**2
        if self.weight > memory:
            fade = memory / self.weight
            self.weight *= fade
            self.total *= fade
            self.squares *= fade


class Adaptation:
    """Running statistics of one device and of the person who speaks there.

    Args:
        prior: the population.
    """

    def __init__(self, prior: Prior) -> None:
        self.prior = prior
        self.reset()

    def reset(self) -> None:
        """Forget the device and the person."""
        self._device = Sums.empty(len(self.prior.mean))
        self._answers = np.zeros(EMOTION_COUNT)
        self.begin_person()

    def begin_person(self) -> None:
        """Start again from the device's statistics, because someone else may speak from now on."""
        self._person = Sums.empty(len(self.prior.mean))

    @property
    def count(self) -> float:
        """Utterances behind the statistics of the person, after fading."""
        return self._person.weight

    @property
    def device_count(self) -> float:
        """Utterances behind the statistics of the device, after fading."""
        return self._device.weight

    @property
    def leading_share(self) -> float:
        """Share of the commonest answer among the latest, drawn towards equal shares while there are few."""
        answers = self._answers + 1.0
        return float(answers.max() / answers.sum())

    def estimate(self) -> Estimate:
        """Means and spread with which the next utterance is classified."""
        return estimate(self.prior, self._device, self._person)

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
        mean, reach = self.estimate().person, self.prior.reach
        deviation = np.clip(values, mean - reach, mean + reach) - self.prior.mean
        self._person.add(deviation, MEMORY)
        self._device.add(deviation, DEVICE_MEMORY)

    def count_answer(self, probabilities: NDArray[np.floating]) -> None:
        """Add the leader of an answer (7,) to the running shares."""
        self._answers[int(np.argmax(probabilities))] += 1.0
        total = float(self._answers.sum())
        if total > ANSWER_MEMORY:
            self._answers *= ANSWER_MEMORY / total

    def state(self) -> dict[str, Any]:
        """The sums of the device, JSON-ready; the person's are not kept."""
        device = self._device
        sums = {"weight": device.weight, "sum": device.total.tolist(), "squares": device.squares.tolist()}
        return sums | {"answers": self._answers.tolist()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from state(), with a new person.

        Raises:
            ValueError: another number of features, or impossible values.
        """
        weight = float(state["weight"])
        total = np.array(state["sum"], dtype=np.float64)
        squares = np.array(state["squares"], dtype=np.float64)
        answers = np.array(state["answers"], dtype=np.float64)
        if (
            total.shape != self.prior.mean.shape
            or squares.shape != total.shape
            or answers.shape != (EMOTION_COUNT,)
        ):
            raise ValueError("the state belongs to another model")
        finite = math.isfinite(weight) and all(
            np.all(np.isfinite(values)) for values in (total, squares, answers)
        )
        if not finite or weight < 0 or np.any(squares < 0) or np.any(answers < 0):
            raise ValueError("the state is damaged")
        self._device, self._answers = Sums(weight, total, squares), answers
        self.begin_person()


def pull_in(vectors: NDArray[np.floating], prior: Prior) -> NDArray[np.float32]:
    """Features (…, d) clipped to OUTLIER standard deviations of the population."""
    return np.clip(vectors, prior.mean - prior.reach, prior.mean + prior.reach).astype(np.float32)


@dataclass(frozen=True)
class Estimate:
    """Statistics used for an utterance; leading axes as in the sums they come from.

    Attributes:
        device: mean of the features on this device, (…, d).
        person: mean of the features of this person, (…, d).
        deviation: standard deviation of this person's utterances, (…, d).
        count: utterances of this person, (…).
        device_count: utterances on this device, (…).
    """

    device: Vector
    person: Vector
    deviation: Vector
    count: Vector
    device_count: Vector


def estimate(prior: Prior, device: Sums, person: Sums) -> Estimate:
    """Return means and spread from sums of deviations from prior.mean; broadcasts over leading axes.

    Args:
        prior: the population.
        device: of everybody heard on the device, the person included.
        person: of the person alone.
    """
    device_count, count = np.asarray(device.weight, np.float64), np.asarray(person.weight, np.float64)
    heard = count[..., None]
    device_shift = device.total / ((prior.within + prior.person) / prior.device + device_count[..., None])
    shift = device_shift + (person.total - heard * device_shift) / (prior.within / prior.person + heard)
    scatter = np.maximum(person.squares - 2 * shift * person.total + heard * shift**2, 0.0)
    variance = (prior.spread_count * prior.within + scatter) / (prior.spread_count + heard)
    return Estimate(prior.mean + device_shift, prior.mean + shift, np.sqrt(variance), count, device_count)


def network_input(
    vector: NDArray[np.floating], known: Estimate, prior: Prior, level: int
) -> NDArray[np.float32]:
    """Network input: features relative to the population, to the device and to the person.

    Args:
        vector: features, (…, d).
        known: before this utterance.
        prior: the population.
        level: position of the level, whose value relative to the population says nothing (gain).

    Returns:
        float32 (…, 3 d) within ±LIMIT: d values relative to the population, with the person's count in the
        place of the level; d relative to the device, with the device's count in its place; d relative to the
        person. Without any utterance of the person the level relative to them is 0.
    """
    population = (vector - prior.mean) / np.sqrt(prior.within + prior.person + prior.device)
    device = (vector - known.device) / np.sqrt(prior.within + prior.person)
    person = (vector - known.person) / known.deviation
    population[..., level] = np.log1p(known.count) - 1.5
    device[..., level] = np.log1p(known.device_count) / 2 - 1.0
    person[..., level] *= known.count > 0
    return np.clip(np.concatenate([population, device, person], axis=-1), -LIMIT, LIMIT).astype(np.float32)
