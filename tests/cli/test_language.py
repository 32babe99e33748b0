"""The language of commands without a configuration file."""

from __future__ import annotations

import sys

import pytest

from emoedge.cli.language import chosen_language, locale_language
from emoedge.cli.options import settings_from


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "es_ES.UTF-8"}, "es"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "es_MX.UTF-8"}, "es"),
        ({"LC_ALL": "", "LC_MESSAGES": "en_US.UTF-8", "LANG": "es_ES.UTF-8"}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "es"),
        ({"LANG": "C.UTF-8"}, "es"),
        ({}, "es"),
    ],
)
def test_the_locale_decides_and_spanish_is_the_rest(environ, language):
    assert locale_language(environ) == language


@pytest.mark.parametrize(
    ("text", "environ", "is_terminal", "language"),
    [
        ('language = "en"', {"LANG": "es_ES.UTF-8"}, True, "en"),
        ('language = "es"', {"LANG": "en_GB.UTF-8"}, False, "es"),
        ('language = "es"', {"EMOEDGE_LANGUAGE": "en"}, True, "en"),
        ("", {"LANG": "en_GB.UTF-8"}, True, "es"),
        ("", {"LANG": "C"}, False, "en"),
        ("", {"LANG": "es_ES.UTF-8"}, False, "es"),
        ("language = [", {"LANG": "C"}, False, "en"),
        (None, {"LANG": "en_GB.UTF-8"}, True, "en"),
        (None, {"LANG": "fr_FR.UTF-8"}, True, "es"),
        (None, {}, False, "en"),
    ],
)
def test_the_language_of_commands(tmp_path, text, environ, is_terminal, language):
    path = tmp_path / "emoedge" / "emoedge.toml"
    path.parent.mkdir()
    if text is not None:
        path.write_text(text)
    environ = {"XDG_CONFIG_HOME": str(tmp_path), **environ}
    assert chosen_language([], environ, is_terminal=is_terminal) == language
    named = chosen_language(
        ["check", "--config", str(path)], {**environ, "HOME": "/"}, is_terminal=is_terminal
    )
    assert named == language


@pytest.fixture
def english_terminal(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    monkeypatch.delenv("EMOEDGE_LANGUAGE", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr("emoedge.config.used_file", lambda: None)
    return tmp_path


def test_a_terminal_without_a_file_follows_the_locale(english_terminal):
    assert settings_from(None).language == "en"


def test_a_file_or_the_environment_counts_more(english_terminal, monkeypatch):
    path = english_terminal / "emoedge.toml"
    path.write_text('language = "es"\n')
    assert settings_from(path).language == "es"
    monkeypatch.setenv("EMOEDGE_LANGUAGE", "es")
    assert settings_from(None).language == "es"


def test_what_is_read_by_a_program_does_not_follow_it(english_terminal, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert settings_from(None).language == "es"
