"""Labels, their names in two languages, and vectors that are probabilities or refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import (
    DISPLAY_NAMES,
    EMOTIONS,
    as_probabilities,
    display_name,
    from_mapping,
    leader,
    percent,
    softmax,
    to_mapping,
)

LOGITS = st.lists(st.floats(-50, 50), min_size=7, max_size=7)


@given(LOGITS, st.floats(0.1, 10.0))
def test_the_softmax_is_a_probability_whose_order_is_that_of_the_logits(values, temperature):
    found = softmax(np.array(values), temperature)
    assert found.dtype == np.float32
    assert found.sum() == pytest.approx(1.0, abs=1e-5)
    assert found[int(np.argmax(values))] == found.max()
    assert leader(as_probabilities(found)) in EMOTIONS


@given(LOGITS)
def test_a_mapping_and_back(values):
    before = as_probabilities(softmax(np.array(values)))
    after = from_mapping(to_mapping(before, digits=6))
    assert np.allclose(before, after, atol=1e-5)
    assert not after.flags.writeable


@pytest.mark.parametrize(
    "values",
    [
        [1.0],
        np.full((1, 7), 1 / 7),
        [0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0],
        [1.5, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0],
        [float("nan")] * 7,
        [float("inf"), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ],
    ids=["too short", "wrong shape", "wrong sum", "negative", "not a number", "infinite"],
)
def test_what_is_not_a_probability_vector_is_refused(values):
    with pytest.raises(ValueError, match="probabilities"):
        as_probabilities(values)


def test_a_mapping_has_exactly_the_labels():
    whole = dict.fromkeys(EMOTIONS, 1 / 7)
    with pytest.raises(ValueError, match="exactly the labels"):
        from_mapping(whole | {"joy": 0.0})
    del whole["fear"]
    with pytest.raises(ValueError, match="exactly the labels"):
        from_mapping(whole)


def test_names_for_people():
    assert display_name("happiness") == "alegría"
    assert display_name("happiness", "en") == "happiness"
    assert display_name(None) == "—"
    assert percent(0.579) == "58 %"
    assert {len(names) for names in DISPLAY_NAMES.values()} == {len(EMOTIONS)}
