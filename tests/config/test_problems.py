"""Faults are told in our words, each with its place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.config.section import Section

from .test_load import refusal


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[camera]\nwidht = 3\n", 2, ("camera.widht", "unknown key", "width")),
        ("\n\n[camrea]\n", 3, ("camrea", "unknown key", "camera")),
        ("[mqtt]\nhost = 'a'\nport = 70000\n", 3, ("mqtt.port", "65535", "got 70000")),
        ("[mqtt]\nport = 'x'\n", 2, ("mqtt.port", "a whole number from 1 to 65535")),
        ("mqtt.port = 0\n", 1, ("mqtt.port", "a whole number from 1 to 65535; got 0")),
        ("[ mqtt ]\n'port' = 0\n", 2, ("mqtt.port",)),
        ("[mqtt]\nport = true\n", 2, ("mqtt.port", "must not be true or false")),
        ("[publish]\n# often\ninterval = true\n", 3, ("publish.interval", "must not be true or false")),
        ("[mqtt]\nbase = 'a/+/b'\n", 2, ("mqtt.base", "without wildcards")),
        ("[mqtt]\nca_file = ''\n", 2, ("mqtt.ca_file", "must not be empty")),
        ("[paths]\nstate = 'a\\u0000b'\n".replace("'", '"'), 2, ("paths.state", "NUL")),
        ("device_id = 'a/b'\n", 1, ("device_id", "one topic level")),
        ("language = 'fr'\n", 1, ("language", '"es", "en"')),
        ("[fusion]\nmargin = nan\n", 2, ("fusion.margin",)),
        ("[fusion]\nface_weight = 1.1\n", 2, ("fusion.face_weight", "a number from 0 to 1; got 1.1")),
        ("[camera]\nfps = 1979-05-27\n", 2, ("camera.fps", "expected a number above 0")),
        ("camera = 3\n", 1, ("camera",)),
        ("[events]\nbegin_confidence = 0.1\nend_confidence = 0.9\n", 1, ("events", "flicker")),
    ],
)
def test_a_bad_value_is_named_with_file_line_and_key(
    tmp_path: Path, text: str, line: int, words: tuple[str, ...]
) -> None:
    message = refusal(tmp_path, text)
    assert message.startswith(f"{tmp_path / 'emoedge.toml'}:{line}: "), message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("camara = 3", "camara: unknown key; did you mean camera?"),
        ("[mqtt]\npasword = 'x'", "mqtt.pasword: unknown key; did you mean mqtt.password?"),
        ("[Mqtt]", "Mqtt: unknown key; did you mean mqtt?"),
        ("keep_days = 3", "keep_days: unknown key; did you mean recording.keep_days, history.keep_days?"),
        ("[recording]\nmode = 'event'", 'did you mean "events"?'),
        ("camera = 3", "camera: expected a section: [camera]"),
        ("[face]\nignore = 3", "face.ignore: expected a list such as [[0.6, 0.1, 0.3, 0.35]]"),
        ("[mqtt]\ntls = 'maybe'", "mqtt.tls: expected true or false"),
        ("[recording]\ndir = 4", "recording.dir: expected text in quotes"),
        ("[mqtt]\nclient_id = 'é" + "x" * 300 + "'", "expected text in quotes, at most 256 characters"),
        ("[mqtt]\nqqqq = 3", "unknown key; expected one of enabled, host"),
    ],
)
def test_faults_are_told_in_our_words(tmp_path: Path, text: str, fault: str) -> None:
    message = refusal(tmp_path, text + "\n")
    assert fault in message
    assert not re.search("[Ii]nput|pydantic|valid (integer|string|tuple|boolean)", message)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        (section, key)
        for section, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
        for key in field.annotation.model_fields
    ],
)
def test_no_fault_of_any_key_is_told_by_the_library(tmp_path: Path, section: str, key: str) -> None:
    message = refusal(tmp_path, f"[{section}]\n{key} = {{a = 1}}\n")
    assert not re.search("Input |valid (integer|string|tuple|boolean)", message)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    message = refusal(
        tmp_path, "[mqtt]\nport = 0\n[camera]\nfps = -1\n", {"EMOEDGE_VOICE__ENABLED": "perhaps"}
    )
    assert len(message.splitlines()) == 3
    assert "EMOEDGE_VOICE__ENABLED: voice.enabled:" in message


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("EMOEDGE_MQTT__PORT", "x", "mqtt.port"),
        ("EMOEDGE_MQTT__PORTT", "1", "unknown key"),
        ("EMOEDGE_MQTT__HOST__NAME", "x", "mqtt.host"),
        ("EMOEDGE_MQTT", "x", "mqtt"),
        ("EMOEDGE_SPEECH__MODLE", "x", "unknown key"),
        ("EMOEDGE_CAMERA__SOURCE", "\udc80", "camera.source"),
        ("EMOEDGE_MQTT__PORT", "1" * 5000, "mqtt.port"),
    ],
)
def test_a_bad_variable_is_named(tmp_path: Path, name: str, value: str, words: str) -> None:
    message = refusal(tmp_path, environ={name: value})
    assert message.startswith(f"{name}: "), message
    assert words in message
    assert len(message) < 400
