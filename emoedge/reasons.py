"""Reasons for which no emotion is named: their texts, and whether each means that a person is there."""

from __future__ import annotations

from typing import Final

from emoedge.emotions import Emotion, Language, display_name

NO_OPINION: Final[dict[Language, str]] = {"es": "sin opinión", "en": "no opinion"}
NOBODY: Final[dict[Language, str]] = {"es": "nadie", "en": "nobody"}
PRIVATE: Final[dict[Language, str]] = {"es": "privado", "en": "private"}

_INSTEAD: Final[dict[str, dict[Language, str] | None]] = {
    "nobody": NOBODY,
    "privacy": PRIVATE,
    "offline": None,
}
"""Words by reason; every other reason is an absence of opinion."""
_ABSENT: Final = frozenset({"nobody", "still"})


def label(emotion: Emotion | None, reason: str, language: Language) -> str | None:
    """The emotion in words, or the words for the reason why there is none; None while the device is off."""
    if emotion is not None:
        return display_name(emotion, language)
    words = _INSTEAD.get(reason, NO_OPINION)
    return None if words is None else words[language]


def labels(language: Language, emotions: tuple[Emotion, ...]) -> tuple[str, ...]:
    """Every value of `label` for these emotions."""
    instead = (NO_OPINION, NOBODY, PRIVATE)
    return *(display_name(emotion, language) for emotion in emotions), *(one[language] for one in instead)


def is_present(reason: str) -> bool:
    """Return whether somebody is there, by the reason in front of a working camera."""
    return reason not in _ABSENT
