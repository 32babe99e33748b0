"""Sentences that can be given in another language."""

from __future__ import annotations

import json
import pickle

import pytest

from emoedge.errors import ConfigError
from emoedge.translation import Given, Phrase, joined, localized, tr


def test_a_phrase_is_its_english_text():
    phrase = tr("{count} face in {place}", "{count} faces in {place}", count=3, place="hall")
    assert phrase == "3 faces in hall"
    assert json.loads(json.dumps({"reason": phrase})) == {"reason": "3 faces in hall"}
    assert tr("{count} face", "{count} faces", count=1) == "1 face"
    assert tr("as it {is}") == "as it {is}"


def test_it_stays_a_phrase_as_the_text_of_an_error_and_between_processes():
    error = ConfigError(tr("{text!r} is not a day", text="x"), tr("write another"))
    assert isinstance(error.message, Phrase)
    assert str(error) == "'x' is not a day (write another)"
    copy = pickle.loads(pickle.dumps(error.message))
    assert (copy, copy.template, copy.values) == (error.message, "{text!r} is not a day", {"text": "x"})


def test_other_texts_are_left_alone():
    assert localized("words", "es") == "words"
    assert localized(None, "es") is None


def test_what_the_system_says_is_translated_in_every_sentence(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        (tmp_path / "no" / "file").read_bytes()
    fault = str(caught.value.strerror)
    phrases = tr("cannot read it: {fault}", fault=fault), joined(("it", fault), ": ")
    assert [str(phrase) for phrase in phrases] == [
        "cannot read it: No such file or directory",
        "it: No such file or directory",
    ]
    for phrase in phrases:
        assert phrase.in_language("es").endswith(": no existe el archivo o la carpeta")


def test_a_translation_that_another_process_gave():
    given = Given("sound was lost", "se ha perdido sonido")
    assert given == "sound was lost" == given.in_language("en")
    assert tr("{what}!", what=given).in_language("es") == "se ha perdido sonido!"
    assert pickle.loads(pickle.dumps(given)).in_language("es") == "se ha perdido sonido"
    assert Given("only English", "").in_language("es") == "only English"
