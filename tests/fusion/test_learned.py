"""The learned pool: what it reads, and what reliability, age and the bias do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.config import Settings
from emoedge.emotions import EMOTION_COUNT, EMOTIONS, as_probabilities, leader
from emoedge.errors import ModelError
from emoedge.fusion.learned import MODALITIES, POOLED, SUBSETS, LearnedFusion, subset_name
from emoedge.fusion.rule import NO_DECISION
from emoedge.outcomes import ModalityOpinion
from tests.conftest import REPOSITORY

SHIPPED = REPOSITORY / "models" / "fusion.json"
POSTERIORS = st.lists(st.floats(0.001, 1), min_size=EMOTION_COUNT, max_size=EMOTION_COUNT).map(
    lambda values: as_probabilities(np.array(values) / sum(values))
)


def content(**changes):
    return {
        "weights": {
            name: {"weight": 1.0, "reliability_exponent": 1.0, "age_constant_s": 5.0} for name in MODALITIES
        },
        "bias": [0.0] * EMOTION_COUNT,
        "subsets": {name: {"sharpness": 1.0, "bias_share": 0.0} for name in POOLED},
    } | changes


@pytest.fixture
def pool(tmp_path):
    return load(tmp_path, content())


def load(folder, values):
    path = folder / "fusion.json"
    path.write_text(json.dumps(values))
    return LearnedFusion.load(path)


def sure_of(emotion, probability=0.8):
    rest = (1 - probability) / (EMOTION_COUNT - 1)
    return as_probabilities([probability if name == emotion else rest for name in EMOTIONS])


def opinion(modality, emotion, probability=0.8, time_s=0.0, reliability=1.0):
    return ModalityOpinion(modality, time_s, sure_of(emotion, probability), reliability)


def test_sets_of_modalities_have_one_name():
    assert subset_name(["text", "face"]) == subset_name(("face", "text")) == "face+text"
    assert len(SUBSETS) == len(set(SUBSETS)) == 7
    assert set(POOLED) < set(SUBSETS)


def test_what_ships_can_be_read():
    shipped = LearnedFusion.load(SHIPPED)
    assert set(shipped.weights) == set(MODALITIES)
    assert all(weight.weight >= 0 and weight.age_constant_s > 0 for weight in shipped.weights.values())


@pytest.mark.parametrize(
    "values",
    [
        {},
        [],
        content(bias=[0.0] * 6),
        content(bias=[float("nan")] * EMOTION_COUNT),
        content(bias="text"),
        content(subsets={}),
        content(subsets={name: {"sharpness": 0.0, "bias_share": 0.0} for name in POOLED}),
        content(subsets={name: {"sharpness": 1.0, "bias_share": float("inf")} for name in POOLED}),
        content(weights={"face": {"weight": 1.0}}),
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path, values):
    with pytest.raises(ModelError, match=r"fusion model .*fusion\.json"):
        load(tmp_path, values)
    with pytest.raises(ModelError, match="cannot be read"):
        LearnedFusion.load(tmp_path / "none.json")


def test_without_opinions_nothing_is_decided(pool):
    assert pool.decide((), 0.0, 0.1) is NO_DECISION


@given(POSTERIORS, st.sampled_from(MODALITIES), st.floats(0, 1), st.floats(0, 100))
def test_one_alone_says_what_it_says(posterior, modality, reliability, now_s):
    pool = LearnedFusion.load(SHIPPED)
    alone = ModalityOpinion(modality, 0.0, posterior, reliability)
    assert np.array_equal(pool.posterior([alone], now_s), posterior)
    assert pool.decide([alone], now_s, 0.0).emotion == leader(posterior)


@given(st.lists(POSTERIORS, min_size=2, max_size=3), st.floats(0.05, 1), st.floats(0, 20))
def test_a_pool_is_a_distribution_and_names_what_somebody_ranks_first(posteriors, reliability, now_s):
    pool = LearnedFusion.load(SHIPPED)
    opinions = [
        ModalityOpinion(modality, 0.0, posterior, reliability)
        for modality, posterior in zip(MODALITIES, posteriors, strict=False)
    ]
    fused = pool.posterior(opinions, now_s)
    assert fused.sum() == pytest.approx(1, abs=1e-4)
    decision = pool.decide(opinions, now_s, 0.1)
    assert decision.emotion in {leader(posterior) for posterior in posteriors}
    assert decision.emotion in decision.candidates


def test_an_opinion_counts_less_with_age_and_doubt(pool):
    face, voice = opinion("face", "anger"), opinion("voice", "fear")
    anger, fear = EMOTIONS.index("anger"), EMOTIONS.index("fear")
    equal = pool.posterior([face, voice], 0.0)
    assert equal[anger] == pytest.approx(equal[fear], abs=1e-5)
    older = pool.posterior([replace(face, time_s=-5.0), voice], 0.0)
    assert older[anger] < older[fear]
    doubted = pool.posterior([face, replace(voice, reliability=0.5)], 0.0)
    assert doubted[anger] > doubted[fear]
    later = pool.posterior([replace(face, time_s=9.0), voice], 0.0)
    assert np.array_equal(later, equal), "what comes from ahead of the clock is as fresh as can be"


def test_where_the_pool_prefers_what_nobody_ranks_first_it_is_in_doubt(tmp_path):
    bias = [0.0] * EMOTION_COUNT
    bias[EMOTIONS.index("neutral")] = 50.0
    pool = load(
        tmp_path,
        content(bias=bias, subsets={name: {"sharpness": 1.0, "bias_share": 1.0} for name in POOLED}),
    )
    decision = pool.decide([opinion("face", "anger", 0.9), opinion("voice", "fear", 0.4)], 0.0, 0.1)
    assert leader(decision.probabilities) == "neutral"
    assert decision.emotion == "anger"
    assert not decision.certain


def test_the_bias_fades_with_the_opinions(tmp_path):
    bias = [0.0] * EMOTION_COUNT
    bias[EMOTIONS.index("neutral")] = 2.0
    shares = {name: {"sharpness": 1.0, "bias_share": 1.0} for name in POOLED}
    pool = load(tmp_path, content(bias=bias, subsets=shares))
    said = [opinion("face", "anger", 0.9), opinion("voice", "anger", 0.9)]
    fresh, old = pool.posterior(said, 0.0), pool.posterior(said, 100.0)
    assert fresh[EMOTIONS.index("neutral")] > fresh[EMOTIONS.index("fear")]
    assert np.allclose(old, 1 / EMOTION_COUNT, atol=1e-4), "nothing is left to say"


def test_an_utterance_that_is_dropped_changes_less_than_one_that_comes():
    """By the age at which the words are dropped they count for a small part of what they did."""
    pool, used_s = LearnedFusion.load(SHIPPED), Settings().fusion.text_max_age_s
    now = [opinion("face", "sadness", 0.5, used_s), opinion("voice", "neutral", 0.3, used_s)]
    sad = EMOTIONS.index("sadness")
    without = pool.posterior(now, used_s)[sad]
    new = pool.posterior([*now, opinion("text", "happiness", 0.98, used_s)], used_s)[sad]
    old = pool.posterior([*now, opinion("text", "happiness", 0.98, 0.0)], used_s)[sad]
    assert without - new > 0.2
    assert abs(without - old) < 0.5 * (without - new)
