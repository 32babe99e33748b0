"""Local time: the configured time zone, and calendar days and weeks in it.

A zone is a `ZoneInfo`, or None for the system's own. Days go from one local midnight to the next: 23, 24 or
25 hours. All moments are aware.
"""

from __future__ import annotations

import os
from datetime import date, datetime, time, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from emoedge.translation import tr

Zone = ZoneInfo | None
Span = tuple[datetime, datetime]
"""From and to, which is exclusive; both aware."""

_SYSTEM_ZONE: Final = Path("/etc/localtime")


@cache
def zone_of(name: str) -> Zone:
    """Return the zone of a name from the IANA database; None, the system's, for an empty one.

    Raises:
        ValueError: there is no such zone on this machine.
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(
            tr(
                "{name!r} is not a time zone of this machine; write it as in Europe/Madrid, "
                "or leave it empty",
                name=name,
            )
        ) from None


def zone_name(zone: Zone) -> str:
    """Name of a zone, of the system's too where it has one; else its present offset, such as UTC+01:00."""
    if zone is not None:
        return zone.key
    given = os.environ.get("TZ", "").lstrip(":") or str(_SYSTEM_ZONE.resolve()).partition("zoneinfo/")[2]
    try:
        return ZoneInfo(given).key
    except (OSError, ValueError, LookupError):
        return f"UTC{datetime.now().astimezone().isoformat()[-6:]}"


def midnight(day: date, zone: Zone) -> datetime:
    """The first moment of a local day, with its offset."""
    # Through UTC: a midnight that summer time leaves out becomes the first moment after it.
    return datetime.combine(day, time(), zone).astimezone(timezone.utc).astimezone(zone)


def day_span(day: date, zone: Zone) -> Span:
    """From the first moment of a local day to that of the next."""
    return midnight(day, zone), midnight(day + timedelta(days=1), zone)


def week_span(monday: date, zone: Zone) -> Span:
    """From the first moment of an ISO week to that of the next."""
    return midnight(monday, zone), midnight(monday + timedelta(days=7), zone)
