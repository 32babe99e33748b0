"""The bookkeeping: order, rationing, at least once, and a disk that fails."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoedge.publish.disk_calls import RETRY_S as DISK_RETRY_S
from emoedge.publish.drain_rate import DRAIN_PER_S
from emoedge.publish.outbox import (
    ACK_GRACE_S,
    COMMIT_INTERVAL_S,
    MAX_IN_FLIGHT,
    Outbox,
)
from emoedge.publish.spool import Spool, SpoolError
from emoedge.publish.spool_entry import Entry


class FakeDisk:
    """A Spool in memory that can be broken; `rows` outlives the outbox as a file does."""

    def __init__(self, max_messages: int = 1000) -> None:
        self.max_messages = max_messages
        self.rows: dict[int, Entry] = {}
        self.lost = 0
        self.set_aside = 0
        self.broken = False
        self.bad: list[Entry] = []

    def _check(self) -> None:
        if self.broken:
            raise SpoolError("disk full")

    def append(self, entries):
        self._check()
        assert not self.rows or entries[0].seq > max(self.rows)
        self.rows |= {entry.seq: entry for entry in entries}
        while len(self.rows) > self.max_messages:
            del self.rows[min(self.rows)]
            self.lost += 1

    def delete(self, seqs):
        self._check()
        for seq in seqs:
            self.rows.pop(seq, None)

    def forget(self, is_meant):
        self._check()
        self.rows = {seq: entry for seq, entry in self.rows.items() if not is_meant(entry.payload)}

    def after(self, seq, limit):
        self._check()
        return [self.rows[key] for key in sorted(self.rows) if key > seq][:limit]

    def depth(self):
        self._check()
        return len(self.rows)

    def last_seq(self):
        self._check()
        return max(self.rows, default=0)

    def dropped(self):
        self._check()
        return self.lost

    def keep_bad(self, entries):
        self._check()
        self.bad += entries
        self.delete([entry.seq for entry in entries])

    def probe(self):
        self._check()

    def close(self):
        pass


class Wire:
    """Sends what the outbox lets go, and acknowledges on demand."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.pending: list[int] = []
        self._token = 0

    def send_all(self, outbox: Outbox, now_s: float, limit: int = 10_000) -> int:
        count = 0
        while count < limit and (entry := outbox.next_entry(now_s)) is not None:
            self._token += 1
            outbox.sent(entry, self._token)
            self.arrived.append(entry.payload)
            self.pending.append(self._token)
            count += 1
        return count

    def acknowledge(self, outbox: Outbox, count: int | None = None) -> None:
        for token in self.pending[:count]:
            outbox.delivered(token)
        del self.pending[:count]


def filled(count: int, disk=None, now_s: float = 0.0) -> Outbox:
    outbox = Outbox(disk)
    outbox.open(now_s)
    for number in range(count):
        outbox.add("t", b"%d" % number, now_s)
    return outbox


def test_a_healthy_broker_means_no_write_at_all():
    disk = FakeDisk()
    outbox, wire = filled(0, disk), Wire()
    for step in range(200):
        now_s = step * 0.1
        outbox.add("t", b"%d" % step, now_s)
        wire.send_all(outbox, now_s)
        wire.acknowledge(outbox)
        outbox.persist(now_s, connected=True)
    assert outbox.commits == 0
    assert wire.arrived == [b"%d" % number for number in range(200)]


def test_late_acknowledgement_goes_to_disk_and_is_not_sent_twice():
    disk = FakeDisk()
    outbox, wire = filled(3, disk), Wire()
    wire.send_all(outbox, 0.0)
    outbox.persist(ACK_GRACE_S - 0.01, connected=True)
    assert disk.rows == {}
    outbox.persist(ACK_GRACE_S, connected=True)
    assert list(disk.rows) == [1, 2, 3]
    assert wire.send_all(outbox, 2.0) == 0
    wire.acknowledge(outbox)
    outbox.persist(3.0, connected=True)
    assert disk.rows == {}
    assert (outbox.on_disk, outbox.in_memory) == (0, 0)


