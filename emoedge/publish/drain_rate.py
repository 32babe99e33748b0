"""Rate at which messages queued on disk are sent. Pure, times from outside."""

from __future__ import annotations

from typing import Final

# Draining 10,000 messages takes 200 s, which neither a Pi nor a broker on one notices.
DRAIN_PER_S: Final = 50.0
_LARGEST_ALLOWANCE: Final = 2.0
"""Little is saved up: bursts would be a flood again."""


class DrainRate:
    """An allowance of messages that grows with time."""

    def __init__(self) -> None:
        self._allowance = 1.0
        self._seen_s = float("-inf")

    def may_send(self, now_s: float) -> bool:
        """Return whether one may go now."""
        earned = (now_s - self._seen_s) * DRAIN_PER_S
        self._allowance = min(_LARGEST_ALLOWANCE, self._allowance + max(0.0, earned))
        self._seen_s = now_s
        return self._allowance >= 1

    def sent(self) -> None:
        """One went out."""
        self._allowance -= 1

    @property
    def due_in_s(self) -> float:
        """Seconds until one may go, as last seen."""
        return max(0.0, 1 - self._allowance) / DRAIN_PER_S
