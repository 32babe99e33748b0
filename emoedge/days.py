"""Days, weeks and times as people write them on the command line."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Final

from emoedge.errors import ConfigError
from emoedge.local_time import Zone, midnight
from emoedge.translation import tr

_WEEK: Final = re.compile(r"([0-9]{4})-W([0-9]{2})")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998
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
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", word) and int(word[:4]) <= _LAST_YEAR:
            return date.fromisoformat(word)
    except ValueError:
        pass
    raise ConfigError(
        tr("{name}: {text!r} is not a day", name=name, text=text[:40]),
        tr("write it as 2026-11-22, today or yesterday"),
    )


def parse_week(text: str, name: str = "--week") -> date:
    """The Monday of an ISO week written as `2026-W48`.

    Args:
        text: as it was typed.
        name: the option, for the error.

    Raises:
        ConfigError: it is not a week of that year.
    """
    found = _WEEK.fullmatch(text.strip().upper())
    try:
        if found is not None and _FIRST_YEAR <= int(found[1]) <= _LAST_YEAR:
            return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        pass
    raise ConfigError(
        tr("{name}: {text!r} is not a week", name=name, text=text[:40]),
        tr("write it as 2026-W48"),
    )


def parse_time(text: str, zone: Zone, now: datetime, name: str) -> datetime:
    """A moment: RFC 3339, local `2026-11-22T09:30`, or the beginning of a day, see `parse_day`.

    Args:
        text: as it was typed.
        zone: of a time without an offset.
        now: the present, aware.
        name: the option, for the error.

    Raises:
        ConfigError: it is not a time.
    """
    word = text.strip()
    found = _TIME.fullmatch(word.upper())
    try:
        if found is None:
            return midnight(parse_day(word, now.astimezone(zone).date(), name), zone)
        # `fromisoformat` takes Z from Python 3.11 on only.
        moment = datetime.fromisoformat(found[0].replace("Z", "+00:00"))
        if _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
            return local.astimezone(timezone.utc).astimezone(zone)
    except (ValueError, OverflowError, ConfigError):
        pass
    raise ConfigError(
        tr("{name}: {text!r} is not a time", name=name, text=text[:40]),
        tr("write a time such as 2026-11-22 or 2026-11-22T09:30, with or without an offset"),
    )
