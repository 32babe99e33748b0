"""At-least-once delivery queue: memory first, disk while the broker is away or slow, deleted on PUBACK.

A message goes out at once while the broker is connected, and is forgotten when the broker has acknowledged
it; a healthy broker answers long before ACK_GRACE_S, so a healthy device does not write to its disk at all.
It is committed to the spool as soon as the broker is away, or when the acknowledgement is late. What a kill
of the process can lose is therefore: while connected, what is younger than the window and has not reached
the broker; while away, what is younger than COMMIT_INTERVAL_S plus one commit. What was sent and not
acknowledged is sent again: at least once, in order.

Only when the disk cannot be read does what is in memory overtake it: live messages first. A disk that does
not answer is waited for only briefly; what it has done is taken note of when it answers.

Bookkeeping around a Spool: no threads, no sockets; the caller passes the time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

from emoedge.publish.disk_calls import RETRY_S, WAIT_S, DiskCall, DiskCalls, nothing
from emoedge.publish.drain_rate import DrainRate
from emoedge.publish.lateness import Lateness
from emoedge.publish.refused_messages import RefusedMessages
from emoedge.publish.spool import Spool
from emoedge.publish.spool_entry import Entry
from emoedge.publish.unspooled import UnspooledMessages
from emoedge.translation import tr

logger = logging.getLogger(__name__)

# Ten times the response time of a slow wireless network.
ACK_GRACE_S: Final = 1.0
# A local broker has answered by then, so nothing is written in normal operation.
LEAST_WINDOW_S: Final = 0.1
COMMITS_A_WINDOW: Final = 10
# At most ten synced commits a second: an SD card takes 10 to 50 ms for each.
COMMIT_INTERVAL_S: Final = 0.1
# Deleting is not urgent: messages that a kill leaves undeleted are sent twice, not lost.
DELETE_INTERVAL_S: Final = 0.5
# Of the session's 10; the states need some of them.
MAX_IN_FLIGHT: Final = 8
# Kept in memory while the disk fails: about a megabyte.
MAX_IN_MEMORY: Final = 1_000
_POLL_S: Final = 1.0
_Result = TypeVar("_Result")
_READ_AHEAD: Final = 50


class Outbox:
    """Ordered, bounded, at-least-once.

    Args:
        spool: the disk, or None to keep everything in memory.
        max_in_memory: bound of what is kept in memory; beyond it the oldest are dropped and counted.
        run: runs a call of the disk, here and now by default, or in another thread.
        window_s: longest time in memory alone of a message that is not acknowledged, while connected.
        least_window_s: the same on a disk that is fast enough.
        late_after_s: see Lateness.
    """

    def __init__(
        self,
        spool: Spool | None,
        max_in_memory: int = MAX_IN_MEMORY,
        run: Callable[[DiskCall[Any]], None] = DiskCall.run,
        *,
        window_s: float = ACK_GRACE_S,
        least_window_s: float = ACK_GRACE_S,
        late_after_s: float = float("inf"),
    ) -> None:
        self.lateness = Lateness(late_after_s)
        self._longest_window_s = window_s
        self._least_window_s = min(window_s, least_window_s)
        self._disk = DiskCalls(run)
        self.commits = 0
        self._is_held: Callable[[str], bool] | None = None
        self._exempt: set[int] = set()
        self._spool = spool
        self._unspooled = UnspooledMessages(max_in_memory)
        self._in_flight: dict[int, Entry] = {}
        self._refused = RefusedMessages()
        self.refused = 0  # set aside since the start
        self.last_refused = ""  # topic and reason code of the last one
        # The disk as last seen: rows, the highest number on it, and how far it has been read.
        self._taken_over = spool is None
        self._rows = 0
        self._rows_up_to = 0
        self._read_up_to = 0
        self._read_ahead: list[Entry] = []
        self._delivered: set[int] = set()
        self._dropped_on_disk = 0
        self._drain_rate = DrainRate()
        self._to_forget: list[Callable[[bytes], bool]] = []
        self._commit_s = float("-inf")
        self._delete_s = float("-inf")

    @property
    def disk_error(self) -> str:
        """Fault of the disk; empty while it can be used."""
        return self._disk.error

    @property
    def window_s(self) -> float:
        """Age at which a message that is not acknowledged is written, while connected."""
        return min(self._longest_window_s, max(self._least_window_s, COMMITS_A_WINDOW * self._disk.took_s))

    @property
    def in_memory(self) -> int:
        """Messages that are only in memory."""
        return len(self._unspooled)

    @property
    def on_disk(self) -> int:
        """Undelivered messages in the spool."""
        return max(0, self._rows - len(self._delivered))

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet acknowledged."""
        return len(self._in_flight)

    @property
    def dropped(self) -> int:
        """Messages lost to a bound: on disk since the spool was begun, in memory since the start."""
        return (
            self._dropped_on_disk
            + self._unspooled.dropped
            + (0 if self._spool is None else self._spool.lost)
            + self.refused
        )

    @property
    def damaged(self) -> int:
        """Messages lost to damage on the disk since the start."""
        return 0 if self._spool is None else self._spool.lost

    @property
    def set_aside(self) -> int:
        """Damaged spool files put aside since the start."""
        return 0 if self._spool is None else self._spool.set_aside

    def open(self, now_s: float) -> None:
        """Take over what an earlier process left on disk, and see how fast that is."""
        self._try_disk(now_s, lambda spool: spool.probe(), nothing)

    @property
    def sendable_in_memory(self) -> int:
        """Messages that are only in memory, without those that are held."""
        return sum(self._may_go(entry) for entry in self._unspooled)

    def hold(self, is_held: Callable[[str], bool]) -> None:
        """Keep messages on these topics back, also those on disk; they wait until `release`."""
        self._is_held = is_held
        self._read_ahead = [entry for entry in self._read_ahead if self._may_go(entry)]

    def release(self) -> None:
        """Let go what was held, in the order in which it came."""
        self._is_held = None
        self._exempt.clear()
        self._read_ahead.clear()
        self._read_up_to = 0

    def add(
        self, topic: str, payload: bytes, now_s: float, *, exempt: bool = False, age_s: float = 0.0
    ) -> None:
        """Take one message, true `age_s` seconds ago; it is the newest. One that is exempt is not held."""
        if exempt:
            self._exempt.add(self._unspooled.next_seq)
        self.lateness.add(self._unspooled.next_seq, now_s, age_s)
        for seq in self._unspooled.add(topic, payload, now_s):
            self.lateness.remove(seq)

    def forget(self, is_meant: Callable[[bytes], bool], now_s: float) -> None:
        """Drop the messages with such payloads that are not on their way, on the disk as soon as it can."""
        for seq in self._unspooled.remove_where(is_meant):
            self.lateness.remove(seq)
        self._read_ahead = [entry for entry in self._read_ahead if not is_meant(entry.payload)]
        self._refused.forget(is_meant)
        if self._spool is not None:
            self._to_forget.append(is_meant)
            self._forget_on_disk(now_s)

    def _forget_on_disk(self, now_s: float) -> None:
        """Have the spool forget what is to be forgotten, once what was begun before is done."""
        if not (self._to_forget and self._is_ready(now_s)):
            return
        asked = tuple(self._to_forget)

        def work(spool: Spool) -> tuple[int, int]:
            spool.forget(lambda payload: any(is_meant(payload) for is_meant in asked))
            return _figures(spool)

        def follow(figures: tuple[int, int]) -> None:
            del self._to_forget[: len(asked)]
            self._note(figures)

        self._try_disk(now_s, work, follow)

    def next_entry(self, now_s: float) -> Entry | None:
        """Return the oldest message not yet sent on this connection, if it may go now."""
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            return None
        refused = self._refused.due(now_s, self._may_go)
        if refused is not None:
            return refused
        if self._refused.is_full:
            return None
        read_up_to = -1
        # A page may contain no message that may be sent; after a failed read the position does not change.
        while not self._read_ahead and read_up_to < self._read_up_to < self._rows_up_to:
            read_up_to = self._read_up_to
            self._read(now_s)
        if self._disk.is_waiting and not self.disk_error:
            is_read = self._taken_over and self._read_up_to >= self._rows_up_to
            if not (is_read or self._read_ahead):
                return None  # it may be slow: the messages on it are older
        if self._read_ahead:
            return self._read_ahead[0] if self._drain_rate.may_send(now_s) else None
        return self._unspooled.first_unsent(
            lambda entry: entry.seq not in self._refused and self._may_go(entry)
        )

    def sent(self, entry: Entry, token: int) -> None:
        """The entry from next_entry() went out; `token` will come back with its acknowledgement."""
        self._in_flight[token] = entry
        self._refused.sent(entry.seq)
        if self._read_ahead and self._read_ahead[0].seq == entry.seq:
            self._read_ahead.pop(0)
            self._drain_rate.sent()
        else:
            self._unspooled.sent(entry.seq)

    def delivered(self, token: int) -> None:
        """The broker has it; a token of something else does no harm."""
        entry = self._in_flight.pop(token, None)
        if entry is None:
            return
        self._refused.taken(entry.seq)
        self.lateness.remove(entry.seq)
        self._forget(entry.seq)

    def refuse(self, token: int, code: int, now_s: float, *, was_sent: bool) -> None:
        """The broker does not take it: it is tried again, or set aside, and holds up nothing."""
        entry = self._in_flight.pop(token, None)
        if entry is None or not self._refused.refuse(entry, code, now_s, was_sent=was_sent):
            return
        self.refused += 1
        self.last_refused = tr("{topic!r}, reason code 0x{code:02X}", topic=entry.topic[:64], code=code)
        logger.error("the broker does not accept a message on %s; it was set aside", self.last_refused)
        self._forget(entry.seq)
        self._try_disk(now_s, lambda spool: spool.keep_bad([entry]), nothing)

    def _forget(self, seq: int) -> None:
        if not self._unspooled.remove(seq):
            self._delivered.add(seq)

    def connection_lost(self) -> None:
        """Send all unacknowledged messages again, in order."""
        self._in_flight.clear()
        self._refused.connection_lost()
        self._read_ahead.clear()
        self._read_up_to = 0
        self._unspooled.connection_lost()

    def persist(self, now_s: float, *, connected: bool) -> None:
        """Commit what has to be on disk by now; delete from it what was delivered."""
        if not self._disk.settle(now_s):
            return
        self._forget_on_disk(now_s)
        if self.disk_error and not (self._unspooled or self._delivered):
            # Nothing has to be written, but it must be checked whether the fault is over.
            self._try_disk(now_s, lambda spool: spool.probe(), nothing)
        if self._delivered and now_s - self._delete_s >= DELETE_INTERVAL_S:
            self._delete_s = now_s
            self._delete(now_s)
        if now_s - self._commit_s < COMMIT_INTERVAL_S:
            return
        oldest_s = self._unspooled.oldest_since_s
        if oldest_s is not None and (not connected or now_s - oldest_s >= self.window_s):
            self._commit_s = now_s
            up_to_s = now_s - self.window_s if connected else now_s
            self._commit(now_s, up_to_s)

    def wake_in_s(self, now_s: float, *, connected: bool) -> float:
        """Return the seconds until something is due if nothing arrives: at most RETRY_S."""
        moments = [now_s + RETRY_S]
        retry_s = now_s + _POLL_S if self._disk.is_waiting else self._disk.retry_s
        if self._delivered:
            moments.append(max(self._delete_s + DELETE_INTERVAL_S, retry_s))
        oldest_s = self._unspooled.oldest_since_s
        if oldest_s is not None and self._spool is not None:
            due_s = oldest_s + self.window_s if connected else now_s
            moments.append(max(due_s, self._commit_s + COMMIT_INTERVAL_S, retry_s))
        if connected and self._read_ahead and len(self._in_flight) < MAX_IN_FLIGHT:
            moments.append(now_s + self._drain_rate.due_in_s)
        if connected and len(self._in_flight) < MAX_IN_FLIGHT:
            moments.append(now_s + self._refused.due_in_s(now_s, self._may_go))
        return min(RETRY_S, max(0.0, min(moments) - now_s))

    def close(self, now_s: float, patience_s: float = WAIT_S) -> None:
        """Spool undelivered messages and close the file; wait for the disk at most `patience_s` each time."""
        self._disk.hurry(now_s, patience_s)
        self._commit_s = self._delete_s = float("-inf")
        self.persist(now_s, connected=False)
        if self._spool is not None and self._disk.settle(now_s):
            self._disk.begin(now_s, self._spool.close, nothing)

    def _is_ready(self, now_s: float) -> bool:
        """Return whether the disk can be asked now; takes over what it holds before anything else."""
        spool = self._spool
        if spool is None or not self._disk.is_ready(now_s):
            return False
        if not self._taken_over:
            self._disk.begin(now_s, lambda: (spool.last_seq(), _figures(spool)), self._take_over)
        return self._taken_over and self._disk.is_ready(now_s)

    def _try_disk(
        self, now_s: float, work: Callable[[Spool], _Result], follow: Callable[[_Result], None]
    ) -> None:
        """Have the disk do something, if it can be asked now; `follow` takes the result, now or later."""
        spool = self._spool
        if spool is not None and self._is_ready(now_s):
            self._disk.begin(now_s, lambda: work(spool), follow)

    def _take_over(self, found: tuple[int, tuple[int, int]]) -> None:
        last_seq, figures = found
        self._note(figures)
        self._rows_up_to = last_seq
        self._taken_over = True
        if last_seq >= self._unspooled.next_seq or self._unspooled:
            # The disk became available late: the messages in memory are newer than all messages on it.
            self.connection_lost()
            self.lateness.renumber(self._unspooled.renumber(last_seq + 1))

    def _read(self, now_s: float) -> None:
        start = self._read_up_to

        def follow(entries: list[Entry]) -> None:
            if self._read_up_to != start:
                return  # it is read from another place since then
            self._read_up_to = entries[-1].seq if entries else self._rows_up_to
            known = self._delivered.union(entry.seq for entry in self._in_flight.values())
            self._read_ahead = [
                entry
                for entry in entries
                if entry.seq not in known and entry.seq not in self._refused and self._may_go(entry)
            ]

        self._try_disk(now_s, lambda spool: spool.after(start, _READ_AHEAD), follow)

    def _may_go(self, entry: Entry) -> bool:
        return self._is_held is None or entry.seq in self._exempt or not self._is_held(entry.topic)

    def _commit(self, now_s: float, up_to_s: float) -> None:
        # Taking over assigns new numbers to the waiting messages.
        ready = self._is_ready(now_s)
        entries = self._unspooled.until(up_to_s)
        if not (ready and entries):
            return

        def work(spool: Spool) -> tuple[int, int]:
            spool.append(entries)
            return _figures(spool)

        def follow(figures: tuple[int, int]) -> None:
            self.commits += 1
            for entry in entries:
                self._forget(entry.seq)  # from memory, or from the disk where it was delivered meanwhile
            self._rows_up_to = entries[-1].seq
            self._note(figures)

        self._try_disk(now_s, work, follow)

    def _delete(self, now_s: float) -> None:
        seqs = frozenset(self._delivered)

        def work(spool: Spool) -> tuple[int, int]:
            spool.delete(seqs)
            return _figures(spool)

        def follow(figures: tuple[int, int]) -> None:
            self._delivered -= seqs
            self._note(figures)

        self._try_disk(now_s, work, follow)

    def _note(self, figures: tuple[int, int]) -> None:
        self._rows, self._dropped_on_disk = figures


def _figures(spool: Spool) -> tuple[int, int]:
    """Return the number of messages on the disk, and of those lost to its bound."""
    return spool.depth(), spool.dropped()