def test_away_commits_at_once_and_in_groups():
    disk = FakeDisk()
    outbox = filled(1, disk)
    outbox.persist(0.0, connected=False)
    assert len(disk.rows) == 1
    for step in range(1, 100):
        outbox.add("t", b"x", step / 100)
        outbox.persist(step / 100, connected=False)
    assert outbox.commits <= 1 + 1 / COMMIT_INTERVAL_S
    assert len(disk.rows) >= 90
    assert outbox.wake_in_s(0.99, connected=False) <= COMMIT_INTERVAL_S


def test_unacknowledged_are_sent_again_in_order():
    disk = FakeDisk()
    outbox, wire = filled(5, disk), Wire()
    wire.send_all(outbox, 0.0)
    wire.acknowledge(outbox, 2)
    outbox.connection_lost()
    wire.pending.clear()
    outbox.persist(0.0, connected=False)
    outbox.add("t", b"5", 0.1)
    again = Wire()
    for step in range(200):
        again.send_all(outbox, 1.0 + step * 0.02)
        again.acknowledge(outbox)
    assert again.arrived == [b"2", b"3", b"4", b"5"]


def test_drain_is_rationed_and_bounded_in_flight():
    disk = FakeDisk()
    outbox = filled(200, disk)
    outbox.persist(0.0, connected=False)
    outbox.connection_lost()
    wire = Wire()
    wire.send_all(outbox, 0.0)
    for step in range(1, 101):
        wire.send_all(outbox, step / 100)
        wire.acknowledge(outbox)
    assert DRAIN_PER_S * 0.9 <= len(wire.arrived) <= DRAIN_PER_S + 2
    stuck = Wire()
    for step in range(101, 400):
        stuck.send_all(outbox, step / 100)
    assert len(stuck.arrived) == MAX_IN_FLIGHT


def test_failing_disk_is_said_bounded_and_recovers():
    disk = FakeDisk()
    outbox = Outbox(disk, max_in_memory=10)
    outbox.open(0.0)
    disk.broken = True
    for number in range(15):
        outbox.add("t", b"%d" % number, 0.0)
        outbox.persist(number / 2, connected=False)
    assert "disk full" in outbox.disk_error
    assert (outbox.in_memory, outbox.dropped) == (10, 5)
    disk.broken = False
    outbox.persist(DISK_RETRY_S / 2, connected=False)
    assert outbox.disk_error
    outbox.persist(DISK_RETRY_S * 3, connected=False)
    assert (outbox.disk_error, outbox.in_memory, outbox.on_disk) == ("", 0, 10)
    assert [entry.payload for entry in disk.after(0, 99)] == [b"%d" % number for number in range(5, 15)]


def test_a_disk_that_recovers_when_nothing_waits_any_more_is_noticed():
    disk = FakeDisk()
    outbox, wire = filled(2, disk), Wire()
    disk.broken = True
    outbox.persist(0.0, connected=False)
    assert outbox.disk_error
    # The broker returns before the disk does and gets everything from memory.
    wire.send_all(outbox, 1.0)
    wire.acknowledge(outbox)
    assert outbox.in_memory == 0
    outbox.persist(DISK_RETRY_S * 2, connected=True)
    assert outbox.disk_error, "still broken"
    disk.broken = False
    outbox.persist(DISK_RETRY_S * 2.5, connected=True)
    assert outbox.disk_error, "tried again in due time only"
    outbox.persist(DISK_RETRY_S * 3, connected=True)
    assert outbox.disk_error == ""


def test_disk_that_fails_at_the_start_and_holds_older_messages():
    disk = FakeDisk()
    disk.append([Entry(7, "t", b"old")])
    disk.broken = True
    outbox = filled(2, disk)
    disk.broken = False
    outbox.persist(DISK_RETRY_S, connected=False)
    assert [entry.payload for entry in disk.after(0, 99)] == [b"old", b"0", b"1"]


def test_live_messages_overtake_a_disk_that_cannot_be_read():
    disk = FakeDisk()
    outbox, wire = filled(3, disk), Wire()
    outbox.persist(0.0, connected=False)
    outbox.connection_lost()
    disk.broken = True
    outbox.add("t", b"live", 1.0)
    wire.send_all(outbox, 1.0)
    assert wire.arrived == [b"live"]
    disk.broken = False
    for step in range(100):
        wire.send_all(outbox, 20 + step * 0.1)
        wire.acknowledge(outbox)
    assert wire.arrived == [b"live", b"0", b"1", b"2"]


