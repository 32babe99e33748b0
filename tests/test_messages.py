"""Everything that is said to people has a translation, and the catalogues are up to date."""

from __future__ import annotations

import re

import pytest

from emoedge.translation import LOCALE_DIR, tr, translated

pytest.importorskip("babel")
messages = pytest.importorskip("scripts.messages")
PATHS = sorted(LOCALE_DIR.glob("*/LC_MESSAGES/*.po"))
NAMES = re.compile(r"\{([^{}]*)\}")


def test_there_is_spanish():
    assert [path.parts[-3] for path in PATHS] == ["es"]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parts[-3])
def test_every_sentence_has_a_translation(path):
    missing = messages.untranslated(messages.updated(path))
    assert missing == [], "run: python -m scripts.messages; translate what it names in the .po; run it again"


def test_the_catalogues_are_up_to_date():
    assert messages.main(["--check"]) == 0, "run: python -m scripts.messages"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parts[-3])
def test_a_translation_names_no_other_values(path):
    for message in messages.updated(path):
        forms = [message.id] if isinstance(message.id, str) else message.id
        strings = [message.string] if isinstance(message.string, str) else message.string
        allowed = {name for form in forms for name in NAMES.findall(form)}
        for string in strings:
            assert set(NAMES.findall(string)) <= allowed, string


def test_spanish_reaches_the_reader():
    phrase = tr("{path} is not a folder", path=tr("the call"))
    assert phrase == "the call is not a folder"
    assert phrase.in_language("es") == "la llamada no es una carpeta"
    assert phrase.in_language("en") == phrase
    one = tr("{count} segment deleted", "{count} segments deleted", count=1)
    assert one.in_language("es") == "1 grabación borrada"
    assert translated("Options", "es") == "Opciones"
