"""Plays the outcomes of a file in real time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from emoedge.outcomes import Outcome


def keep_time(outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Hold each outcome back until its media time has passed since the first was asked for."""
    begun_s = time.monotonic()
    for outcome in outcomes:
        ahead_s = outcome.time_s - (time.monotonic() - begun_s)
        if ahead_s > 0:
            time.sleep(ahead_s)
        yield outcome