def test_without_a_disk_memory_is_bounded():
    outbox = Outbox(None, max_in_memory=4)
    outbox.open(0.0)
    for number in range(6):
        outbox.add("t", b"%d" % number, 0.0)
    outbox.persist(0.0, connected=False)
    wire = Wire()
    wire.send_all(outbox, 0.0)
    assert wire.arrived == [b"2", b"3", b"4", b"5"]
    assert outbox.dropped == 2
    outbox.close(1.0)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 12)),
        st.tuples(st.just("send"), st.integers(1, 12)),
        st.tuples(st.just("acknowledge"), st.integers(1, 12)),
        st.tuples(st.just("persist"), st.booleans()),
        st.tuples(st.just("lose"), st.none()),
        st.tuples(st.just("restart"), st.none()),
        st.tuples(st.just("break"), st.booleans()),
        st.tuples(st.just("wait"), st.floats(0.001, 20)),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(ACTIONS)
def test_nothing_is_lost_whatever_happens(actions):
    """At least once, and the last delivery of each in order while the disk can be read; clean restarts."""
    disk = FakeDisk()
    outbox, wire = Outbox(disk), Wire()
    outbox.open(0.0)
    now_s, number, was_broken = 0.0, 0, False
    for action, argument in actions:
        if action == "add":
            for _ in range(argument):
                outbox.add("t", b"%d" % number, now_s)
                number += 1
        elif action == "send":
            wire.send_all(outbox, now_s, argument)
        elif action == "acknowledge":
            wire.acknowledge(outbox, argument)
        elif action == "persist":
            outbox.persist(now_s, connected=argument)
        elif action == "lose":
            outbox.connection_lost()
            wire.pending.clear()
        elif action == "restart":
            disk.broken = False
            outbox.close(now_s)
            wire.pending.clear()
            outbox = Outbox(disk)
            outbox.open(now_s)
        elif action == "break":
            disk.broken = argument
            was_broken |= argument
        else:
            now_s += argument
        assert 0 <= outbox.wake_in_s(now_s, connected=True) <= DISK_RETRY_S
    disk.broken = False
    for _ in range(number + 100):
        now_s += 1.0
        wire.send_all(outbox, now_s)
        wire.acknowledge(outbox)
        outbox.persist(now_s, connected=True)
    assert set(wire.arrived) == {b"%d" % n for n in range(number)}
    assert (outbox.in_memory, outbox.on_disk, outbox.dropped, disk.rows) == (0, 0, 0, {})
    if not was_broken:
        first = {payload: index for index, payload in reversed(list(enumerate(wire.arrived)))}
        order = [first[b"%d" % n] for n in range(number)]
        assert order == sorted(order)


def test_real_spool_behaves_like_the_fake(tmp_path):
    spool = Spool(tmp_path / "s", 1000)
    outbox, wire = filled(20, spool), Wire()
    outbox.persist(0.0, connected=False)
    outbox.close(0.1)
    outbox = Outbox(spool)
    outbox.open(1.0)
    outbox.add("t", b"20", 1.0)
    assert (outbox.on_disk, outbox.in_memory) == (20, 1)
    for step in range(100):
        wire.send_all(outbox, 2 + step * 0.05)
        wire.acknowledge(outbox)
        outbox.persist(2 + step * 0.05, connected=True)
    assert wire.arrived == [b"%d" % number for number in range(21)]
    assert (outbox.on_disk, outbox.in_memory) == (0, 0)
    outbox.close(10.0)
    assert pytest.approx(spool.depth()) == 0


def about_people(topic: str) -> bool:
    return topic == "event"


