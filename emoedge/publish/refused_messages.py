"""Messages of the spool that the broker has refused: tried again a few times, and never in the way.

Pure, times from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from emoedge.backoff import Backoff
from emoedge.publish.spool_entry import Entry

ATTEMPTS: Final = 3
"""Attempts of a message of which the broker says that it is not allowed or not right."""
DOUBTFUL_ATTEMPTS: Final = 5
"""Attempts of one that it refuses for another reason (quota exceeded, unspecified), while it takes others."""
LAST_ATTEMPTS: Final = 20
"""Attempts of one when it takes no others either: the reason may be the broker, and pass."""
MAX_WAITING: Final = 50
"""Number of refused messages at which a broker refuses everything; then nothing is sent for a while."""

_ABOUT_THE_MESSAGE: Final = frozenset({0x87, 0x90, 0x99})
"""Not authorized, topic name invalid, payload format invalid."""
_HOPELESS: Final = frozenset({0x95, 0x9A, 0x9B})
"""Packet too large, retain not supported, QoS not supported."""
_BACKOFF: Final = Backoff(1.0, longest_s=60.0, jitter=0.0)


@dataclass(slots=True)
class _Refused:
    entry: Entry
    attempts: int
    due_s: float
    taken_before: int


class RefusedMessages:
    """Those that wait for another attempt."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Refused] = {}
        self._taken = 0

    def __contains__(self, seq: int) -> bool:
        return seq in self._waiting

    def taken(self, seq: int) -> None:
        """The broker has taken a message."""
        self._taken += 1
        self._waiting.pop(seq, None)

    def refuse(self, entry: Entry, code: int, now_s: float, *, was_sent: bool) -> bool:
        """Count an attempt; return whether it was the last one.

        Args:
            entry: the message.
            code: reason code of MQTT 5.
            now_s: time.
            was_sent: False where it was not even sent, for which another attempt is no use.
        """
        one = self._waiting.setdefault(entry.seq, _Refused(entry, 0, 0.0, self._taken))
        one.attempts += 1
        one.due_s = now_s + _BACKOFF.delay_s(one.attempts)
        if not was_sent or code in _HOPELESS:
            limit = 1
        elif code in _ABOUT_THE_MESSAGE:
            limit = ATTEMPTS
        else:
            limit = DOUBTFUL_ATTEMPTS if self._taken > one.taken_before else LAST_ATTEMPTS
        if one.attempts < limit:
            return False
        del self._waiting[entry.seq]
        return True

    def forget(self, is_meant: Callable[[bytes], bool]) -> None:
        """Drop those with such payloads."""
        self._waiting = {seq: one for seq, one in self._waiting.items() if not is_meant(one.entry.payload)}

    def due(self, now_s: float, may_go: Callable[[Entry], bool] = lambda _: True) -> Entry | None:
        """A message whose time has come, among those that may go."""
        ready = (one.entry for one in self._waiting.values() if now_s >= one.due_s)
        return next((entry for entry in ready if may_go(entry)), None)

    def sent(self, seq: int) -> None:
        """The message is on the way again."""
        if seq in self._waiting:
            self._waiting[seq].due_s = float("inf")

    def connection_lost(self) -> None:
        """Send unanswered messages again at once."""
        for one in self._waiting.values():
            one.due_s = float("-inf")

    def due_in_s(self, now_s: float, may_go: Callable[[Entry], bool] = lambda _: True) -> float:
        """Seconds until one of those that may go is due; infinite when none is."""
        due_s = (one.due_s for one in self._waiting.values() if may_go(one.entry))
        return max(0.0, min(due_s, default=float("inf")) - now_s)

    @property
    def is_full(self) -> bool:
        """Whether the broker seems to refuse everything."""
        return len(self._waiting) >= MAX_WAITING
