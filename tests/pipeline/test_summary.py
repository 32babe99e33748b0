"""The summary: who is there, whether anybody speaks, and how often it is told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.emotions import as_probabilities
from emoedge.outcomes import FusedState
from emoedge.pipeline.summary import MAX_AGE_S, SPACING_S, SummaryThrottle

CALM = FusedState(
    0.0,
    as_probabilities([0.0512, 0.05, 0.05, 0.2, 0.05, 0.05, 0.5488]),
    "neutral",
    0.5488,
    "face",
    candidates=("neutral",),
    since_s=0.0,
    certain=True,
)
HAPPY = replace(CALM, emotion="happiness")


def nothing(reason):
    return FusedState(0.0, None, None, 0.0, None, reason=reason)


def throttle(language="es", *, people=1, speaking=False, now_s=0.0):
    one = SummaryThrottle(30.0, language)
    if people is not None:
        one.on_people(people, now_s)
    if speaking is not None:
        one.on_speech(speaking, now_s)
    return one


def test_a_change_is_told_at_once_after_a_rest_and_otherwise_when_the_last_is_old_enough():
    one = throttle()
    assert one.update(CALM, 0.0)
    assert not one.update(HAPPY, SPACING_S - 0.1)
    (late,) = one.update(HAPPY, SPACING_S)
    assert (late.state.emotion, late.time_s) == ("happiness", SPACING_S)
    one.on_people(1, 20.0)
    assert one.update(CALM, 20.0), "at once"


def test_what_has_changed_back_is_not_told():
    one = throttle()
    assert one.update(CALM, 0.0)
    assert not one.update(HAPPY, 1.0)
    assert not one.update(CALM, SPACING_S)
    assert not one.update(CALM, SPACING_S + 1)


def test_without_a_change_one_is_told_at_the_interval():
    one = throttle()
    told = []
    for second in range(100):
        one.on_people(1, second)
        one.on_speech(False, second)
        told += one.update(CALM, second)
    assert [summary.time_s for summary in told] == [0, 30, 60, 90]


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.on_speech(True, 6.0),
        lambda one: one.forget("face"),
        lambda one: one.forget("voice"),
    ],
    ids=["speech", "no camera", "no microphone"],
)
def test_who_is_there_and_speech_are_changes_too(change):
    one = throttle()
    assert one.update(CALM, 0.0)
    change(one)
    assert one.update(CALM, 6.0)


@pytest.mark.parametrize("reason", ["privacy", "offline"])
def test_what_is_withheld_is_withheld_at_once(reason):
    one = throttle()
    assert one.update(CALM, 0.0)
    one.forget("face")
    one.forget("voice")
    (summary,) = one.update(nothing(reason), 0.5)
    payload = summary.to_payload()
    assert payload == {
        "emotion": None,
        "label": "privado" if reason == "privacy" else None,
        "certain": False,
        "candidates": [],
        "confidence": None,
        "probabilities": None,
        "valence": None,
        "arousal": None,
        "present": None,
        "people": None,
        "speaking": None,
        "since_s": None,
        "decided_by": None,
        "reason": reason,
    }


@pytest.mark.parametrize(
    ("reason", "people", "speaking", "label", "present"),
    [
        ("unsure", 1, False, "sin opinión", True),
        ("no_opinion", 1, False, "sin opinión", True),
        ("covered", 1, False, "sin opinión", True),
        ("turned", 1, False, "sin opinión", True),
        ("still", 0, False, "sin opinión", False),
        ("nobody", 0, False, "nadie", False),
        ("no_opinion", None, False, "sin opinión", None),
        ("unsure", None, True, "sin opinión", None),
        ("no_opinion", None, None, None, None),
        ("offline", 1, True, None, True),
    ],
)
def test_words_and_presence_by_reason(reason, people, speaking, label, present):
    (summary,) = throttle(people=people, speaking=speaking).update(nothing(reason), 0.0)
    assert (summary.label, summary.people, summary.speaking) == (label, people, speaking)
    assert summary.present is present


def test_an_emotion_is_somebodys_and_is_told_in_the_language():
    for language, label in (("es", "alegría"), ("en", "happiness")):
        (summary,) = throttle(language).update(HAPPY, 0.0)
        assert (summary.label, summary.present, summary.state.emotion) == (label, True, "happiness")
    (heard,) = throttle(people=None, speaking=True).update(HAPPY, 0.0)
    assert (heard.label, heard.present) == ("alegría", None), "without a camera nobody knows"


def test_numbers_have_two_decimals():
    (summary,) = throttle().update(CALM, 0.0)
    payload = summary.to_payload()
    numbers = [
        payload["confidence"],
        payload["valence"],
        payload["arousal"],
        *payload["probabilities"].values(),
    ]
    assert numbers == [round(one, 2) for one in numbers]
    assert payload["confidence"] == 0.55


def test_what_a_dead_camera_or_microphone_showed_does_not_count():
    one = throttle(people=2, speaking=True)
    (fresh,) = one.update(CALM, MAX_AGE_S)
    assert (fresh.people, fresh.speaking) == (2, True)
    (stale,) = one.update(CALM, 2 * MAX_AGE_S)
    assert (stale.present, stale.people, stale.speaking) == (None, None, None)


STATES = st.sampled_from(
    [CALM, HAPPY, *(nothing(one) for one in ("nobody", "unsure", "still", "no_opinion"))]
)


@settings(max_examples=50)
@given(st.lists(st.tuples(STATES, st.booleans(), st.integers(0, 3)), min_size=1, max_size=200))
def test_no_two_are_nearer_than_the_spacing_and_none_is_missing_at_the_end(steps):
    one, told, now_s = SummaryThrottle(30.0, "en"), [], 0.0
    for state, speaking, people in steps:
        now_s += 0.5
        one.on_people(people, now_s)
        one.on_speech(speaking, now_s)
        told += one.update(state, now_s)
    told += one.update(state, now_s + SPACING_S)
    times = [summary.time_s for summary in told]
    assert all(b - a >= SPACING_S for a, b in pairwise(times))
    assert all(b - a <= 30.0 for a, b in pairwise(times))
    last = told[-1]
    assert (last.state.emotion, last.state.reason, last.speaking) == (state.emotion, state.reason, speaking)
