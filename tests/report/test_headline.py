"""A segment told in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emoedge.emotions import EMOTIONS, as_probabilities
from emoedge.outcomes import EmotionEvent, FusedState, ModalityOpinion
from emoedge.record.timeline import Timeline
from emoedge.report.data import build
from emoedge.report.headline import channel_words, headline, is_flat, leading
from emoedge.report.texts import TEXTS


def leaning(emotion: str, share: float):
    rest = (1 - share) / 6
    return as_probabilities([share if one == emotion else rest for one in EMOTIONS])


def seen(t: float, emotion: str | None, sure: float = 0.8, reason: str = "") -> FusedState:
    if emotion is None:
        return FusedState(t, None, None, 0.0, None, reason=reason)
    p = leaning(emotion, sure)
    return FusedState(t, p, emotion, sure, "face", (emotion,), (ModalityOpinion("face", t, p),))


def of(spans, events=(), step_s=0.2):
    """Data of states in spans (start, end, emotion, certainty)."""
    states = [
        seen(float(t), emotion, sure, "nobody")
        for start, end, emotion, sure in spans
        for t in np.arange(start, end, step_s)
    ]
    return build(Timeline((*states, *events)), {}, spans[-1][1])


def test_what_prevailed_when_and_how_sure():
    episode = EmotionEvent("end", "e", "happiness", 4.0, 12.0, 0.9)
    data = of([(0, 4, "neutral", 0.6), (4, 12, "happiness", 0.9)], [episode])
    first, *more = headline(data, "es")
    assert first == (
        "Sobre todo alegría, 8,0 s de 12,0 s, más que nada de 0:04 a 0:12, con una seguridad media del 80 %."
    )
    assert "El momento más claro: alegría en 0:04, con una seguridad del 90 %." in more
    assert headline(data, "en")[0] == (
        "Mostly happiness, 8.0 s of 12.0 s, chiefly from 0:04 to 0:12, 80 % sure on average."
    )


def test_one_emotion_all_the_time():
    assert headline(of([(0, 10, "sadness", 0.7)]), "es")[0] == (
        "Tristeza todo el tiempo, con una seguridad media del 70 %."
    )


def test_where_nothing_prevails_the_first_ones_are_named():
    data = of([(0, 4, "anger", 0.6), (4, 7, "fear", 0.6), (7, 10, "surprise", 0.6)])
    assert headline(data, "es")[0].startswith(
        "Varias emociones: enfado (4,0 s), miedo (3,0 s) y sorpresa (3,0 s)"
    )


@pytest.mark.parametrize(
    ("reason", "words"), [("nobody", "nadie a la vista"), ("unsure", "no está lo bastante seguro")]
)
def test_where_nothing_is_named_it_says_why(reason, words):
    data = build(Timeline(tuple(seen(t / 5, None, reason=reason) for t in range(50))), {}, 10.0)
    assert headline(data, "es") == [f"Ninguna emoción en todo el segmento: {words}."]


def test_time_without_an_emotion_is_mentioned():
    said = headline(of([(0, 5, None, 0), (5, 10, "fear", 0.6)]), "en")
    assert said[-1] == "No emotion for 5.0 s: nobody in view."


def test_a_flat_curve_is_told_in_words():
    data = of([(0, 10, "happiness", 0.82)])
    assert is_flat(data.curves["face"])
    assert channel_words(data, "face", "es") == "alegría todo el tiempo (82 % de media)"
    assert channel_words(data, "voice", "es") == "sin opinión en todo el segmento"
    moving = of([(0, 5, "happiness", 0.5), (5, 10, "happiness", 0.9)])
    assert not is_flat(moving.curves["face"])
    assert "70 %" in channel_words(moving, "face", "es")
    part = of([(0, 5, None, 0), (5, 10, "fear", 0.6)])
    assert (
        channel_words(part, "face", "en") == "fear whenever it has an opinion, 5.0 s in all (60 % on average)"
    )


def test_a_curve_as_a_table():
    data = of([(0, 4, "anger", 0.6), (4, 4.4, "fear", 0.9), (4.4, 10, "surprise", 0.7)])
    rows = leading(data, data.curves["fused"])
    assert [(row.emotion, round(row.start_s), round(row.end_s)) for row in rows] == [
        ("anger", 0, 4),
        ("surprise", 4, 10),
    ]
    assert rows[0].confidence == pytest.approx(0.6)


def test_without_a_face_the_clearest_moment_is_the_surest():
    states = tuple(replace(seen(t, "fear", 0.5 + t / 100), opinions=()) for t in range(10))
    assert "at 0:09" in " ".join(headline(build(Timeline(states), {}, 10.0), "en"))


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_text_with_a_place_can_be_filled(language):
    """Both languages use the same places: one that is missing would only be seen in the other language."""
    import string

    for key, text in TEXTS[language].items():
        places = {name for _, name, _, _ in string.Formatter().parse(text) if name}
        other = {name for _, name, _, _ in string.Formatter().parse(TEXTS["en"][key]) if name}
        assert places == other, key
