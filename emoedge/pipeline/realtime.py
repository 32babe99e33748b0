"""Plays messages of a file at the pace of the clock on the wall."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from emoedge.publish.messages import Message


def keep_time(messages: Iterable[Message]) -> Iterator[Message]:
    """Hold each message back until its media time has passed since the first was asked for."""
    begun_s = time.monotonic()
    for message in messages:
        ahead_s = message.time_s - (time.monotonic() - begun_s)
        if ahead_s > 0:
            time.sleep(ahead_s)
        yield message
