"""Messages and topics on which the broker closes the connection.

Some brokers (AWS IoT) answer a message that they do not allow by closing the connection. Sent again on each
connection, it would keep everything else from getting through. So after a connection that broke, messages go
one at a time for a while. Where the connection breaks again and again with the same message on the way, it is
not sent any more; where messages of one topic do that, nothing is sent on the topic. Pure, times from
outside; safe from any thread.
"""

from __future__ import annotations

import zlib
from typing import Final

from emoedge.publish.retry import ConnectionEnd, Sent

MAX_STRIKES: Final = 3
"""Connections in a row that must break with the same topic on the way: one may be chance."""
MAX_MESSAGES: Final = 2
"""Messages of one topic, each of which did that, after which it is the topic."""
CLOSED_S: Final = 3600.0
"""Seconds until a message or a topic is tried again: rules of a broker change."""
CAREFUL_S: Final = 10.0
"""Seconds for which messages go one at a time on a connection after one that broke."""


class Suspects:
    """Counts broken connections by what was on the way; outlives the connections."""

    def __init__(self) -> None:
        self.careful = False
        """Whether messages go one at a time on the next connection."""
        self._strikes: list[Sent] = []
        self._messages: dict[Sent, float] = {}
        self._topics: dict[str, float] = {}

    def connection_ended(self, end: ConnectionEnd, now_s: float) -> bool:
        """Take the end of a connection; return whether one message broke it, as far as one can see."""
        if end.failure != "lost":
            return False
        was_careful, self.careful = self.careful, True
        if not (was_careful and end.pending):
            return False
        suspect = end.pending[0]
        if any(one.topic == suspect.topic for one in end.taken):
            # Others were accepted a moment before, so the cause is the network or this message.
            self._strikes = [one for one in self._strikes if one == suspect]
            if not self._strikes:
                return False
        if any(group(one.topic) != group(suspect.topic) for one in self._strikes):
            self._strikes = []
        self._strikes.append(suspect)
        if len(self._strikes) >= MAX_STRIKES:
            self._close(suspect, now_s)
        return True

    def _close(self, suspect: Sent, now_s: float) -> None:
        topic = group(suspect.topic)
        if suspect in self._messages or topic in self._topics or len(set(self._strikes)) > 1:
            self._topics[topic] = now_s
        else:
            self._messages[suspect] = now_s
            same = [one for one in self._messages if group(one.topic) == topic and one.digest]
            if len(same) >= MAX_MESSAGES:
                self._topics[topic] = now_s
        # The next time once is enough.
        self._strikes = self._strikes[-(MAX_STRIKES - 1) :] if topic in self._topics else []

    def calm_down(self) -> None:
        """A connection lasted."""
        self.careful = False

    def is_closed(self, topic: str, now_s: float, payload: bytes | None = None) -> bool:
        """Return whether something should not be sent; without a payload, a subscription."""
        sent = Sent(topic, 0 if payload is None else digest(payload))
        closed_s = max(self._topics.get(group(topic), float("-inf")), self._messages.get(sent, float("-inf")))
        return now_s - closed_s < CLOSED_S

    def closed(self, now_s: float) -> tuple[str, ...]:
        """Topics on which something is not sent."""
        topics = [*self._topics.items(), *((one.topic, at_s) for one, at_s in [*self._messages.items()])]
        return tuple(dict.fromkeys(group(topic) for topic, at_s in topics if now_s - at_s < CLOSED_S))


def digest(payload: bytes) -> int:
    """A number that tells payloads apart; not 0."""
    return zlib.crc32(payload) or 1


def group(topic: str) -> str:
    """The topic itself, or the prefix of all announcements to Home Assistant."""
    return topic.partition("/device/")[0] if topic.endswith("/config") else topic
