"""The whole path on the demonstration's clip: what is named, and that nothing else is."""

from __future__ import annotations

from itertools import pairwise

import pytest

from emoedge import EmotionEvent, FusedState, Pipeline
from emoedge.config import Settings, SpeechSettings
from emoedge.demo.clip import DURATION_S, SCENES, SENTENCES, ensure_demo_clip
from emoedge.observations import TextObservation, VoiceObservation

SETTLED_S = 1.6
"""From the beginning of a scene until it must be named: an expression takes a third of a second to come."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    settings = Settings(speech=SpeechSettings(model="vosk-es-demo"))
    return list(Pipeline(settings).replay(ensure_demo_clip(tmp_path_factory.mktemp("clip"))))


@pytest.fixture(scope="module")
def states(outcomes):
    return [outcome for outcome in outcomes if isinstance(outcome, FusedState)]


def at(states, time_s):
    return [state for state in states if state.time_s <= time_s][-1]


@pytest.mark.parametrize("number", range(len(SCENES)))
def test_each_scene_gets_its_answer(states, number):
    scene = SCENES[number]
    end_s = SCENES[number + 1].begin_s if number + 1 < len(SCENES) else DURATION_S
    within = [at(states, scene.begin_s + SETTLED_S if scene.expression else scene.begin_s + 0.5)]
    within += [state for state in states if scene.begin_s + SETTLED_S <= state.time_s < end_s]
    assert {state.emotion for state in within} == {scene.answer}
    if scene.answer is None:
        wanted = {"nobody"} if scene.expression is None else {"no_opinion"}
        assert {state.reason for state in within} == wanted


def test_nothing_is_named_that_nobody_showed(states):
    assert {state.emotion for state in states} == {scene.answer for scene in SCENES}


def test_what_is_named_stays_for_seconds(states):
    changes = [b.time_s for a, b in pairwise(states) if a.emotion != b.emotion]
    assert len(changes) == len({scene.begin_s for scene in SCENES if scene.answer})
    assert min(b - a for a, b in pairwise(changes)) > 2


def test_the_words_are_heard_and_the_last_ones_do_not_decide(outcomes, states):
    texts = [outcome for outcome in outcomes if isinstance(outcome, TextObservation)]
    assert [text.transcript for text in texts] == [sentence for _, sentence in SENTENCES]
    last = at(states, SENTENCES[-1][0] + 4)
    said = {opinion.modality: opinion.probabilities.argmax() for opinion in last.opinions}
    assert last.emotion == "happiness"
    assert last.decided_by != "text"
    assert said["text"] == 4, "sadness"


def test_episodes_are_those_of_the_scenes(outcomes):
    begun = [
        outcome.emotion
        for outcome in outcomes
        if isinstance(outcome, EmotionEvent) and outcome.kind == "begin"
    ]
    assert begun == ["happiness", "surprise", "sadness", "happiness"]


def test_the_voice_is_that_of_the_face_whose_mouth_moves(outcomes):
    speakers = [one.speaker for one in outcomes if isinstance(one, VoiceObservation)]
    faces = {speaker for speaker in speakers if isinstance(speaker, int)}
    assert len(faces) == 1
    assert speakers.count(*faces) >= 2
    assert "unseen" not in speakers
