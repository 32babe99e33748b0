"""The chance behind a fused probability."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import EMOTION_COUNT, EMOTIONS, as_probabilities
from emoedge.errors import ModelError
from emoedge.fusion.confidence import KNOTS, Confidence, line_name, line_names
from emoedge.fusion.learned import MODALITIES, LearnedFusion
from emoedge.fusion.rule import NO_DECISION, Decision, fuse_weighted
from emoedge.outcomes import ModalityOpinion
from tests.conftest import REPOSITORY

SHIPPED = REPOSITORY / "models" / "confidence.json"
SETS = [list(some) for size in (1, 2, 3) for some in itertools.combinations(MODALITIES, size)]
LINE = [0.1, 0.3, 0.5, 0.7, 0.9]


def write(path, **changes):
    content = {
        method: {name: changes.get(name, LINE) for name in line_names(method)}
        for method in ("weighted", "learned")
    }
    path.write_text(json.dumps(content))
    return path


def decided(probability, certain=True, decided_by="fusion"):
    """A decision for fear with this probability."""
    rest = (1 - probability) / (EMOTION_COUNT - 1)
    posterior = as_probabilities([probability if name == "fear" else rest for name in EMOTIONS])
    return Decision(posterior, "fear", ("fear",), decided_by, certain)


def test_between_the_knots_it_goes_in_a_straight_line(tmp_path):
    other = {"face+voice, certain": [0.0, 0.2, 0.8, 0.8, 1.0]}
    confidence = Confidence.load(write(tmp_path / "c.json", **other))
    for knot, chance in zip(KNOTS, LINE, strict=True):
        assert confidence.chance("weighted", ["text"], decided(knot)) == pytest.approx(chance)
    for method in ("weighted", "learned"):
        assert confidence.chance(method, ["voice", "face"], decided(0.375)) == pytest.approx(0.5)
        assert confidence.chance(method, ["voice", "face"], decided(0.6)) == pytest.approx(0.8)
        assert confidence.chance(method, ["voice", "face"], decided(0.6, certain=False)) == pytest.approx(
            0.58
        )


def test_each_way_of_deciding_has_a_line_of_its_own():
    assert line_name(["text", "face"], decided(0.5, decided_by="text")) == "face+text, settled by the text"
    assert line_name(["text", "face"], decided(0.5, decided_by="face")) == "face+text, certain"
    assert line_name(["face"], decided(0.5, certain=False, decided_by="face")) == "face, in doubt"
    assert line_name(["text"], decided(0.5, decided_by="text")) == "text, certain"


def posteriors():
    return st.lists(st.floats(0.01, 1.0), min_size=EMOTION_COUNT, max_size=EMOTION_COUNT).map(
        lambda values: as_probabilities(np.array(values) / sum(values))
    )


@given(st.sampled_from(SETS), posteriors(), posteriors(), posteriors())
def test_every_decision_has_a_chance(modalities, face, voice, text):
    confidence = Confidence.load(SHIPPED)
    pool = LearnedFusion.load(REPOSITORY / "models" / "fusion.json")
    said = {"face": face, "voice": voice, "text": text}
    opinions = [ModalityOpinion(name, 0.0, said[name]) for name in modalities]
    rule = fuse_weighted(*(said[name] if name in modalities else None for name in MODALITIES))
    for method, decision in (("weighted", rule), ("learned", pool.decide(opinions, 0.0, 0.2))):
        assert 0.0 <= confidence.chance(method, modalities, decision) <= 1.0


def test_what_ships_never_falls_and_is_a_chance():
    confidence = Confidence.load(SHIPPED)
    for method, by_name in confidence.chances.items():
        assert tuple(by_name) == line_names(method)
        for line in by_name.values():
            assert line[0] >= 0.0
            assert line[-1] <= 1.0
            assert all(low <= high for low, high in itertools.pairwise(line))


def test_without_an_emotion_there_is_no_chance():
    assert Confidence.load(SHIPPED).chance("weighted", [], NO_DECISION) == 0.0


@pytest.mark.parametrize(
    "content",
    [None, "", "[]", "{}", '{"weighted": {}, "learned": {}}'],
    ids=["missing", "empty", "a list", "no methods", "no lines"],
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
    [
        [0.1, 0.3, 0.2, 0.7, 0.9],
        [0.1, 0.3, 0.5, 0.9],
        [-0.1, 0.3, 0.5, 0.7, 0.9],
        [0.1, 0.3, 0.5, 0.7, 1.1],
        [0.1, 0.3, float("nan"), 0.7, 0.9],
    ],
    ids=["falls", "too short", "below zero", "above one", "not a number"],
)
def test_a_damaged_line_is_refused(line, tmp_path):
    with pytest.raises(ModelError, match="voice, certain is damaged"):
        Confidence.load(write(tmp_path / "c.json", **{"voice, certain": line}))
