"""Words of the live view."""

from __future__ import annotations

import pytest

from emoedge.watch.words import _WORDS, word


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_word_is_there_in_both_languages(language):
    for key in _WORDS:
        assert word(key, language).strip(), key
    different = [key for key in _WORDS if word(key, "en") != word(key, "es")]
    assert len(different) > len(_WORDS) * 0.8, "words such as 'control' may be the same"


def test_a_part_without_a_word_keeps_its_name():
    assert word("camera_2", "es") == "camera_2"


def test_places_are_filled():
    assert word("no_device", "en", device="sala") == "no message from sala yet"
