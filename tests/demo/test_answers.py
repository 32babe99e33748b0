"""The whole path on the demonstration's clip: what is named, and that nothing else is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from emoedge import EmotionEvent, FusedState, Pipeline
from emoedge.config import Settings, SpeechSettings
from emoedge.demo.clip import DURATION_S, SCENES, SENTENCES, ensure_demo_clip
from emoedge.emotions import EMOTIONS
from emoedge.observations import TextObservation, VoiceObservation

pytestmark = pytest.mark.numerical

SETTLED_S = 2.2
"""From the beginning of a scene until it must be named: the voice and words before it count for a while."""
CLEAR = 0.08
"""Lead of each voice, a probability."""


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


def within(found, sentence):
    """What was found of a sentence, by its times."""
    return [one for one in found if abs(one.start_s - sentence.start_s) < 1]


def leader(opinion):
    return EMOTIONS[opinion.probabilities.argmax()]


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.words)
def test_each_sentence_is_heard_as_it_was_meant(outcomes, sentence):
    texts = within([one for one in outcomes if isinstance(one, TextObservation)], sentence)
    voices = within([one for one in outcomes if isinstance(one, VoiceObservation)], sentence)
    assert [text.transcript for text in texts] == [sentence.words]
    assert [leader(text) for text in texts] == [sentence.text]
    assert any(voice.final for voice in voices)
    assert {leader(voice) for voice in voices} == {sentence.voice}


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.words)
def test_no_voice_is_near_another_answer(outcomes, sentence):
    """The last bits of another processor do not change what is heard."""
    voices = within([one for one in outcomes if isinstance(one, VoiceObservation)], sentence)
    assert voices
    for voice in voices:
        first, second = np.sort(voice.probabilities)[:-3:-1]
        assert first - second > CLEAR


def test_each_face_shows_what_it_was_meant_to(states):
    for scene, following in pairwise([*SCENES, None]):
        if scene.answer:
            end_s = following.begin_s if following else DURATION_S
            faces = [
                leader(opinion)
                for state in states
                if scene.begin_s + SETTLED_S <= state.time_s < end_s
                for opinion in state.opinions
                if opinion.modality == "face"
            ]
            assert set(faces) == {scene.answer}


def test_one_passage_alone_does_not_agree():
    scenes = [[scene for scene in SCENES if scene.begin_s < one.start_s][-1] for one in SENTENCES]
    apart = [
        sentence.words
        for sentence, scene in zip(SENTENCES, scenes, strict=True)
        if {sentence.voice, sentence.text} != {scene.answer}
    ]
    assert apart == [SENTENCES[-1].words]


def test_the_last_words_do_not_decide(states):
    last = states[-1]
    said = {opinion.modality: leader(opinion) for opinion in last.opinions}
    assert last.emotion == "happiness"
    assert last.decided_by == "fusion"
    assert said == {"face": "happiness", "voice": "happiness", "text": "sadness"}


def test_episodes_are_those_of_the_scenes(outcomes):
    begun = [
        outcome.emotion
        for outcome in outcomes
        if isinstance(outcome, EmotionEvent) and outcome.kind == "begin"
    ]
    assert begun == ["sadness", "surprise", "happiness"]


def test_the_voice_is_that_of_the_face_whose_mouth_moves(outcomes):
    speakers = [one.speaker for one in outcomes if isinstance(one, VoiceObservation)]
    faces = {speaker for speaker in speakers if isinstance(speaker, int)}
    assert len(faces) == 1
    assert speakers.count(*faces) >= 2
    assert "unseen" not in speakers
