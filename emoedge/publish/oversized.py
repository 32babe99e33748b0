"""Topics on which messages arrive that are much too large: who sends them is seen, and shut out for a while.

A retained message comes again with each subscription. So a topic whose message was too large to be waited for
is left out of the subscriptions, and tried again after a pause.
"""

from __future__ import annotations

import threading
from typing import Final

from emoedge.backoff import Backoff
from emoedge.publish.packet_reader import ABANDONED_BYTES

FIRST_PAUSE_S: Final = 600.0
LONGEST_PAUSE_S: Final = 86_400.0
MAX_TOPICS: Final = 20
"""Topics that are remembered; there are fewer controls."""

_PAUSE: Final = Backoff(FIRST_PAUSE_S, longest_s=LONGEST_PAUSE_S, jitter=0.0)


class OversizedTopics:
    """Outlives the connections; any thread, times from outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left_out: dict[str, tuple[int, float]] = {}
        self.count = 0
        """Messages that were too large."""
        self.last = ""
        """Topic of the last one."""

    def take(self, topic: str, size: int, now_s: float) -> bool:
        """Count a message; return whether it is too large to be waited for, and its topic left out."""
        with self._lock:
            self.count += 1
            self.last = topic
            if size <= ABANDONED_BYTES:
                return False
            times, _ = self._left_out.pop(topic, (0, 0.0))
            self._left_out[topic] = (times + 1, now_s + _PAUSE.delay_s(times + 1))
            while len(self._left_out) > MAX_TOPICS:
                del self._left_out[next(iter(self._left_out))]
            return True

    def left_out(self, now_s: float) -> tuple[str, ...]:
        """Topics not to be subscribed to."""
        with self._lock:
            return tuple(topic for topic, (_, until_s) in self._left_out.items() if now_s < until_s)

    def due_in_s(self, now_s: float) -> float:
        """Seconds until a topic that is left out may be tried again; infinite without one."""
        with self._lock:
            waits = [until_s - now_s for _, until_s in self._left_out.values() if until_s > now_s]
        return min(waits, default=float("inf"))
