"""What is named is held, by example and by property."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.fusion.hold import DOUBT_HOLDS, POOL_DOUBT_HOLDS, Hold
from emoedge.outcomes import FusedState, ModalityOpinion

STEP_S = 0.1
MARGIN = 0.2
NAMED = st.sampled_from([None, "anger", "happiness", "neutral"])


def state(time_s, emotion, p=0.4, reason="unsure"):
    values = [(1 - p) / 6] * 7
    values[EMOTIONS.index(emotion or "neutral")] = p
    posterior = as_probabilities(values)
    face = (ModalityOpinion("face", time_s, posterior),)
    return FusedState(time_s, posterior, emotion, p, "face", opinions=face, reason="" if emotion else reason)


def named(hold, spans, p=0.4, cause=None):
    """What is named at each step; spans: (steps, emotion) in a row."""
    steps = [emotion for count, emotion in spans for _ in range(count)]
    return [hold.update(state(i * STEP_S, one, p), MARGIN, cause).emotion for i, one in enumerate(steps)]


def runs(said):
    return [(emotion, len(list(group))) for emotion, group in groupby(said)]


def test_something_else_is_named_once_it_has_lasted():
    said = named(Hold(0.5), [(10, "anger"), (10, "happiness")], p=0.35)
    assert runs(said) == [("anger", 15), ("happiness", 5)]


def test_what_does_not_last_is_not_named():
    said = named(Hold(0.5), [(10, "anger"), (4, "happiness"), (10, "anger")], p=0.35)
    assert runs(said) == [("anger", 24)]


def test_a_small_lead_of_the_face_alone_takes_longer():
    said = named(Hold(0.5), [(10, "anger"), (12, "happiness")], p=0.27)
    assert runs(said) == [("anger", 17), ("happiness", 5)], "a lead of three quarters of the margin"


@pytest.mark.parametrize(("pooled", "steps"), [(False, 32), (True, 33)])
def test_no_opinion_is_held_and_takes_twice_as_long(pooled, steps):
    spans = [(10, "anger"), (8, None), (5, "anger"), (12, None), (3, "anger"), (5, None)]
    said = named(Hold(0.5, pooled=pooled), spans, p=0.35)
    assert runs(said) == [("anger", steps), (None, 43 - steps)]


def test_what_is_clear_is_named_at_once_if_the_other_has_stood():
    said = named(Hold(0.5), [(10, "anger"), (10, "happiness")], p=0.8)
    assert runs(said) == [("anger", 10), ("happiness", 10)]
    said = named(Hold(0.5), [(10, "anger"), (1, "happiness"), (10, "anger")], p=0.8)
    assert runs(said) == [("anger", 10), ("happiness", 5), ("anger", 6)]


def doubt(time_s, face, voice, text=None, decided_by="fusion"):
    """A state between anger and happiness, of what face, voice and text give happiness of their sum."""

    def opinion(modality, p):
        values = [0.02] * 7
        values[EMOTIONS.index("anger")], values[EMOTIONS.index("happiness")] = 0.9 * (1 - p), 0.9 * p
        return ModalityOpinion(modality, time_s, as_probabilities(values))

    given = [("face", face), ("voice", voice), ("text", text)]
    opinions = tuple(opinion(name, p) for name, p in given if p is not None)
    fused = opinion("face", 0.6 * face + 0.4 * voice).probabilities
    leader = "happiness" if 0.6 * face + 0.4 * voice > 0.5 else "anger"
    if decided_by == "text":
        leader = "happiness" if text > 0.5 else "anger"
    candidates = ("happiness", "anger")
    return FusedState(time_s, fused, leader, 0.5, decided_by, candidates=candidates, opinions=opinions)


def until_happiness(of_the_moment, *, can_stay=False):
    """Seconds until happiness takes the place of anger, which can stay in doubt or not; None within ten."""
    hold = Hold(0.5)
    hold.update(state(0.0, "anger"), MARGIN)
    for step in range(1, 100):
        now = of_the_moment(round(step * STEP_S, 1))
        kept = replace(now, emotion="anger") if can_stay else None
        if hold.update(now, MARGIN, kept=kept).emotion == "happiness":
            return now.time_s
    return None


def test_what_is_disputed_takes_longer_the_less_it_leads():
    leading = [until_happiness(lambda t, p=p: doubt(t, p, 0.48), can_stay=True) for p in (0.9, 0.75, 0.65)]
    assert 0.5 <= leading[0] < leading[1] < leading[2] < 2.0
    # What could not stay is named for twice hold_s at most.
    assert until_happiness(lambda t: doubt(t, 0.54, 0.48)) == pytest.approx(1.0)


@pytest.mark.parametrize("decided_by", ["text", "fusion"])
def test_neither_voice_nor_text_counts_again_at_each_moment(decided_by):
    """What the face supports stays, whether the text settles the doubt or the voice outweighs the face."""
    assert until_happiness(lambda t: doubt(t, 0.4, 0.7, 1.0, decided_by), can_stay=True) is None
    assert until_happiness(lambda t: doubt(t, 0.52, 0.7, 1.0, decided_by), can_stay=True) is not None


def test_without_a_face_voice_and_text_count_fully():
    def spoken(time_s):
        now = doubt(time_s, 0.5, 0.8, 0.8)
        return replace(now, opinions=now.opinions[1:], emotion="happiness")

    assert until_happiness(spoken, can_stay=True) == pytest.approx(0.7, abs=0.11)


@pytest.mark.parametrize(("pooled", "since_s"), [(False, 0.5), (True, 0.4 + POOL_DOUBT_HOLDS * 0.5)])
def test_what_one_sure_opinion_makes_clear_can_wait_for_the_others(pooled, since_s):
    """A product of what the face and the voice say, anger, and the text, happiness."""
    posterior = state(0.0, "happiness", 0.9).probabilities
    hold = Hold(0.5, pooled=pooled)
    for i in range(30):
        leading = "happiness" if i >= 5 else "anger"
        now = replace(doubt(i * STEP_S, 0.3, 0.3, 1.0), probabilities=posterior, emotion=leading)
        said = hold.update(now, MARGIN)
    assert (said.emotion, said.since_s) == ("happiness", pytest.approx(since_s))


def test_a_pool_is_clear_where_the_mean_of_the_opinions_is():
    hold = Hold(0.5, pooled=True)
    hold.update(state(0.0, "anger"), MARGIN)
    now = replace(doubt(0.6, 1.0, 0.8, 0.4), probabilities=state(0.6, "happiness", 0.9).probabilities)
    assert hold.update(now, MARGIN).emotion == "happiness"


def test_a_candidate_that_can_stay_is_named_in_doubt_for_as_long_as_it_can():
    hold = Hold(0.5)
    hold.update(state(0.0, "anger"), MARGIN)
    for i in range(1, 60):
        now = doubt(i * STEP_S, 0.6, 0.48)
        kept = replace(now, emotion="anger", confidence=0.4)
        said = hold.update(now, MARGIN, kept=kept)
        if i * STEP_S < 1.5:
            assert (said.emotion, said.confidence, said.since_s) == ("anger", 0.4, 0.0)
            assert hold.settled.time_s == now.time_s, "what is published is of this moment"
    assert said.emotion == "happiness", "evidence comes together in the end"


def test_evidence_begins_again_where_what_is_named_is_the_decision():
    hold = Hold(0.5)
    hold.update(state(0.0, "anger"), MARGIN)
    for i in range(1, 100):
        now = doubt(i * STEP_S, 0.56 if i % 4 else 0.4, 0.48)
        kept = replace(now, emotion="anger") if now.emotion != "anger" else None
        assert hold.update(now, MARGIN, kept=kept).emotion == "anger"


def test_another_cause_is_not_held_across():
    hold = Hold(0.5)
    assert hold.update(state(0.0, "anger"), MARGIN, cause=1).emotion == "anger"
    assert hold.update(state(0.1, "happiness"), MARGIN, cause=1).emotion == "anger"
    assert hold.update(state(0.2, None, reason="nobody"), MARGIN, cause=None).reason == "nobody"
    assert hold.update(state(0.3, "happiness"), MARGIN, cause=2).emotion == "happiness"


def test_since_is_when_it_was_named():
    hold = Hold(0.5)
    steps = [state(i * STEP_S, "anger" if i < 10 else "happiness", 0.35) for i in range(20)]
    said = [hold.update(one, MARGIN) for one in steps]
    assert {one.since_s for one in said if one.emotion == "anger"} == {0.0}
    (since_s,) = {one.since_s for one in said if one.emotion == "happiness"}
    assert since_s == pytest.approx(1.5)


def test_a_reason_without_an_emotion_changes_at_once():
    hold = Hold(0.5)
    hold.update(state(0.0, None, reason="no_opinion"), MARGIN)
    assert hold.update(state(0.1, None, reason="unsure"), MARGIN).reason == "unsure"


def test_the_posterior_goes_on_while_the_decision_is_held():
    hold = Hold(0.5)
    hold.update(state(0.0, "anger"), MARGIN)
    now = state(0.1, "happiness", 0.35)
    held = hold.update(now, MARGIN)
    assert (held.emotion, held.confidence, held.time_s) == ("anger", 0.4, 0.1)
    assert held.probabilities is now.probabilities
    assert hold.settled.time_s == 0.0


@given(
    st.lists(st.tuples(st.integers(1, 12), NAMED), min_size=1, max_size=20),
    st.floats(0.0, 1.5),
    st.sampled_from([0.3, 0.8]),
)
def test_nothing_is_named_for_less_than_it_is_held(spans, hold_s, p):
    said = runs(named(Hold(hold_s), spans, p))
    assert all(count * STEP_S >= hold_s - 1e-6 for _, count in said[1:-1])


@given(st.lists(st.tuples(st.integers(1, 12), NAMED), min_size=1, max_size=20), st.floats(0.0, 1.5))
def test_what_has_gone_is_not_named_for_long(spans, hold_s):
    hold, last_s = Hold(hold_s), {}
    steps = [emotion for count, emotion in spans for _ in range(count)]
    for i, emotion in enumerate(steps):
        last_s[emotion] = i * STEP_S
        said = hold.update(state(i * STEP_S, emotion, 0.3), MARGIN)
        assert said.emotion in last_s, "it was the decision of some moment"
        assert i * STEP_S - last_s[said.emotion] <= DOUBT_HOLDS * hold_s + STEP_S
        assert hold.settled.emotion == said.emotion


@given(st.lists(NAMED, min_size=1, max_size=50))
def test_without_a_time_to_hold_all_is_named_at_once(steps):
    assert named(Hold(0.0), [(1, one) for one in steps]) == steps
