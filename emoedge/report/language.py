"""Numbers, durations and times as people write them in a language. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from emoedge.emotions import Language
from emoedge.report.texts import TEXTS

MONTHS: Final[dict[Language, tuple[str, ...]]] = {
    "es": (
        *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
        *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
SECONDS_SHOWN_S: Final = 600
"""Seconds from which a duration is given in minutes."""
WEEKDAYS: Final[dict[Language, tuple[str, ...]]] = {
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}


def decimal(value: float, digits: int, language: Language) -> str:
    """A number with the language's decimal sign."""
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language == "es" else text


def duration_label(seconds: float, language: Language) -> str:
    """Return a duration such as "4.2 s", "3 min 5 s", "35 min" or "2 h 40 min"."""
    # The unit is chosen by what is shown: 59.97 s are a minute.
    if round(seconds, 1) < 60:
        return f"{decimal(seconds, 1, language)} s"
    whole = round(seconds)
    if whole < SECONDS_SHOWN_S:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def date_label(moment: datetime, language: Language) -> str:
    """Return a date such as "22 de noviembre de 2026" or "22 November 2026"."""
    month = MONTHS[language][moment.month - 1]
    link = " de " if language == "es" else " "
    return f"{moment.day}{link}{month}{link}{moment.year}"


def enumeration(parts: Sequence[str], language: Language) -> str:
    """Return a list in words, such as "one, two and three"."""
    if len(parts) < 2:
        return "".join(parts)
    link = TEXTS[language]["and"]
    if language == "es" and parts[-1].lower().startswith(("i", "hi")):
        link = "e"
    return f"{', '.join(parts[:-1])} {link} {parts[-1]}"


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."
