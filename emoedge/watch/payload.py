"""Payloads as they may be shown: the fields of the interface with their types, and no escape sequences.

Anyone who may publish at the broker can send anything. What has the wrong type counts as absent.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from emoedge.characters import visible
from emoedge.emotions import EMOTIONS

MAX_CHARACTERS: Final = 1000
"""Longest text of a field; an utterance of 30 s has about 500."""
MAX_ENTRIES: Final = 32
"""Most faces, and most parts of health."""

Reader = Callable[[Any], Any]


def text(value: Any) -> str:
    """Text with control characters as escapes; "" for another type."""
    return visible(value[:MAX_CHARACTERS])[:MAX_CHARACTERS] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _length(value: Any) -> float:
    return _number(value) or 0.0


def _emotion(value: Any) -> str | None:
    return value if isinstance(value, str) and value in EMOTIONS else None


def _identifier(value: Any) -> str:
    return str(value) if isinstance(value, int) and abs(value) < 10**9 else text(value)


def _flag(value: Any) -> bool:
    return value is True


def _probabilities(value: Any) -> dict[str, float]:
    found = value if isinstance(value, dict) else {}
    return {emotion: _length(found.get(emotion)) for emotion in EMOTIONS} if found else {}


def _fields(**readers: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        found = value if isinstance(value, dict) else {}
        return {name: reader(found.get(name)) for name, reader in readers.items()}

    return read


def _optional(reader: Reader) -> Reader:
    return lambda value: reader(value) if isinstance(value, dict) else None


def _list_of(reader: Reader) -> Reader:
    return lambda value: [reader(item) for item in value[:MAX_ENTRIES]] if isinstance(value, list) else []


def _mapping_of(reader: Reader) -> Reader:
    def read(value: Any) -> dict[str, Any]:
        items = list(value.items())[:MAX_ENTRIES] if isinstance(value, dict) else []
        return {text(name): reader(item) for name, item in items}

    return read


_OPINION: Final = _fields(age_ms=_number, emotion=_emotion, probabilities=_probabilities)
_UTTERANCE: Final = _fields(
    time=text,
    emotion=_emotion,
    probabilities=_probabilities,
    transcript=text,
    duration=_length,
    speaker=_identifier,
)
_READERS: Final[Mapping[str, Reader]] = {
    "emotion": _fields(
        time=text,
        emotion=_emotion,
        reason=text,
        certain=_flag,
        confidence=_length,
        decided_by=text,
        since=text,
        candidates=_list_of(text),
        probabilities=_probabilities,
        modalities=_fields(face=_optional(_OPINION), voice=_optional(_OPINION), text=_optional(_OPINION)),
    ),
    "event": _fields(time=text, type=text, emotion=_emotion, recording=text),
    "face": _fields(
        time=text,
        faces=_list_of(_fields(id=_identifier, emotion=_emotion, quality=_length, primary=_flag)),
    ),
    "voice": _UTTERANCE,
    "text": _UTTERANCE,
    "recording": _fields(time=text, type=text, path=text, id=text, reason=text, reason_text=text),
    "snapshot": _fields(time=text, path=text, id=text),
    "health": _fields(
        time=text, state=text, parts=_mapping_of(_fields(state=text, reason=text, reason_text=text))
    ),
    "control/error": _fields(time=text, control=text, reason=text, reason_text=text),
}


def shown_payload(suffix: str, payload: Any) -> dict[str, Any] | str | None:
    """The payload of a topic as it may be shown, or None for a topic that is not.

    Args:
        suffix: topic below `<base>/<device>/`.
        payload: JSON object, or plain text.
    """
    if isinstance(payload, str):
        return text(payload)
    reader = _READERS.get(suffix)
    return reader(payload) if reader and isinstance(payload, dict) else None
