"""Retained topics: of each only the newest value matters, and one is on the way at a time.

Bookkeeping only, for one thread: `send` is what puts a message on the wire.
"""

from __future__ import annotations

from collections.abc import Callable

Send = Callable[[str, bytes], int | None]
"""Topic and payload to the token of the delivery, or None when nothing more can be sent now."""


class RetainedStates:
    """Values by topic, and which of them the broker does not have yet.

    Args:
        first: values that are there from the beginning.
    """

    def __init__(self, first: dict[str, bytes] | None = None) -> None:
        self._values: dict[str, bytes] = dict(first or {})
        # A dictionary as an ordered set: what changed first goes first.
        self._dirty: dict[str, None] = {}
        self._on_the_way: dict[int, str] = {}

    def update(self, topic: str, payload: bytes) -> None:
        """A new value; replaces one that waits."""
        self._values[topic] = payload
        self._dirty[topic] = None

    def replace(self, values: dict[str, bytes]) -> None:
        """From now on there are these alone, and they are to be sent."""
        self._values = dict(values)
        self._dirty = dict.fromkeys(values)

    def connection_lost(self) -> None:
        """No acknowledgement will come any more."""
        self._on_the_way.clear()

    def send_afresh(self) -> None:
        """A new connection: the broker may have forgotten everything."""
        self._dirty = dict.fromkeys(self._values)

    def delivered(self, token: int) -> None:
        """The broker has one; a newer value of its topic may go."""
        self._on_the_way.pop(token, None)

    def send(self, send: Send) -> None:
        """Send what changed, but for topics of which one is on the way."""
        busy = set(self._on_the_way.values())
        for topic in [topic for topic in self._dirty if topic not in busy]:
            token = send(topic, self._values[topic])
            if token is None:
                return
            self._on_the_way[token] = topic
            del self._dirty[topic]

    @property
    def waiting(self) -> bool:
        """Whether something is to be sent, or not acknowledged yet."""
        return bool(self._dirty or self._on_the_way)

    @property
    def unacknowledged(self) -> bool:
        """Whether something is on the way."""
        return bool(self._on_the_way)
