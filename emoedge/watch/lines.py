"""Readable lines for messages, for `emoedge demo` and for `emoedge watch` without a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from emoedge.characters import visible
from emoedge.clock import parse_rfc3339
from emoedge.emotions import EMOTIONS, Emotion, Language, display_name, percent
from emoedge.watch.payload import shown_payload
from emoedge.watch.words import word

Payload = Mapping[str, Any]


def line_of(suffix: str, payload: Payload | str, language: Language = "es") -> str | None:
    """A line for a message, or None for one that is not worth a line (faces come too often)."""
    shown = shown_payload(suffix, payload)
    if isinstance(shown, str):
        return f"{visible(suffix):10} {shown}"
    maker = _MAKERS.get(suffix)
    text = maker(shown, language) if maker and shown else None
    return None if text is None else f"{clock_of(shown or {})}  {word(suffix, language):10} {text}"


def clock_of(payload: Payload) -> str:
    """Local hours, minutes, seconds and tenths of a payload's time; empty where it has none."""
    moment = parse_rfc3339(payload.get("time"))
    if moment is None:
        return ""
    try:
        return moment.astimezone().isoformat(timespec="milliseconds")[11:21]
    except (OverflowError, OSError, ValueError):  # years of which the system knows no local time
        return ""


def in_doubt(payload: Payload) -> list[Emotion]:
    """Return the other candidates beside the named emotion; empty if it is certain.

    The fused leader is among them where another emotion is still named, which is held for a moment.
    """
    emotion, candidates = payload.get("emotion"), payload.get("candidates") or ()
    found: list[Emotion] = []
    if not payload.get("certain"):
        found = [one for one in EMOTIONS if one in candidates and one != emotion]
    probabilities = payload.get("probabilities") or {}
    leader = max(probabilities, key=lambda one: probabilities[one], default=None)
    chosen_by_text = payload.get("decided_by") == "text"
    if leader is not None and leader != emotion and leader not in found and not chosen_by_text:
        found.insert(0, leader)
    return found


def _emotion(payload: Payload, language: Language) -> str:
    emotion = payload.get("emotion")
    if emotion not in EMOTIONS:
        return f"— ({word(str(payload.get('reason', '')), language)})"
    parts = [
        f"{word(name, language)} {display_name(part['emotion'], language)}"
        for name, part in (payload.get("modalities") or {}).items()
        if part
    ]
    others = in_doubt(payload)
    doubt = (
        f"? {word('or', language)} {', '.join(display_name(one, language) for one in others)}"
        if others
        else ""
    )
    by = payload.get("decided_by")
    decided = f", {word('by', language)} {word(by, language)}" if by else ""
    return (
        f"{display_name(emotion, language)} {percent(payload.get('confidence') or 0.0)}{doubt} "
        f"({', '.join(parts)}{decided})"
    )


def _utc(stamp: str) -> str:
    """RFC 3339 as Python 3.10 reads it."""
    return stamp.replace("Z", "+00:00")


def disagreement(payload: Payload, language: Language) -> str | None:
    """Return why words that contradict the named emotion did not decide; None in other cases."""
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
    candidates = payload.get("candidates") or ()
    doubt = len(candidates) > 1
    shares = text.get("probabilities") or {}
    settles = doubt and max(shares.get(one, 0.0) for one in candidates) >= 1 / len(EMOTIONS)
    said, named = display_name(text["emotion"], language), display_name(emotion, language)
    spanish = language == "es"
    why, until = "", ""
    if settles:
        until = " hasta que el cambio dure" if spanish else " until the change lasts"
    elif doubt:
        why = ", y no dan nada a lo que está en duda" if spanish else ", and give nothing to what is in doubt"
    else:
        why = ", y no hay duda que deshacer" if spanish else ", and there is no doubt to settle"
    if spanish:
        return f"(las palabras dicen {said}{why}: se queda {named}{until})"
    return f"(the words say {said}{why}: it stays {named}{until})"


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
    reason = f" ({reason_of(payload, language)})" if payload.get("reason") else ""
    return f"{word(str(payload.get('type')), language)}: {where}{reason}"


def _snapshot(payload: Payload, _language: Language) -> str:
    return str(payload.get("path") or payload.get("id"))


def reason_of(part: Payload, language: Language) -> str:
    """Return the fault of a part of `health`, in the device's language if it has one."""
    return str(part.get("reason") if language == "en" else part.get("reason_text") or part.get("reason"))


def _health(payload: Payload, language: Language) -> str:
    faults = [
        f"{word(name, language)}: {word('is_' + part['state'], language)} ({reason_of(part, language)})"
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
    "snapshot": _snapshot,
    "health": _health,
}
