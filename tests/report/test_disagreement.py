"""Where face, voice and text disagree, the page says what the rule did and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emoedge.config import FusionSettings
from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.fusion.fuser import Fuser
from emoedge.fusion.hold import Hold
from emoedge.observations import Box, FaceObservation, FacesObservation, TextObservation, VoiceObservation
from emoedge.outcomes import FusedState, ModalityOpinion
from emoedge.record.timeline import Timeline
from emoedge.report.data import build
from emoedge.report.disagreement import passages, words_of


def p(**shares):
    rest = (1 - sum(shares.values())) / (7 - len(shares))
    return as_probabilities([shares.get(one, rest) for one in EMOTIONS])


def told(face=None, voice=None, text=None, settings=None, seconds=3.0, details=None):
    """The one passage that the real rule leaves, and its words."""
    settings = settings or FusionSettings()
    fuser, hold, states = Fuser(settings), Hold(0.0), []
    for t in np.arange(0, seconds, 0.2).tolist():
        if face is not None:
            one = FaceObservation(1, Box(0.2, 0.2, 0.4, 0.4), face, 0.9, primary=True)
            fuser.on_faces(FacesObservation(t, (one,)))
        if voice is not None:
            fuser.on_voice(VoiceObservation(t - 1, t, voice, 20.0, -20.0))
        if text is not None:
            fuser.on_text(TextObservation(t - 1, t, "algo", text))
        states.append(hold.update(fuser.state(t), settings.margin))
    details = details or {"configuration": {"fusion": settings.model_dump()}}
    data = build(Timeline(tuple(states)), details, seconds)
    found = passages(data)
    return found, [words_of(one, data, "es") for one in found]


def test_a_clear_lead_of_face_and_voice_passes_over_the_text():
    found, [(said, why)] = told(p(happiness=0.9), p(happiness=0.6), p(sadness=0.9))
    assert found[0].cause == "clear"
    assert said == "La cara dice alegría (90 %), la voz dice alegría (60 %) y el texto dice tristeza (90 %)."
    assert why == (
        "Cara y voz juntas (la cara cuenta un 60 %) dan alegría con ventaja clara. "
        "El texto solo decide en la duda."
    )


def test_the_face_alone_against_the_text():
    found, [(said, why)] = told(p(happiness=0.9), text=p(sadness=0.9))
    assert found[0].cause == "alone"
    assert said == "La cara dice alegría (90 %) y el texto dice tristeza (90 %)."
    assert "solo opina la cara, con ventaja clara de alegría. El texto solo decide en la duda." in why


def test_in_doubt_the_text_decides():
    found, [(_said, why)] = told(p(happiness=0.45, sadness=0.40), text=p(sadness=0.9))
    assert (found[0].cause, found[0].emotion) == ("text", "sadness")
    assert why == (
        "Entre alegría y tristeza había menos de 20 puntos de diferencia, "
        "y en la duda decide el texto: tristeza."
    )


def test_a_text_without_a_word_on_the_doubt_leaves_it():
    text = p(anger=0.94, happiness=0.01, sadness=0.01)
    found, [(_said, why)] = told(p(happiness=0.45, sadness=0.40), text=text)
    assert found[0].cause == "doubt"
    assert "se nombra alegría, sin certeza" in why


def test_too_little_certainty_names_nothing():
    settings = FusionSettings(min_confidence=0.9)
    found, [(_said, why)] = told(p(happiness=0.6), p(sadness=0.6), settings=settings)
    assert (found[0].cause, found[0].emotion) == ("unsure", None)
    assert why == "La seguridad no llega al 90 %: no se nombra ninguna emoción."


def test_what_is_held_is_said_to_be_held():
    face, text = p(happiness=0.9), p(sadness=0.9)
    state = FusedState(
        0.0, face, "sadness", 0.6, "text", ("sadness",),
        (ModalityOpinion("face", 0.0, face), ModalityOpinion("text", 0.0, text)),
    )  # fmt: skip
    states = tuple(FusedState(t, *(getattr(state, name) for name in (
        "probabilities", "emotion", "confidence", "decided_by", "candidates", "opinions")))
        for t in (0.0, 1.0, 2.0))  # fmt: skip
    data = build(Timeline(states), {}, 3.0)
    assert words_of(passages(data)[0], data, "en")[1] == "It stays with sadness until another emotion lasts."


@pytest.mark.parametrize("text", [None, p(sadness=0.9), p(fear=0.9)])
def test_what_stays_in_doubt_though_the_rule_would_name_another_is_said_to_be_held(text):
    face, voice = p(sadness=0.48, happiness=0.4), p(happiness=0.45, sadness=0.4)
    settings = FusionSettings()
    fuser = Fuser(settings)
    fuser.on_faces(FacesObservation(0.0, (FaceObservation(1, Box(0, 0, 0.5, 0.5), face, 0.9, primary=True),)))
    fuser.on_voice(VoiceObservation(-1.0, 0.0, voice, 20.0, -20.0))
    if text is not None:
        fuser.on_text(TextObservation(-1.0, 0.0, "algo", text))
    now = fuser.state(0.0)
    assert now.emotion == "sadness"
    kept = fuser.kept(now, "happiness")
    states = tuple(replace(kept, time_s=t) for t in (0.0, 1.0, 2.0))
    (passage,) = passages(build(Timeline(states), {}, 3.0))
    assert passage.cause == "held"
    (passage,) = passages(build(Timeline(tuple(replace(now, time_s=t) for t in (0.0, 1.0, 2.0))), {}, 3.0))
    assert passage.cause != "held"


def test_the_learned_pool_is_no_rule():
    details = {"configuration": {"fusion": {"method": "learned"}}}
    _found, [(_said, why)] = told(p(happiness=0.9), text=p(sadness=0.9), details=details)
    assert "fusión aprendida" in why


def test_agreement_and_moments_are_passed_over():
    assert told(p(happiness=0.9), p(happiness=0.6), p(happiness=0.9)) == ([], [])
    assert told(p(happiness=0.9), text=p(sadness=0.9), seconds=0.8) == ([], [])
    assert passages(build(Timeline(), {}, 3.0)) == []


@pytest.mark.parametrize(
    "damage", [None, 3, [], {"fusion": 7}, {"fusion": {"margin": "x", "face_weight": 1e9}}]
)
def test_damaged_details_fall_back_to_the_defaults(damage):
    found, words = told(p(happiness=0.9), text=p(sadness=0.9), details={"configuration": damage})
    assert len(found) == len(words) == 1
