"""What a reader does not see."""

from __future__ import annotations

import pytest

from emoedge.characters import hidden_character, visible


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ""),
        ("año 2026 · ¿qué? 日本 e\u0301", ""),
        ("a\x08b", "BACKSPACE (U+0008) at position 2"),
        ("a\x01", "an invisible character (U+0001) at position 2"),
        ("\xa0", "NO-BREAK SPACE (U+00A0) at position 1"),
        ("a\u2009b", "THIN SPACE (U+2009) at position 2"),
        ("a\ufe0f", "VARIATION SELECTOR-16 (U+FE0F) at position 2"),
        ("\ue000", "an invisible character (U+E000) at position 1"),
        ("\udc80", "an invisible character (U+DC80) at position 1"),
    ],
)
def test_hidden_characters(text: str, found: str) -> None:
    assert hidden_character(text) == found


def test_visible() -> None:
    assert visible("año \x1b[31m\n\u202e\udc80") == "año \\x1b[31m\\n\\u202e\\udc80"
