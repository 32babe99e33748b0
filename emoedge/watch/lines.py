"""Readable lines for messages, for `emoedge demo` and for `emoedge watch` without a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from emoedge.characters import visible
from emoedge.emotions import EMOTIONS, Language, display_name, percent
from emoedge.watch.payload import shown_payload

Payload = Mapping[str, Any]

_WORDS: Final[dict[Language, dict[str, str]]] = {
    "es": {
        "emotion": "emoción",
        "event": "episodio",
        "begin": "empieza",
        "end": "termina",
        "voice": "voz",
        "text": "texto",
        "face": "cara",
        "nobody": "no hay nadie",
        "no_opinion": "sin opinión",
        "unsure": "sin seguridad",
        "still": "sin opinión (una foto)",
        "recording": "grabación",
        "started": "empezada",
        "finished": "terminada",
        "deleted": "borrada",
        "failed": "fallida",
        "by": "por",
        "health": "estado",
        "fusion": "fusión",
        "faces": "caras",
        "quality": "calidad",
        "said": "dijo",
        "last": "últimos avisos",
        "record": "grabar",
        "privacy": "privacidad",
        "quit": "salir",
        "online": "en línea",
        "offline": "fuera de línea",
        "waiting": "esperando mensajes",
        "refused": "rechazado",
        "until": "hasta",
        "unseen": "fuera de la vista",
    },
    "en": {
        "emotion": "emotion",
        "event": "episode",
        "begin": "begins",
        "end": "ends",
        "voice": "voice",
        "text": "text",
        "face": "face",
        "nobody": "nobody there",
        "no_opinion": "no opinion",
        "unsure": "not sure",
        "still": "no opinion (a photograph)",
        "recording": "recording",
        "started": "started",
        "finished": "finished",
        "deleted": "deleted",
        "failed": "failed",
        "by": "by",
        "health": "health",
        "fusion": "fusion",
        "faces": "faces",
        "quality": "quality",
        "said": "said",
        "last": "last events",
        "record": "record",
        "privacy": "privacy",
        "quit": "quit",
        "online": "online",
        "offline": "offline",
        "waiting": "waiting for messages",
        "refused": "refused",
        "until": "until",
        "unseen": "out of view",
    },
}


def word(key: str, language: Language) -> str:
    """A word of the interface in a language; the key itself where there is none."""
    return _WORDS[language].get(key, key)


def line_of(suffix: str, payload: Payload | str, language: Language = "es") -> str | None:
    """A line for a message, or None for one that is not worth a line (faces come too often)."""
    shown = shown_payload(suffix, payload)
    if isinstance(shown, str):
        return f"{visible(suffix):10} {shown}"
    maker = _MAKERS.get(suffix)
    text = maker(shown, language) if maker and shown else None
    return None if text is None else f"{clock_of(shown or {})}  {word(suffix, language):10} {text}"


def clock_of(payload: Payload) -> str:
    """Hours, minutes, seconds and tenths of a payload's time (UTC)."""
    return str(payload.get("time", ""))[11:21]


def _emotion(payload: Payload, language: Language) -> str:
    emotion = payload.get("emotion")
    if emotion not in EMOTIONS:
        return f"— ({word(str(payload.get('reason', '')), language)})"
    parts = [
        f"{word(name, language)} {display_name(part['emotion'], language)}"
        for name, part in (payload.get("modalities") or {}).items()
        if part
    ]
    by = payload.get("decided_by")
    decided = f", {word('by', language)} {word(by, language)}" if by else ""
    return (
        f"{display_name(emotion, language)} {percent(payload.get('confidence') or 0.0)} "
        f"({', '.join(parts)}{decided})"
    )


def _utc(stamp: str) -> str:
    """RFC 3339 as Python 3.10 reads it."""
    return stamp.replace("Z", "+00:00")


def disagreement(payload: Payload, language: Language) -> str | None:
    """Why words that came while an emotion was named, and say another, did not decide; None elsewhere."""
    emotion, text = payload.get("emotion"), (payload.get("modalities") or {}).get("text")
    if (
        emotion not in EMOTIONS
        or not text
        or text["emotion"] == emotion
        or payload.get("decided_by") == "text"
    ):
        return None
    try:
        named_for = datetime.fromisoformat(_utc(payload["time"])) - datetime.fromisoformat(
            _utc(payload["since"])
        )
    except ValueError:
        return None
    if (text.get("age_ms") or 0) / 1000 > named_for.total_seconds():
        return None
    doubt = len(payload.get("candidates") or ()) > 1
    said, named = display_name(text["emotion"], language), display_name(emotion, language)
    if language == "es":
        why = "y no dan nada a lo que está en duda" if doubt else "y no hay duda que deshacer"
        return f"(las palabras dicen {said}, {why}: se queda {named})"
    why = "and give nothing to what is in doubt" if doubt else "and there is no doubt to settle"
    return f"(the words say {said}, {why}: it stays {named})"


def _event(payload: Payload, language: Language) -> str:
    recording = payload.get("recording")
    more = f" -> {recording}" if recording else ""
    name = display_name(payload.get("emotion"), language).upper()
    return f"{word(str(payload.get('type')), language)} {name}{more}"


def _opinion(payload: Payload, language: Language) -> str:
    emotion = payload.get("emotion")
    if emotion not in EMOTIONS:
        judged = word("no_opinion", language)
    else:
        judged = f"{display_name(emotion, language)} {percent(payload['probabilities'].get(emotion, 0.0))}"
    transcript = payload.get("transcript")
    said = f' "{transcript}"' if transcript else ""
    return f"{payload.get('duration', 0):.1f} s: {judged}{said}{_whose(payload.get('speaker'), language)}"


def _whose(speaker: object, language: Language) -> str:
    """Whose voice it was, after the line; nothing where it is unknown."""
    if speaker == "unseen":
        return f" ({word('unseen', language)})"
    named = isinstance(speaker, str) and speaker.isdigit()
    return f" ({word('face', language)} {speaker})" if named else ""


def _recording(payload: Payload, language: Language) -> str:
    where = payload.get("path") or payload.get("id")
    reason = f" ({payload['reason']})" if payload.get("reason") else ""
    return f"{word(str(payload.get('type')), language)}: {where}{reason}"


def _health(payload: Payload, _language: Language) -> str:
    faults = [
        f"{name}: {part['state']} ({part['reason']})"
        for name, part in (payload.get("parts") or {}).items()
        if part.get("state") in ("degraded", "failed")
    ]
    return "; ".join(faults) or str(payload.get("state"))


_MAKERS: Final = {
    "emotion": _emotion,
    "event": _event,
    "voice": _opinion,
    "text": _opinion,
    "recording": _recording,
    "health": _health,
}
