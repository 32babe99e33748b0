"""The one vocabulary: seven labels in a fixed order, and the probability vector over them.

The order is part of the interface: every array, payload and file uses it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Emotion = Literal["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
Language = Literal["es", "en"]

EMOTIONS: Final[tuple[Emotion, ...]] = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
    "neutral",
)
EMOTION_COUNT: Final = len(EMOTIONS)
INDEX: Final[dict[str, int]] = {name: index for index, name in enumerate(EMOTIONS)}

DISPLAY_NAMES: Final[dict[Language, tuple[str, ...]]] = {
    "es": ("enfado", "asco", "miedo", "alegría", "tristeza", "sorpresa", "neutro"),
    "en": ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"),
}

# Okabe and Ito's colour-blind safe palette (https://jfly.uni-koeln.de/color/), one colour an emotion,
# the same in the overlay, the report and the terminal.
COLORS: Final[dict[Emotion, str]] = {
    "anger": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happiness": "#F0C419",
    "sadness": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#8C8C8C",
}

Probabilities = NDArray[np.float32]
"""float32, shape (7,), in the order of EMOTIONS, each in [0, 1], summing to one."""

SUM_TOLERANCE: Final = 1e-3


def as_probabilities(values: Iterable[float]) -> Probabilities:
    """Return a checked, renormalised and read-only probability vector.

    Args:
        values: seven finite numbers >= 0 whose sum is one within SUM_TOLERANCE.

    Raises:
        ValueError: wrong length, negative or not finite, or a sum far from one.
    """
    if isinstance(values, np.ndarray) and values.shape != (EMOTION_COUNT,):
        raise ValueError(f"expected {EMOTION_COUNT} probabilities, got shape {values.shape}")
    # For seven numbers Python is faster than arrays, and this runs for every frame.
    numbers = values.tolist() if isinstance(values, np.ndarray) else list(map(float, values))
    if len(numbers) != EMOTION_COUNT:
        raise ValueError(f"expected {EMOTION_COUNT} probabilities, got {len(numbers)}")
    total = sum(numbers)
    if not (min(numbers) >= 0.0 and math.isfinite(total)):  # the sum of NaN is NaN
        raise ValueError("probabilities must be finite and not negative")
    if abs(total - 1.0) > SUM_TOLERANCE:
        raise ValueError(f"probabilities sum to {total:.4f}, not to one")
    result = np.array([number / total for number in numbers], dtype=np.float32)
    result.flags.writeable = False
    return result


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float32]:
    """Softmax over the last axis of logits (..., n) at a temperature > 0; float32 of the same shape."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    exponential = np.exp(scaled)
    return np.asarray(exponential / exponential.sum(axis=-1, keepdims=True), dtype=np.float32)


def leader(probabilities: Probabilities) -> Emotion:
    """The most probable emotion; of equals the first in the order of EMOTIONS."""
    return EMOTIONS[int(np.argmax(probabilities))]


def to_mapping(probabilities: Probabilities, digits: int = 4) -> dict[str, float]:
    """A JSON-ready mapping label -> rounded probability, in the order of EMOTIONS."""
    return {name: round(float(value), digits) for name, value in zip(EMOTIONS, probabilities, strict=True)}


def from_mapping(mapping: Mapping[str, float]) -> Probabilities:
    """The inverse of to_mapping; raises ValueError for missing or unknown labels."""
    if set(mapping) != set(EMOTIONS):
        raise ValueError("expected exactly the labels " + ", ".join(EMOTIONS))
    return as_probabilities([mapping[name] for name in EMOTIONS])


def percent(share: float) -> str:
    """Return a share as people read it: whole percent, such as "58 %"."""
    return f"{round(100 * share)} %"


def display_name(emotion: Emotion | None, language: Language = "es") -> str:
    """Return the label in the given language, or a dash if there is none."""
    return "—" if emotion is None else DISPLAY_NAMES[language][INDEX[emotion]]
