"""Topics on which the broker closes the connection.

Some brokers (AWS IoT) answer a message that they do not allow by closing the connection. Sent again on each
connection, it would keep everything else from getting through. So after a connection that broke, messages go
one at a time for a while; where the connection breaks again and again with one topic on the way, on which
nothing was taken before, no more is sent on it. Pure, times from outside; safe from any thread.
"""

from __future__ import annotations

from typing import Final

from emoedge.publish.retry import ConnectionEnd

MAX_STRIKES: Final = 3
"""Connections in a row that must break with the same topic on the way: one may be chance."""
CLOSED_S: Final = 3600.0
"""Seconds until a topic is tried again: rules of a broker change."""
CAREFUL_S: Final = 10.0
"""Seconds for which messages go one at a time on a connection after one that broke."""


class Suspects:
    """Counts broken connections by topic; outlives the connections."""

    def __init__(self) -> None:
        self.careful = False
        """Whether messages go one at a time on the next connection."""
        self._suspect = ""
        self._strikes = 0
        self._closed: dict[str, float] = {}

    def connection_ended(self, end: ConnectionEnd, now_s: float) -> bool:
        """Take the end of a connection; return whether it was broken by one topic, as far as one can see."""
        if end.failure != "lost":
            return False
        was_careful, self.careful = self.careful, True
        if not (was_careful and end.pending):
            return False
        if end.pending[0] in end.taken:
            # Taken a moment before: it is the network that breaks.
            self._strikes = 0
            return False
        suspect = group(end.pending[0])
        self._strikes = self._strikes + 1 if suspect == self._suspect else 1
        self._suspect = suspect
        if self._strikes >= MAX_STRIKES:
            self._closed[suspect] = now_s
            # The next time once is enough.
            self._strikes = MAX_STRIKES - 1
        return True

    def calm_down(self) -> None:
        """A connection lasted."""
        self.careful = False

    def is_closed(self, topic: str, now_s: float) -> bool:
        """Return whether nothing should be sent on this topic."""
        return now_s - self._closed.get(group(topic), float("-inf")) < CLOSED_S

    def closed(self, now_s: float) -> tuple[str, ...]:
        """Topics on which nothing is sent."""
        return tuple(topic for topic in list(self._closed) if self.is_closed(topic, now_s))


def group(topic: str) -> str:
    """The topic itself, or the prefix of all announcements to Home Assistant."""
    return topic.partition("/device/")[0] if topic.endswith("/config") else topic
