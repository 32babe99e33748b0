"""One answer a clip from the lines of a replay."""

from __future__ import annotations

import json

import numpy as np
import pytest

from emoedge.config import FusionSettings
from emoedge.emotions import EMOTION_COUNT, EMOTIONS, as_probabilities, to_mapping
from emoedge.evaluation.answers import METHODS, NO_ANSWER, Answer, answers_of
from emoedge.fusion.confidence import Confidence
from emoedge.fusion.learned import LearnedFusion


@pytest.fixture(scope="module")
def answers(request):
    models = request.config.rootpath / "models"
    pool, confidence = (
        LearnedFusion.load(models / "fusion.json"),
        Confidence.load(models / "confidence.json"),
    )
    return lambda lines, duration_s: answers_of(lines, duration_s, FusionSettings(), pool, confidence)


def sure_of(name, probability=0.7):
    rest = (1 - probability) / (EMOTION_COUNT - 1)
    return to_mapping(as_probabilities([probability if one == name else rest for one in EMOTIONS]))


def line(topic, **payload):
    return json.dumps({"topic": f"emoedge/sala/{topic}", "payload": payload})


def face(name, quality=0.9, *, primary=True):
    return {"probabilities": sure_of(name) if name else None, "quality": quality, "primary": primary}


def state(time_s, emotion, confidence=0.5):
    return line("emotion", time_s=time_s, emotion=emotion, confidence=confidence)


def test_a_clip_in_which_nothing_was_found_has_no_answers(answers):
    lines = [line("face", faces=[]), line("face", faces=[face(None)]), state(0.0, None)]
    assert answers(lines, 2.0) == dict.fromkeys(METHODS, NO_ANSWER)


def test_the_face_is_the_mean_of_the_primary_one_by_quality(answers):
    lines = [
        line("face", faces=[face("fear", 0.9), face("anger", 1.0, primary=False)]),
        line("face", faces=[face("sadness", 0.1)]),
        line("face", faces=[face("sadness", 0.1)]),
    ]
    answer = answers(lines, 2.0)["face"]
    assert answer.emotion == "fear"
    assert answer.confidence == pytest.approx((0.9 * 0.7 + 0.2 * 0.05) / 1.1, abs=1e-3)


def test_opinions_on_speech_that_went_on_do_not_count_beside_the_final_one(answers):
    lines = [
        line("voice", probabilities=sure_of("anger"), duration=9.0, snr_db=30.0, final=False),
        line("voice", probabilities=sure_of("neutral"), duration=2.0, snr_db=30.0, final=True),
        line("voice", probabilities=None, duration=8.0, snr_db=30.0, final=True),
        line("text", probabilities=sure_of("surprise"), duration=1.0),
        line("text", probabilities=sure_of("fear"), duration=3.0),
    ]
    given = answers(lines, 12.0)
    assert (given["voice"].emotion, given["text"].emotion) == ("neutral", "fear")
    assert given["weighted"].emotion == "neutral"  # beyond the margin, the text decides nothing


def test_the_fusions_combine_what_the_modalities_said(answers):
    lines = [
        line("face", faces=[face("happiness")]),
        line("voice", probabilities=sure_of("happiness"), duration=2.0, snr_db=30.0, final=True),
    ]
    given = answers(lines, 2.0)
    assert given["weighted"].emotion == "happiness"
    assert given["weighted"].confidence > 0.7  # two who agree are surer than the mean of their probabilities
    assert given["learned"].emotion == "happiness"


def test_the_emotion_named_longest_counts_with_its_mean_confidence(answers):
    lines = [
        state(0.0, None, 0.0),
        state(5.0, "fear", 0.4),
        state(6.0, "anger", 0.9),
        state(7.0, "fear", 0.8),
        state(10.0, None, 0.0),
    ]
    answer = answers(lines, 20.0)["replay"]
    assert answer == Answer("fear", pytest.approx((1 * 0.4 + 3 * 0.8) / 4))


def test_a_state_at_the_very_end_was_named_for_no_time(answers):
    assert answers([state(2.0, "fear")], 2.0)["replay"] == NO_ANSWER


def test_confidences_are_probabilities(answers):
    rng = np.random.default_rng(1)
    for _ in range(20):
        mapping = to_mapping(as_probabilities(rng.dirichlet(np.ones(EMOTION_COUNT))))
        lines = [line("face", faces=[{"probabilities": mapping, "quality": 0.5, "primary": True}])]
        given = answers(lines, 1.0)
        assert all(0.0 <= answer.confidence <= 1.0 for answer in given.values())
