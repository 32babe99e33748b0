"""Proof that commands arrive: messages of our own on a control topic, which the broker has to return.

A connection can stand, take messages and answer pings while nothing is delivered to us any more: the broker
did not accept the subscription, an access list forbids reading, its window for us is used up. Only a message
that came all the way says that a command would come too.
"""

from __future__ import annotations

import secrets
from typing import Final

ECHO_CONTROL: Final = "echo"
"""Its name among the controls: `control/echo/set` needs no subscription and no right that commands do not
need."""
INTERVAL_S: Final = 10.0
"""Between an answer and the next question."""
RETRY_S: Final = 3.0
"""Between questions without an answer; a broker of several machines may not know the subscription at once."""
TIMEOUT_S: Final = 10.0
"""Without an answer for this long, commands do not arrive: a good broker needs milliseconds, one far away a
second."""
FIRST_PATIENCE_S: Final = 60.0
LONGEST_PATIENCE_S: Final = 3600.0
"""Between fresh connections that do not help: what still goes out must not be interrupted all the time."""


class Echo:
    """When to ask, and what no answer means; outlives the connections. Pure, times from outside.

    `receive` may be called from another thread than the rest.

    Args:
        topic: `<base>/<device_id>/control/echo/set`.
    """

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.round_trip_ms: float | None = None
        """Round-trip time of the last echo."""
        self.failures = 0
        """Connections that were given up because none came back."""
        # Another process with the same topic must not answer for us.
        self._prefix = f"{secrets.token_hex(8)} ".encode()
        self._count = 0
        self._asked_s: float | None = None
        self._silent_since_s: float | None = None
        self._ask_at_s = 0.0
        self._silent_connections = 0

    def connect(self, now_s: float) -> None:
        """Begin with a new connection."""
        self._ask_at_s = now_s
        self._asked_s = self._silent_since_s = None

    def disconnect(self) -> None:
        """A connection was given up because nothing came back on it."""
        self.failures += 1
        self._silent_connections += 1

    def due_in_s(self, now_s: float) -> float:
        """Seconds until there is something to do or to see."""
        since_s = self._silent_since_s
        if since_s is None:
            return max(0.0, self._ask_at_s - now_s)
        patience_s = self._patience_s if now_s - since_s >= TIMEOUT_S else TIMEOUT_S
        return max(0.0, min(self._ask_at_s, since_s + patience_s) - now_s)

    def payload_if_due(self, now_s: float) -> bytes | None:
        """Return what to publish now, if anything."""
        if now_s < self._ask_at_s:
            return None
        if self._silent_since_s is None:
            self._silent_since_s = now_s
        self._ask_at_s = now_s + RETRY_S
        self._asked_s = now_s
        self._count += 1
        return self._prefix + str(self._count).encode()

    def receive(self, payload: bytes, now_s: float) -> bool:
        """Take a message on the topic; return whether it is one of ours."""
        if not payload.startswith(self._prefix):
            return False
        if payload == self._prefix + str(self._count).encode() and self._asked_s is not None:
            self.round_trip_ms = 1e3 * (now_s - self._asked_s)
        self._silent_connections = 0
        self._silent_since_s = None
        self._ask_at_s = now_s + INTERVAL_S
        return True

    def is_missing(self, now_s: float) -> bool:
        """Return whether commands do not arrive, as far as one can see."""
        since_s = self._silent_since_s
        return self._silent_connections > 0 or (since_s is not None and now_s - since_s >= TIMEOUT_S)

    def needs_connection(self, now_s: float) -> bool:
        """Return whether it is time to try a fresh connection."""
        since_s = self._silent_since_s
        return since_s is not None and now_s - since_s >= self._patience_s

    @property
    def _patience_s(self) -> float:
        if self._silent_connections == 0:
            return TIMEOUT_S
        return min(FIRST_PATIENCE_S * 2.0 ** (min(self._silent_connections, 16) - 1), LONGEST_PATIENCE_S)
