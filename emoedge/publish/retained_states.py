"""Retained topics: of each only the newest value matters, and one is on the way at a time.

Bookkeeping only, for one thread: `send` is what puts a message on the wire.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, Protocol

from emoedge.backoff import Backoff
from emoedge.publish.acknowledgements import TIMEOUT_S

REFUSED: Final = Backoff(1.0, longest_s=60.0, jitter=0.0)
"""Pauses between attempts of a topic that the broker refuses."""


class Send(Protocol):
    """Puts a retained message on the wire."""

    def __call__(self, topic: str, payload: bytes, /, *, qos: Literal[0, 1] = 1) -> int | None:
        """Return the token of the delivery, or None when nothing more can be sent now."""
        ...


class RetainedStates:
    """Values by topic, and which of them the broker does not have yet.

    Args:
        first: values that are there from the beginning.
    """

    def __init__(self, first: dict[str, bytes] | None = None) -> None:
        self._values: dict[str, bytes] = dict(first or {})
        # A dictionary as an ordered set: what changed first goes first.
        self._dirty: dict[str, None] = {}
        self._on_the_way: dict[int, tuple[str, float]] = {}
        self._unacknowledged: set[str] = set()
        self._refusals: dict[str, tuple[int, float]] = {}

    def update(self, topic: str, payload: bytes) -> None:
        """A new value; replaces one that waits."""
        self._values[topic] = payload
        self._dirty[topic] = None

    def empty(self, topics: Iterable[str]) -> None:
        """Have the broker forget the values of these topics, where they had any."""
        for topic in self._values.keys() & set(topics):
            self.update(topic, b"")

    def replace_all(self, values: dict[str, bytes]) -> None:
        """From now on there are these alone, and they are to be sent."""
        self._values = dict(values)
        self._dirty = dict.fromkeys(values)
        self._refusals.clear()

    def connection_lost(self) -> None:
        """Forget pending acknowledgements: none will arrive."""
        self._on_the_way.clear()
        self._unacknowledged.clear()
        self._refusals.clear()

    def send_afresh(self) -> None:
        """A new connection: the broker may have forgotten everything."""
        self._dirty = dict.fromkeys(self._values)

    def delivered(self, token: int) -> None:
        """The broker has one; a newer value of its topic may go."""
        topic, _ = self._on_the_way.pop(token, ("", 0.0))
        self._refusals.pop(topic, None)

    def refused(self, token: int, now_s: float, *, was_sent: bool) -> bool:
        """The broker does not take one: it is tried again after a pause, or waits for another value.

        Returns:
            Whether it is one of these.
        """
        topic, _ = self._on_the_way.pop(token, ("", 0.0))
        if topic and was_sent:
            count, _ = self._refusals.get(topic, (0, 0.0))
            self._refusals[topic] = (count + 1, now_s + REFUSED.delay_s(count + 1))
            self._dirty.setdefault(topic)
        return bool(topic)

    def due_in_s(self, now_s: float) -> float:
        """Seconds until there is something to do if nothing comes in."""
        moments = [sent_s + TIMEOUT_S for _, sent_s in self._on_the_way.values()]
        moments += [due_s for topic, (_, due_s) in self._refusals.items() if topic in self._dirty]
        return max(0.0, min(moments, default=float("inf")) - now_s)

    def send(self, send: Send, now_s: float) -> None:
        """Send what changed, except for topics of which one is on the way.

        Where an acknowledgement is overdue, the newest value goes all the same, without asking for one.
        """
        late = [one for one, (_, sent_s) in self._on_the_way.items() if now_s - sent_s >= TIMEOUT_S]
        self._unacknowledged.update(self._on_the_way.pop(one)[0] for one in late)
        busy = {topic for topic, _ in self._on_the_way.values()}
        busy |= {topic for topic, (_, due_s) in self._refusals.items() if now_s < due_s}
        for topic in [topic for topic in self._dirty if topic not in busy]:
            token = send(topic, self._values[topic], qos=0 if topic in self._unacknowledged else 1)
            if token is None:
                return
            self._on_the_way[token] = (topic, now_s)
            del self._dirty[topic]

    @property
    def waiting(self) -> bool:
        """Whether something is to be sent, or not acknowledged yet."""
        return bool(self._on_the_way or self._dirty.keys() - self._refusals.keys())

    @property
    def unacknowledged(self) -> bool:
        """Whether something is on the way."""
        return bool(self._on_the_way)
