"""A disk that does not answer is waited for only briefly, and what it did in the end counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from emoedge.publish.disk_calls import NO_ANSWER, RETRY_S, SLOW_S, DiskCalls, DiskThread
from emoedge.publish.outbox import ACK_GRACE_S, COMMIT_INTERVAL_S, Outbox
from emoedge.publish.spool import Spool, SpoolError

from .conftest import PATIENCE_S, until


class SlowSpool(Spool):
    """A real spool on a disk that hangs from `freeze` to `thaw`, in the middle of a call."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, 1000)
        self.hung = threading.Event()
        self._thawed = threading.Event()
        self._thawed.set()

    def freeze(self) -> None:
        self.hung.clear()
        self._thawed.clear()

    def thaw(self) -> None:
        self._thawed.set()

    def _run(self, work):
        if not self._thawed.is_set():
            self.hung.set()
            assert self._thawed.wait(PATIENCE_S)
        return super()._run(work)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.returned = threading.Semaphore(0)
        self.disk = DiskThread("spool", self.returned.release)
        self.disk.thread.start()
        self.spool = SlowSpool(folder / "spool.sqlite3")
        self.outbox = Outbox(self.spool, run=self.disk.put)
        self.now_s = 100.0

    def persist(self, *, connected: bool = False) -> None:
        self.now_s += COMMIT_INTERVAL_S
        self.outbox.persist(self.now_s, connected=connected)

    def add(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.outbox.add("t", payload, self.now_s)

    def settled(self) -> bool:
        self.persist()
        return self.outbox.in_memory == 0

    def send(self, token: int) -> bytes | None:
        entry = self.outbox.next_entry(self.now_s)
        if entry is None:
            return None
        self.outbox.sent(entry, token)
        return entry.payload


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:
    one = Bench(tmp_path)
    one.outbox.open(one.now_s)
    until(lambda: one.outbox._is_ready(one.now_s), "the disk is there")
    yield one
    one.spool.thaw()
    one.disk.thread.stop(PATIENCE_S)
    one.spool.close()


def test_nothing_waits_for_a_disk_that_hangs_and_what_it_did_counts(bench):
    bench.spool.freeze()
    bench.add(b"1", b"2")
    bench.persist()
    assert bench.spool.hung.wait(PATIENCE_S)
    bench.add(b"3")
    bench.persist()
    assert (bench.outbox.in_memory, bench.outbox.disk_error) == (3, "")
    bench.now_s += SLOW_S
    bench.persist()
    assert bench.outbox.disk_error == NO_ANSWER
    assert bench.disk.thread.busy_s > 0, "it is watched"
    bench.spool.thaw()
    until(bench.settled, "all are on the disk")
    assert bench.outbox.disk_error == ""
    assert [entry.payload for entry in bench.spool.after(0, 9)] == [b"1", b"2", b"3"]


def test_what_was_delivered_meanwhile_is_deleted_and_not_sent_again(bench):
    bench.spool.freeze()
    bench.add(b"1", b"2")
    bench.persist()
    assert bench.spool.hung.wait(PATIENCE_S)
    assert [bench.send(1), bench.send(2)] == [b"1", b"2"], "from memory, as long as the disk is not read"
    bench.outbox.delivered(1)
    bench.spool.thaw()
    until(bench.settled, "the disk has answered")
    bench.outbox.delivered(2)
    until(lambda: (bench.settled(), bench.outbox.on_disk)[1] == 0, "nothing is left")
    until(lambda: (bench.settled(), bench.spool.depth())[1] == 0, "nor on the disk")
    bench.outbox.connection_lost()
    assert bench.send(3) is None


def test_what_is_on_a_slow_disk_goes_first_and_a_hanging_one_is_overtaken(bench):
    bench.add(b"old")
    until(bench.settled, "it is on the disk")
    bench.outbox.connection_lost()
    bench.spool.freeze()
    bench.add(b"new")
    assert bench.send(1) is None, "the disk may be slow"
    bench.now_s += SLOW_S + 1
    bench.persist(connected=True)
    assert bench.send(1) == b"new"
    bench.spool.thaw()
    until(lambda: (bench.persist(connected=True), bench.send(2))[1] == b"old", "the disk is read")


def test_the_end_waits_for_the_disk_as_long_as_it_may_and_no_longer(bench):
    bench.spool.freeze()
    bench.add(b"1")
    bench.persist()
    bench.outbox.close(bench.now_s, 0.01)
    assert bench.outbox.in_memory == 1
    bench.spool.thaw()
    bench.outbox.close(bench.now_s, PATIENCE_S)
    assert bench.outbox.in_memory == 0


def test_a_process_that_finds_a_hanging_disk_takes_over_what_it_holds_later(tmp_path):
    first = Spool(tmp_path / "spool.sqlite3", 1000)
    one = Bench(tmp_path)
    one.spool.freeze()
    one.outbox.open(one.now_s)
    one.add(b"live")
    assert one.send(1) is None, "a slow disk is waited for"
    one.now_s += SLOW_S + 1
    one.persist(connected=True)
    assert one.send(1) == b"live"
    one.outbox.delivered(1)
    one.spool.thaw()
    one.add(b"later")
    one.now_s += ACK_GRACE_S
    until(one.settled, "it is on the disk")
    one.outbox.close(one.now_s, PATIENCE_S)
    one.disk.thread.stop(PATIENCE_S)
    assert [entry.payload for entry in first.after(0, 9)] == [b"later"]
    first.close()


def test_a_fault_is_reported_and_tried_again_after_a_while():
    calls, results = DiskCalls(lambda call: call.run()), []

    def fail() -> int:
        raise SpoolError("disk full")

    calls.begin(0.0, fail, results.append)
    assert (calls.error, calls.is_ready(RETRY_S - 0.1), calls.is_ready(RETRY_S)) == ("disk full", False, True)
    calls.begin(RETRY_S, lambda: 7, results.append)
    assert (calls.error, results) == ("", [7])


def test_a_mistake_is_not_taken_for_a_fault_of_the_disk():
    calls = DiskCalls(lambda call: call.run())
    with pytest.raises(ZeroDivisionError):
        calls.begin(0.0, lambda: 1 // 0, lambda _: None)
