"""A line as tokens."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.text.tokens import MARKS, MAX_CHARS, normalize

ANY_TEXT = st.text(st.characters(blacklist_categories=()), max_size=200)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Estoy MUY contenta", "estoy muy contenta"),
        ("¡Qué asco!", "que asco !"),
        ("mañana, pingüino", "mañana pinguino"),
        ("#JuegoDeTronos", "xxtag juego de tronos"),
        ("@alguien hola", "xxuser hola"),
        ("@<username> USER hola", "xxuser xxuser hola"),
        ("mira https://example.org/a?b=c ya", "mira xxurl ya"),
        ("holaaaaaa", "hola"),
        ("felizzzzz", "feliz"),
        ("contentísima", "muy contenta"),
        ("tristísimas", "muy tristes"),
        ("felicísimo", "muy feliz"),
        ("riquísimo", "muy rico"),
        ("interesantísima", "muy interesante"),
        ("el último", "el ultimo"),
        ("jajajajajaja", "jaja"),
        ("JEJEJE", "jeje"),
        ("ahahaha", "jaja"),
        ("jajajjaja", "jaja"),
        ("hahaha", "jaja"),
        ("mi hija", "mi hija"),
        ("el hijo juega", "el hijo juega"),
        ("xd :D", "xd 🙂"),
        ("18:30 8)", "xxnum xxnum"),
        ("te quiero <3 :)", "te quiero ❤ 🙂"),
        ("😂😂😂😂", "😂 😂"),
        ("👍🏽", "👍"),
        ("son 12.500 euros", "son xxnum euros"),
        ("no sé...", "no se xxdots"),
        ("¿¡qué!?", "que ! ?"),
        ("TODO ESTO ES FALSO", "xxcaps todo esto es falso"),
        ("", ""),
        ("\ud800\x00\x07", ""),
    ],
)
def test_normalize(raw, expected):
    assert normalize(raw) == expected


@settings(max_examples=400)
@given(ANY_TEXT)
def test_normalize_is_idempotent(text):
    once = normalize(text)
    assert normalize(once) == once


@given(ANY_TEXT)
def test_normalize_yields_only_known_characters(text):
    for token in normalize(text).split(" "):
        assert token == "" or token in MARKS or token.isalpha() or len(token) == 1
    assert normalize(text) == " ".join(normalize(text).split())


@pytest.mark.parametrize("unit", ["jahha", "haja", "aj", ":-(", "a a", "1.", "@<", "#A1b2", "..!", "xx"])
def test_normalize_reads_a_text_once(unit):
    # Each of these could make a careless regular expression try every way to split it, for hours.
    normalize((unit * MAX_CHARS)[: MAX_CHARS - 1] + "x")


def test_normalize_bounds_its_work():
    assert len(normalize("¡ah! " * 1_000_000)) <= 4 * MAX_CHARS
