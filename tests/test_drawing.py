"""Text in pictures: accents are there, nothing is drawn outside."""

from __future__ import annotations

import numpy as np
import pytest

from emoedge.drawing import FONT, bgr, draw_text, text_width
from emoedge.emotions import EMOTIONS, display_name

WHITE = (255, 255, 255)


def drawn(text: str) -> np.ndarray:
    picture = np.zeros((40, 300, 3), np.uint8)
    draw_text(picture, text, 5, 28, 20, WHITE)
    return picture


@pytest.mark.parametrize(("accented", "plain"), [("alegría", "alegria"), ("ñ", "n"), ("¿", "?"), ("Ü", "U")])
def test_accents_are_drawn(accented, plain):
    assert drawn(accented).any()
    assert not np.array_equal(drawn(accented), drawn(plain))


def test_the_font_has_every_character_of_the_names():
    table = pytest.importorskip("fontTools.ttLib").TTFont(FONT).getBestCmap()
    words = " ".join(display_name(emotion, language) for emotion in EMOTIONS for language in ("es", "en"))
    assert {ord(character) for character in words} <= table.keys()


@pytest.mark.parametrize(("left", "baseline"), [(-20, 28), (290, 28), (5, 2), (5, 60), (400, 28), (5, -50)])
def test_text_is_cut_off_at_the_edges(left, baseline):
    picture = np.full((40, 300, 3), 9, np.uint8)
    draw_text(picture, "alegría", left, baseline, 20, WHITE)
    assert picture.shape == (40, 300, 3)
    assert (picture >= 9).all()


def test_nothing_to_draw_changes_nothing():
    assert not drawn("").any()


def test_the_width_is_where_the_ink_ends():
    columns = np.flatnonzero(drawn("sorpresa").any(axis=(0, 2)))
    assert columns[-1] <= 5 + text_width("sorpresa", 20) + 1
    assert text_width("sorpresa", 20) > text_width("sorpres", 20) > 0


def test_colours_are_in_opencvs_order():
    assert bgr("#102030") == (0x30, 0x20, 0x10)
