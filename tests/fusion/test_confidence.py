"""The chance behind a fused probability."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.errors import ModelError
from emoedge.fusion.confidence import KNOTS, Confidence
from emoedge.fusion.learned import MODALITIES, SUBSETS
from tests.conftest import REPOSITORY

SHIPPED = REPOSITORY / "models" / "confidence.json"
SETS = [list(some) for size in (1, 2, 3) for some in itertools.combinations(MODALITIES, size)]


def write(path, **changes):
    line = [0.1, 0.3, 0.5, 0.7, 0.9]
    content = {method: dict.fromkeys(SUBSETS, line) | changes for method in ("weighted", "learned")}
    path.write_text(json.dumps(content))
    return path


def test_between_the_knots_it_goes_in_a_straight_line(tmp_path):
    confidence = Confidence.load(write(tmp_path / "c.json", **{"face+voice": [0.0, 0.2, 0.8, 0.8, 1.0]}))
    for knot, chance in zip(KNOTS, (0.1, 0.3, 0.5, 0.7, 0.9), strict=True):
        assert confidence.chance("weighted", ["text"], knot) == pytest.approx(chance)
    assert confidence.chance("learned", ["voice", "face"], 0.375) == pytest.approx(0.5)
    assert confidence.chance("learned", ["voice", "face"], 0.6) == pytest.approx(0.8)


@given(st.sampled_from(["weighted", "learned"]), st.sampled_from(SETS), st.floats(0, 1), st.floats(0, 1))
def test_what_ships_never_falls_and_is_a_chance(method, modalities, one, other):
    confidence = Confidence.load(SHIPPED)
    low, high = (confidence.chance(method, modalities, value) for value in sorted((one, other)))
    assert 0.0 <= low <= high <= 1.0


@pytest.mark.parametrize(
    "content",
    [None, "", "[]", "{}", '{"weighted": {}, "learned": {}}'],
    ids=["missing", "empty", "a list", "no methods", "no sets"],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(content, tmp_path):
    path = tmp_path / "c.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ModelError, match=r"c\.json") as error:
        Confidence.load(path)
    assert error.value.remedy


@pytest.mark.parametrize(
    "line",
    [[0.1, 0.3, 0.2, 0.7, 0.9], [0.1, 0.3, 0.5, 0.9], [-0.1, 0.3, 0.5, 0.7, 0.9], [0.1, 0.3, 0.5, 0.7, 1.1]],
    ids=["falls", "too short", "below zero", "above one"],
)
def test_a_damaged_line_is_refused(line, tmp_path):
    with pytest.raises(ModelError, match="voice is damaged"):
        Confidence.load(write(tmp_path / "c.json", voice=line))


def test_a_chance_that_is_not_a_number_is_refused(tmp_path):
    path = write(tmp_path / "c.json", voice=[0.1, 0.3, float("nan"), 0.7, 0.9])
    with pytest.raises(ModelError, match="voice is damaged"):
        Confidence.load(path)
