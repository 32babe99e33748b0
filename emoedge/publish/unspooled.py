"""Messages of the outbox that are in memory alone, in order, up to a bound. Pure, times from outside."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from emoedge.publish.spool_entry import Entry


@dataclass(slots=True)
class _Waiting:
    entry: Entry
    since_s: float
    sent: bool = False


class UnspooledMessages:
    """Oldest first; each has a number, which rises by one.

    Args:
        limit: beyond it the oldest are dropped and counted.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: OrderedDict[int, _Waiting] = OrderedDict()
        self.next_seq = 1
        """Number of the next message."""
        self.dropped = 0
        """Messages lost to the bound since the start."""

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Entry]:
        return (item.entry for item in self._waiting.values())

    def add(self, topic: str, payload: bytes, now_s: float) -> list[int]:
        """Take the newest message; return the numbers of those that were dropped for it."""
        self._waiting[self.next_seq] = _Waiting(Entry(self.next_seq, topic, payload), now_s)
        self.next_seq += 1
        dropped = []
        while len(self._waiting) > self._limit:
            dropped.append(self._waiting.popitem(last=False)[0])
        self.dropped += len(dropped)
        return dropped

    def remove(self, seq: int) -> bool:
        """Forget a message; return whether it was here."""
        return self._waiting.pop(seq, None) is not None

    def remove_where(self, is_meant: Callable[[bytes], bool]) -> list[int]:
        """Forget the messages with such payloads; return their numbers."""
        seqs = [entry.seq for entry in self if is_meant(entry.payload)]
        for seq in seqs:
            del self._waiting[seq]
        return seqs

    def first_unsent(self, may_go: Callable[[Entry], bool]) -> Entry | None:
        """Return the oldest message that has not been sent on this connection and may go."""
        unsent = (item.entry for item in self._waiting.values() if not item.sent)
        return next((entry for entry in unsent if may_go(entry)), None)

    def sent(self, seq: int) -> None:
        """Note that a message is on its way, if it is one of these."""
        if seq in self._waiting:
            self._waiting[seq].sent = True

    def connection_lost(self) -> None:
        """All have to be sent again."""
        for item in self._waiting.values():
            item.sent = False

    @property
    def oldest_since_s(self) -> float | None:
        """When the oldest came; None when there is none."""
        return next((item.since_s for item in self._waiting.values()), None)

    def until(self, up_to_s: float) -> list[Entry]:
        """Return the messages that came no later than `up_to_s`."""
        return [item.entry for item in self._waiting.values() if item.since_s <= up_to_s]

    def renumber(self, first: int) -> dict[int, int]:
        """Renumber the messages from `first` on; return the new numbers by the old ones."""
        items = list(self._waiting.values())
        self._waiting.clear()
        new = {item.entry.seq: seq for seq, item in enumerate(items, start=first)}
        for item in items:
            item.entry = replace(item.entry, seq=new[item.entry.seq])
            self._waiting[item.entry.seq] = item
        self.next_seq = first + len(items)
        return new