def test_what_is_held_waits_in_memory_and_on_disk_and_goes_in_order():
    """944 of 1,000 messages about people went out after privacy was switched on."""
    disk = FakeDisk()
    disk.rows = {seq: Entry(seq, "event", b"old%d" % seq) for seq in range(1, 121)}
    disk.rows[110] = Entry(110, "recording", b"file")
    outbox = Outbox(disk)
    outbox.open(0.0)
    first = outbox.next_entry(0.0)
    assert first is not None
    outbox.sent(first, 1)
    outbox.hold(about_people)
    outbox.add("event", b"end", 1.0, exempt=True)
    outbox.add("event", b"new", 1.0)
    gone = []
    for step in range(20):
        entry = outbox.next_entry(1.0 + step)
        if entry is not None:
            outbox.sent(entry, 100 + step)
            gone.append(entry.payload)
    assert gone == [b"file", b"end"]
    assert outbox.sendable_in_memory == 1, "sent, not acknowledged"
    outbox.persist(30.0, connected=True)
    assert outbox.next_entry(31.0) is None
    for token in (1, 100, 101):
        outbox.delivered(token)
    outbox.release()
    later = []
    now_s = 40.0
    while len(later) < 119:
        now_s += 1.0
        entry = outbox.next_entry(now_s)
        assert entry is not None
        outbox.sent(entry, 1000 + len(later))
        outbox.delivered(1000 + len(later))
        later.append(entry.payload)
    assert later == [b"old%d" % seq for seq in range(2, 121) if seq != 110] + [b"new"]
    assert outbox.next_entry(now_s + 1) is None


def test_the_window_is_smaller_where_the_disk_is_fast():
    outbox = Outbox(FakeDisk(), window_s=1.0, least_window_s=0.1)
    outbox.open(0.0)
    assert outbox.window_s == 0.1
    outbox._disk.took_s = 0.03
    assert outbox.window_s == pytest.approx(0.3)
    outbox._disk.took_s = 5.0
    assert outbox.window_s == 1.0
    assert Outbox(FakeDisk(), window_s=0.0, least_window_s=0.1).window_s == 0.0


@pytest.mark.parametrize("window_s", [0.0, 0.5, 10.0])
def test_what_is_not_acknowledged_is_written_after_the_window(window_s):
    disk = FakeDisk()
    outbox, wire = Outbox(disk, window_s=window_s, least_window_s=window_s), Wire()
    outbox.open(0.0)
    outbox.add("t", b"0", 0.0)
    wire.send_all(outbox, 0.0)
    assert outbox.wake_in_s(0.0, connected=True) == pytest.approx(window_s)
    if window_s:
        outbox.persist(window_s - 0.01, connected=True)
        assert disk.rows == {}
    outbox.persist(window_s, connected=True)
    assert len(disk.rows) == 1
    assert wire.send_all(outbox, window_s) == 0


def test_a_refused_message_that_is_held_wakes_nobody():
    """The worker went round without a pause."""
    outbox, wire = Outbox(FakeDisk()), Wire()
    outbox.open(0.0)
    outbox.add("event", b"0", 0.0)
    wire.send_all(outbox, 0.0)
    outbox.refuse(wire.pending.pop(), 0x97, 0.0, was_sent=True)
    outbox.hold(about_people)
    outbox.persist(5.0, connected=False)
    assert outbox.wake_in_s(5.0, connected=True) > 0
    assert outbox.next_entry(5.0) is None
    outbox.release()
    assert outbox.next_entry(5.0) is not None


def test_what_is_to_be_forgotten_goes_from_memory_and_disk():
    disk = FakeDisk()
    outbox = Outbox(disk)
    outbox.open(0.0)
    for number in range(4):
        outbox.add("t", b"old" if number % 2 else b"young", 0.0)
    outbox.persist(10.0, connected=False)
    assert len(disk.rows) == 4
    outbox.add("t", b"young", 10.0)
    outbox.add("t", b"old", 10.0)
    outbox.forget(lambda payload: payload == b"young", 10.0)
    assert [entry.payload for entry in disk.rows.values()] == [b"old", b"old"]
    outbox.persist(20.0, connected=False)
    assert [entry.payload for entry in disk.rows.values()] == [b"old"] * 3
    assert outbox.on_disk == 3


def test_a_disk_that_fails_forgets_as_soon_as_it_can():
    disk = FakeDisk()
    outbox = Outbox(disk)
    outbox.open(0.0)
    outbox.add("t", b"young", 0.0)
    outbox.persist(10.0, connected=False)
    disk.broken = True
    outbox.forget(lambda _payload: True, 10.0)
    assert len(disk.rows) == 1
    disk.broken = False
    outbox.persist(10.0 + 2 * DISK_RETRY_S, connected=False)
    assert disk.rows == {}
