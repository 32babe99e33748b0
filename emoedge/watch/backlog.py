"""Messages that wait to be shown: bounded in bytes, the newest of each topic kept as long as it fits."""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import Final

MAX_BYTES: Final = 1_000_000
"""About 200 messages of a busy device; held as they came, because parsed ones take twenty times as much."""
OVERHEAD_BYTES: Final = 200
"""Bytes of a message besides its topic and payload."""


class MessageBacklog:
    """Queue between the connection's thread and the screen.

    Args:
        max_bytes: bound of topics, payloads and overhead. Beyond it, the oldest message goes that a newer one
            of its topic replaces; where there is none, the oldest.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._topics: Counter[str] = Counter()
        self._changed = threading.Condition()

    def put(self, topic: str, payload: bytes) -> None:
        """Add a message; never waits."""
        with self._changed:
            self._waiting.append((topic, payload))
            self._topics[topic] += 1
            self._bytes += _size(topic, payload)
            while self._bytes > self._max_bytes:
                self._remove(self._replaced())
            self._changed.notify()

    def take(self, timeout_s: float) -> tuple[str, bytes] | None:
        """The oldest message, or None when none came in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._waiting, timeout_s):
                return None
            return self._remove(0)

    def _replaced(self) -> int:
        if len(self._topics) == len(self._waiting):
            return 0
        return next(place for place, (topic, _) in enumerate(self._waiting) if self._topics[topic] > 1)

    def _remove(self, place: int) -> tuple[str, bytes]:
        topic, payload = self._waiting[place]
        del self._waiting[place]
        self._topics[topic] -= 1
        if not self._topics[topic]:
            del self._topics[topic]
        self._bytes -= _size(topic, payload)
        return topic, payload


def _size(topic: str, payload: bytes) -> int:
    return len(topic) + len(payload) + OVERHEAD_BYTES
