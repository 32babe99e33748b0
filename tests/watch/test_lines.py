"""One line a message, in both languages."""

from __future__ import annotations

import pytest

from emoedge.watch.lines import line_of
from emoedge.watch.words import word
from tests.publish.samples import builder, every_message

TIME = {"time": "2026-11-30T12:34:56.700Z"}


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_message_of_the_daemon_has_a_line_or_none(language):
    lines = {
        message.suffix: line_of(message.suffix, message.payload, language)
        for message in every_message(builder(transcript=True))
    }
    assert lines["face"] is None
    for suffix in ("emotion", "event", "voice", "text", "recording", "health"):
        line = lines[suffix]
        assert line is not None, suffix
        assert word(suffix, language) in line
        assert "\n" not in line


@pytest.mark.parametrize(
    ("suffix", "payload", "line"),
    [
        (
            "event",
            {"type": "end", "emotion": "anger", "recording": ""},
            "12:34:56.7  episodio   termina ENFADO",
        ),
        (
            "recording",
            {"type": "failed", "id": "a", "reason": "the disk is full"},
            "12:34:56.7  grabación  fallida: a (the disk is full)",
        ),
        ("recording", {"type": "finished", "path": "x.mp4"}, "12:34:56.7  grabación  terminada: x.mp4"),
        ("voice", {"emotion": None, "duration": 1.25}, "12:34:56.7  voz        1.2 s: sin opinión"),
        ("voice", {"duration": 1.25, "speaker": 3}, "12:34:56.7  voz        1.2 s: sin opinión (cara 3)"),
        ("text", {"duration": 1, "speaker": "unknown"}, "12:34:56.7  texto      1.0 s: sin opinión"),
        (
            "text",
            {"duration": 1, "speaker": "unseen"},
            "12:34:56.7  texto      1.0 s: sin opinión (fuera de la vista)",
        ),
        (
            "health",
            {"state": "degraded", "parts": {"camera": {"state": "failed", "reason": "unplugged"}}},
            "12:34:56.7  estado     cámara: con fallo (unplugged)",
        ),
        (
            "health",
            {"state": "ok", "parts": {"camera": {"state": "ok", "reason": ""}}},
            "12:34:56.7  estado     ok",
        ),
        ("emotion", {"emotion": None, "reason": "unsure"}, "12:34:56.7  emoción    — (sin seguridad)"),
    ],
)
def test_lines_of_what_people_watch_for(suffix, payload, line):
    assert line_of(suffix, TIME | payload) == line


def test_plain_values_are_shown_as_they_are():
    assert line_of("control/privacy", "ON") == "control/privacy ON"
    assert line_of("status", "offline") == "status     offline"
