"""Which messages come too late for lamps: sent well after they were true, or found on the disk at a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LATE_AFTER_S: Final = 10.0
"""Seconds from `time`, by the device's own running clock, after which a message is late."""
MAX_KNOWN: Final = 20_000
"""Messages whose times are remembered, twice what the spool holds by default; older ones are late anyway."""


class Lateness:
    """When each message becomes late, by its number in the outbox; times from outside.

    Args:
        after_s: seconds from the moment at which a message was true; infinite where none is ever late.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._late_at_s: dict[int, float] = {}

    def add(self, seq: int, now_s: float, age_s: float) -> None:
        """Remember a message that was true `age_s` seconds ago."""
        self._late_at_s[seq] = now_s - age_s + self._after_s
        if len(self._late_at_s) > MAX_KNOWN:
            del self._late_at_s[next(iter(self._late_at_s))]

    def remove(self, seq: int) -> None:
        """Forget a message."""
        self._late_at_s.pop(seq, None)

    def renumber(self, new: Mapping[int, int]) -> None:
        """Give messages other numbers: old -> new."""
        moved = {new[seq]: at_s for seq, at_s in self._late_at_s.items() if seq in new}
        self._late_at_s = {seq: at_s for seq, at_s in self._late_at_s.items() if seq not in new} | moved

    def is_late(self, seq: int, now_s: float) -> bool:
        """Return whether a message is late; one that is not known was found on the disk."""
        never = self._after_s == float("inf")
        return not never and now_s >= self._late_at_s.get(seq, float("-inf"))
