"""Ages, tracks and reasons."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.config import FusionSettings
from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.fusion.fuser import Fuser, snr_reliability
from emoedge.observations import Box, FaceObservation, FacesObservation, TextObservation, VoiceObservation


def peaked(emotion, p=0.7):
    values = np.full(7, (1 - p) / 6)
    values[EMOTIONS.index(emotion)] = p
    return as_probabilities(values)


def faces(time_s, probabilities, track_id=1, quality=1.0):
    face = FaceObservation(track_id, Box(0, 0, 0.5, 0.5), probabilities, quality, primary=True)
    return FacesObservation(time_s, (face,))


def voice(end_s, probabilities, snr_db=20.0):
    return VoiceObservation(end_s - 2, end_s, probabilities, snr_db, -20.0)


def text(end_s, probabilities):
    return TextObservation(end_s - 2, end_s, "hola", probabilities)


def test_nothing_yet():
    state = Fuser(FusionSettings()).state(0)
    assert (state.emotion, state.probabilities, state.confidence, state.reason) == (
        None,
        None,
        0,
        "no_opinion",
    )


def test_nobody_is_said():
    fuser = Fuser(FusionSettings())
    fuser.on_faces(faces(0, peaked("anger")))
    fuser.on_faces(FacesObservation(0.1, ()))
    state = fuser.state(0.1)
    assert state.emotion is None
    assert state.reason == "nobody"


def test_a_photograph_alone_is_said_to_be_still():
    fuser = Fuser(FusionSettings())
    poster = FaceObservation(1, Box(0, 0, 0.5, 0.5), None, 0.0, quality_reasons=("still",))
    fuser.on_faces(FacesObservation(0.1, (poster,)))
    state = fuser.state(0.1)
    assert (state.emotion, state.reason, fuser.person) == (None, "still", None)
    fuser.on_faces(FacesObservation(0.2, ()))
    assert fuser.state(0.2).reason == "nobody"


def test_a_face_that_has_not_moved_yet_may_be_a_photograph():
    fuser = Fuser(FusionSettings())
    face = FaceObservation(1, Box(0, 0, 0.5, 0.5), peaked("happiness"), 1.0, primary=True, moved=False)
    fuser.on_faces(FacesObservation(0.1, (face,)))
    assert fuser.state(0.1).emotion == "happiness"
    assert not fuser.is_somebody
    fuser.on_voice(voice(0.1, peaked("happiness")))
    assert not fuser.is_somebody
    fuser.on_faces(faces(0.2, peaked("happiness")))
    assert fuser.is_somebody


@pytest.mark.parametrize(("modality", "limit"), [("face", 1.5), ("voice", 6.0), ("text", 4.0)])
def test_stale_opinions_take_no_part(modality, limit):
    fuser = Fuser(FusionSettings())
    observation = {"face": faces, "voice": voice, "text": text}[modality](10, peaked("fear"))
    getattr(fuser, "on_faces" if modality == "face" else f"on_{modality}")(observation)
    assert [o.modality for o in fuser.state(10 + limit).opinions] == [modality]
    assert fuser.state(10 + limit + 0.01).opinions == ()
    assert fuser.state(10 + limit + 0.01).emotion is None


def test_a_new_face_does_not_inherit_the_old_ones_posterior():
    fuser = Fuser(FusionSettings())
    fuser.on_faces(faces(0, peaked("anger"), track_id=1))
    fuser.on_faces(faces(0.1, peaked("happiness"), track_id=2))
    np.testing.assert_array_equal(fuser.state(0.1).probabilities, peaked("happiness"))


def test_a_face_is_steadied_but_follows():
    fuser = Fuser(FusionSettings())
    fuser.on_faces(faces(0, peaked("neutral")))
    fuser.on_faces(faces(0.05, peaked("anger")))
    assert fuser.state(0.05).emotion == "neutral"
    for i in range(2, 20):
        fuser.on_faces(faces(0.05 * i, peaked("anger")))
    assert fuser.state(0.95).emotion == "anger"


def test_a_text_without_opinion_ends_the_older_one():
    fuser = Fuser(FusionSettings())
    fuser.on_text(text(1, peaked("fear")))
    fuser.on_text(text(2, None))
    assert fuser.state(2).opinions == ()


def test_weight_can_be_changed_while_it_runs():
    fuser = Fuser(FusionSettings())
    fuser.on_faces(faces(1, peaked("anger")))
    fuser.on_voice(voice(1, peaked("sadness")))
    fuser.face_weight = 0.0
    assert fuser.state(1).emotion == "sadness"
    fuser.face_weight = 1.0
    assert fuser.state(1).emotion == "anger"


def test_not_sure_is_said_where_it_was_asked_for():
    fuser = Fuser(FusionSettings(min_confidence=0.6))
    fuser.on_faces(faces(1, peaked("anger", 0.4)))
    state = fuser.state(1)
    assert state.emotion is None
    assert state.reason == "unsure"
    assert state.probabilities is not None
    assert state.candidates == ("anger",)
    assert not state.certain


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_snr_reliability_is_bounded_and_monotonic(a, b):
    low, high = sorted((a, b))
    assert 0 <= snr_reliability(low) <= snr_reliability(high) <= 1


def between(anger, happiness):
    values = np.full(7, (1 - anger - happiness) / 5)
    values[EMOTIONS.index("anger")], values[EMOTIONS.index("happiness")] = anger, happiness
    return as_probabilities(values)


def test_what_was_named_can_stay_while_it_is_a_candidate_that_a_modality_ranks_first():
    fuser = Fuser(FusionSettings())
    fuser.on_faces(faces(1, between(0.35, 0.45)))
    fuser.on_voice(voice(1, between(0.45, 0.35)))
    state = fuser.state(1)
    assert (state.emotion, state.certain) == ("happiness", False)
    kept = fuser.kept(state, "anger")
    assert (kept.emotion, kept.certain, kept.decided_by, kept.reason) == ("anger", False, "fusion", "")
    assert kept.confidence == pytest.approx(float(state.probabilities[EMOTIONS.index("anger")]))
    assert kept.candidates == state.candidates
    assert fuser.kept(state, "happiness") is None, "that is the decision"
    assert fuser.kept(state, "fear") is None, "that is no candidate"
    assert fuser.kept(state, None) is None


def test_what_nobody_ranks_first_or_is_too_doubtful_cannot_stay():
    fuser = Fuser(FusionSettings())
    fuser.on_faces(faces(1, between(0.35, 0.45)))
    assert fuser.kept(fuser.state(1), "anger") is None
    fuser = Fuser(FusionSettings(min_confidence=0.5))
    fuser.on_faces(faces(1, between(0.2, 0.75)))
    fuser.on_voice(voice(1, between(0.7, 0.25)))
    state = fuser.state(1)
    assert state.emotion == "happiness"
    assert "anger" in state.candidates
    assert fuser.kept(state, "anger") is None
