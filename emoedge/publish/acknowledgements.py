"""Messages of QoS 1 that the broker has not acknowledged yet: which, since when, and what no answer means.

A broker that takes messages and never acknowledges them looks well from outside, while nothing is known to
be delivered. And of a connection that breaks, the first message without an answer is the one that the broker
may not have liked.
"""

from __future__ import annotations

import threading
from typing import Final

from emoedge.backoff import Backoff
from emoedge.publish.retry import Sent

TIMEOUT_S: Final = 10.0
"""A good broker needs milliseconds, one far away a second."""
PATIENCE_S: Final = 30.0
"""Without an answer for this long, a fresh connection is tried."""
MAX_TAKEN: Final = 1_000
"""Answered messages that are remembered; only the first seconds of a connection matter."""
LONGEST_PATIENCE_S: Final = 3600.0
"""Between fresh connections that do not help: what still goes out must not be interrupted all the time."""

_PATIENCE: Final = Backoff(PATIENCE_S, longest_s=LONGEST_PATIENCE_S, jitter=0.0)


class Acknowledgements:
    """Outlives the connections; any thread, times from outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[Sent, float]] = {}
        self._failures = 0
        self._taken: set[Sent] = set()

    def connect(self) -> None:
        """Begin with a new connection; answers of the old one never come."""
        with self._lock:
            self._waiting.clear()
            self._taken.clear()

    def add(self, number: int, topic: str, now_s: float, digest: int = 0) -> None:
        """Count a message as sent; `digest` is that of its payload."""
        with self._lock:
            self._waiting[number] = (Sent(topic, digest), now_s)

    def remove(self, number: int) -> str:
        """Count a message as answered; return its topic."""
        with self._lock:
            sent, _ = self._waiting.pop(number, (Sent("", 0), 0.0))
            if sent.topic and len(self._taken) < MAX_TAKEN:
                self._taken.add(sent)
            if not self._waiting:
                self._failures = 0
            return sent.topic

    @property
    def taken(self) -> frozenset[Sent]:
        """Messages that were answered on this connection."""
        with self._lock:
            return frozenset(self._taken)

    @property
    def pending(self) -> tuple[Sent, ...]:
        """Messages without an answer, the oldest first."""
        with self._lock:
            return tuple(sent for sent, _ in self._waiting.values())

    def missing(self, now_s: float) -> tuple[str, ...]:
        """Topics of the messages whose answer is overdue."""
        with self._lock:
            late = (sent.topic for sent, sent_s in self._waiting.values() if now_s - sent_s >= TIMEOUT_S)
            return tuple(dict.fromkeys(late))

    def due_in_s(self, now_s: float) -> float:
        """Seconds until a fresh connection may be necessary."""
        with self._lock:
            oldest_s = min((sent_s for _, sent_s in self._waiting.values()), default=now_s)
        return max(0.0, oldest_s + self._patience_s - now_s)

    def needs_connection(self, now_s: float) -> bool:
        """Return whether it is time to try a fresh connection, and count it."""
        with self._lock:
            oldest_s = min((sent_s for _, sent_s in self._waiting.values()), default=now_s)
            if now_s - oldest_s < self._patience_s:
                return False
            self._failures += 1
            return True

    @property
    def _patience_s(self) -> float:
        return _PATIENCE.delay_s(self._failures + 1)
