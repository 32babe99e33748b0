"""Characters that are not seen: found in settings, made visible on a terminal."""

from __future__ import annotations

import unicodedata
from typing import Final

_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})
"""Control, format, surrogate, private and unassigned characters, separators, and spaces except U+0020."""
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
"""Letters and marks without a shape (Unicode's Default_Ignorable_Code_Point), and the empty braille cell."""
_CONTROL_NAMES: Final = (
    "NULL",
    "BACKSPACE",
    "CHARACTER TABULATION",
    "LINE FEED",
    "CARRIAGE RETURN",
    "ESCAPE",
    "DELETE",
    "NEXT LINE",
)
"""Unicode's aliases: `unicodedata.name` knows none for a control character, `lookup` does."""


def is_hidden(character: str) -> bool:
    """Return whether a reader cannot see a character, or takes it for a plain space."""
    if character == " ":
        return False
    return (
        unicodedata.category(character) in _HIDDEN_CATEGORIES
        or character in _BLANK
        or "\ufe00" <= character <= "\ufe0f"  # variation selectors
        or "\U000e0100" <= character <= "\U000e01ef"
    )


def hidden_character(text: str) -> str:
    """Name, code and position (from 1) of the first character that is not seen; "" where there is none."""
    for position, character in enumerate(text, start=1):
        if is_hidden(character):
            return f"{_name(character)} (U+{ord(character):04X}) at position {position}"
    return ""


def has_control(text: str) -> bool:
    """Return whether a text holds a control or a format character."""
    return any(unicodedata.category(character) in ("Cc", "Cf") for character in text)


def visible(text: str) -> str:
    r"""Text for a terminal: control, format and surrogate characters become escapes, such as `\x1b`."""
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character
        for character in text
    )


def _name(character: str) -> str:
    for name in _CONTROL_NAMES:
        if unicodedata.lookup(name) == character:
            return name
    return unicodedata.name(character, "an invisible character")
