"""Valence and arousal of posteriors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.circumplex import POSITIONS, affect
from emoedge.emotions import EMOTION_COUNT, EMOTIONS, INDEX, as_probabilities


def certain(name: str) -> np.ndarray:
    return as_probabilities([1.0 if other == name else 0.0 for other in EMOTIONS])


@pytest.mark.parametrize("name", EMOTIONS)
def test_a_certain_class_is_at_its_place(name: str) -> None:
    assert affect(certain(name)) == pytest.approx(POSITIONS[name])


def test_joy_is_pleasant_and_sadness_is_unpleasant_and_calm() -> None:
    assert affect(certain("happiness")).valence > 0.5
    assert affect(certain("sadness")).valence < -0.5
    assert affect(certain("sadness")).arousal < 0 < affect(certain("fear")).arousal


def test_doubt_between_joy_and_sadness_is_near_the_middle() -> None:
    posterior = np.zeros(EMOTION_COUNT, np.float32)
    posterior[[INDEX["happiness"], INDEX["sadness"]]] = 0.5
    assert abs(affect(posterior).valence) < 0.15


@given(
    st.lists(st.floats(0.0, 1.0), min_size=EMOTION_COUNT, max_size=EMOTION_COUNT).filter(
        lambda w: sum(w) > 0.01
    )
)
def test_every_posterior_is_inside_the_plane(weights: list[float]) -> None:
    point = affect(as_probabilities(np.array(weights) / np.sum(weights)))
    assert -1.0 <= point.valence <= 1.0
    assert -1.0 <= point.arousal <= 1.0
