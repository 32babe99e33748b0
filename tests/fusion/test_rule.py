"""The rule, by property."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import EMOTIONS, as_probabilities, leader
from emoedge.fusion.rule import fuse_weighted

FRACTION = st.floats(0, 1, allow_nan=False)


@st.composite
def posteriors(draw):
    values = np.array(draw(st.lists(st.integers(0, 1000), min_size=7, max_size=7)), dtype=float) + 1e-3
    return as_probabilities(values / values.sum())


OPTIONAL = st.none() | posteriors()


def peaked(emotion, p=0.7):
    values = np.full(7, (1 - p) / 6)
    values[EMOTIONS.index(emotion)] = p
    return as_probabilities(values)


@given(OPTIONAL, OPTIONAL, OPTIONAL, FRACTION, FRACTION)
def test_sums_to_one_or_says_nothing(face, voice, text, weight, margin):
    decision = fuse_weighted(face, voice, text, face_weight=weight, margin=margin)
    if face is voice is text is None:
        assert decision.probabilities is None
        assert decision.emotion is None
        assert decision.decided_by is None
        assert decision.confidence == 0
    else:
        assert decision.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert decision.emotion in decision.candidates
        assert decision.candidates[0] == leader(decision.probabilities)


@given(posteriors(), OPTIONAL, FRACTION)
def test_one_modality_alone_counts_fully(only, text, weight):
    for face, voice in ((only, None), (None, only)):
        decision = fuse_weighted(face, voice, text, face_weight=weight)
        np.testing.assert_array_equal(decision.probabilities, only)


@given(posteriors(), posteriors(), FRACTION)
def test_weight_is_the_share_of_the_face(face, voice, weight):
    fused = fuse_weighted(face, voice, None, face_weight=weight).probabilities
    np.testing.assert_allclose(fused, weight * face + (1 - weight) * voice, atol=1e-5)


@given(posteriors(), posteriors())
def test_weight_zero_and_one(face, voice):
    np.testing.assert_allclose(fuse_weighted(face, voice, None, face_weight=1).probabilities, face, atol=1e-6)
    np.testing.assert_allclose(
        fuse_weighted(face, voice, None, face_weight=0).probabilities, voice, atol=1e-6
    )


@given(posteriors(), OPTIONAL, posteriors())
def test_margin_zero_leaves_no_doubt(face, voice, text):
    decision = fuse_weighted(face, voice, text, margin=0)
    assert len(decision.candidates) == 1
    assert decision.decided_by != "text"


@given(posteriors(), OPTIONAL, posteriors())
def test_margin_one_lets_the_text_choose_among_all(face, voice, text):
    decision = fuse_weighted(face, voice, text, margin=1)
    if len(decision.candidates) == len(EMOTIONS):
        assert text[EMOTIONS.index(decision.emotion)] == pytest.approx(text.max())
        assert decision.certain


@given(posteriors(), posteriors(), posteriors(), FRACTION, FRACTION)
def test_text_chooses_only_among_candidates(face, voice, text, weight, margin):
    decision = fuse_weighted(face, voice, text, face_weight=weight, margin=margin)
    top = decision.probabilities.max()
    for emotion, p in zip(EMOTIONS, decision.probabilities, strict=True):
        assert (emotion in decision.candidates) == (
            float(top - p) < margin or emotion == decision.candidates[0]
        )
    best = max(text[EMOTIONS.index(c)] for c in decision.candidates)
    if len(decision.candidates) == 1:
        assert decision.emotion == leader(decision.probabilities)
        assert decision.certain
    elif best >= 1 / 7:
        assert decision.decided_by == "text"
        assert text[EMOTIONS.index(decision.emotion)] == best
        assert decision.certain
    else:
        assert decision.decided_by == "fusion"
        assert not decision.certain


def first_among(candidates, posterior):
    return max(candidates, key=lambda name: posterior[EMOTIONS.index(name)])


@given(OPTIONAL, OPTIONAL, OPTIONAL, FRACTION, FRACTION)
def test_what_is_named_is_ranked_first_among_the_candidates_by_a_modality(face, voice, text, weight, margin):
    decision = fuse_weighted(face, voice, text, face_weight=weight, margin=margin)
    opinions = [opinion for opinion in (face, voice, text) if opinion is not None]
    if not opinions:
        assert not decision.certain
        return
    named = decision.probabilities[EMOTIONS.index(decision.emotion)]
    ranks = [
        opinion[EMOTIONS.index(decision.emotion)]
        == opinion[EMOTIONS.index(first_among(decision.candidates, opinion))]
        for opinion in opinions
    ]
    assert any(ranks)
    if not decision.certain:  # the most probable of those that one of them ranks first
        firsts = {first_among(decision.candidates, opinion) for opinion in opinions}
        assert named >= max(decision.probabilities[EMOTIONS.index(name)] for name in firsts)


@given(posteriors(), posteriors(), posteriors())
def test_a_text_that_gives_the_candidates_next_to_nothing_changes_nothing(face, voice, text):
    without = fuse_weighted(face, voice, None)
    decision = fuse_weighted(face, voice, text)
    if max(text[EMOTIONS.index(name)] for name in decision.candidates) < 1 / 7:
        assert decision.decided_by == without.decided_by == "fusion"
        assert decision.certain == without.certain
        assert decision.candidates == without.candidates


def test_a_text_with_nothing_to_say_leaves_the_doubt():
    """A text that gave a class 0.001 named it."""
    face = as_probabilities([0.45, 0, 0, 0.4, 0.15, 0, 0])
    text = as_probabilities([0.004, 0.9, 0, 0.006, 0, 0.09, 0])
    decision = fuse_weighted(face, None, text)
    assert (decision.emotion, decision.decided_by, decision.certain) == ("anger", "face", False)
    assert decision.candidates == ("anger", "happiness")


def test_the_leader_of_a_mixture_gives_way_where_nobody_ranks_it_first():
    face = as_probabilities([0.40, 0, 0, 0.35, 0.25, 0, 0])
    voice = as_probabilities([0, 0, 0, 0.35, 0.40, 0.25, 0])
    # happiness 0.35, sadness 0.31, anger 0.24
    decision = fuse_weighted(face, voice, None, margin=0.2)
    assert decision.candidates == ("happiness", "sadness", "anger")
    assert (decision.emotion, decision.certain) == ("sadness", False)


def test_text_can_confirm_the_leader():
    # The original rule left the leader out of the text's choice.
    face = as_probabilities([0.4, 0, 0, 0.3, 0.3, 0, 0])
    decision = fuse_weighted(face, None, peaked("anger"), margin=0.2)
    assert decision.emotion == "anger"
    assert decision.decided_by == "text"
    assert decision.candidates == ("anger", "happiness", "sadness")


def test_worked_example():
    face = peaked("happiness", 0.52)
    voice = peaked("surprise", 0.58)
    undecided = fuse_weighted(face, voice, None)
    assert undecided.emotion == "happiness"
    assert not undecided.certain
    assert undecided.confidence == pytest.approx(0.6 * 0.52 + 0.4 * 0.07, abs=1e-4)
    assert set(undecided.candidates) == {"happiness", "surprise"}
    assert fuse_weighted(face, voice, peaked("surprise")).emotion == "surprise"
    assert fuse_weighted(face, voice, peaked("fear")).emotion == "happiness"
    assert not fuse_weighted(face, voice, peaked("fear")).certain


def test_ties_go_to_the_first_label():
    even = as_probabilities([1 / 7] * 7)
    assert fuse_weighted(even, even, None).emotion == "anger"


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_bad_weight_and_margin(bad):
    with pytest.raises(ValueError, match="face_weight"):
        fuse_weighted(None, None, None, face_weight=bad)
    with pytest.raises(ValueError, match="margin"):
        fuse_weighted(None, None, None, margin=bad)
