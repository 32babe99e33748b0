"""Days as people name them on the command line."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from emoedge.errors import ConfigError
from emoedge.translation import tr

_DAYS_AGO: Final = {"today": 0, "hoy": 0, "yesterday": 1, "ayer": 1}


def parse_day(text: str, today: date, name: str = "--day") -> date:
    """The day that a text names: `2026-11-22`, `today`, `yesterday`, `hoy` or `ayer`.

    Args:
        text: as it was typed; upper case and space around it do not matter.
        today: the present local date.
        name: the option, for the error.

    Raises:
        ConfigError: it is not a day.
    """
    word = text.strip().casefold()
    if word in _DAYS_AGO:
        return today - timedelta(days=_DAYS_AGO[word])
    try:
        # From Python 3.11 on, `fromisoformat` takes 20261122 and 2026-W47-7 too.
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", word):
            return date.fromisoformat(word)
    except ValueError:
        pass
    raise ConfigError(
        tr("{name}: {text!r} is not a day", name=name, text=text[:40]),
        tr("write it as 2026-11-22, today or yesterday"),
    )
