"""Threads that are watched."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from emoedge.worker_thread import WorkerThread

LONG_S = 20.0


def until(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.005)


def test_a_loop_ends_when_asked() -> None:
    thread: WorkerThread
    thread = WorkerThread("looping", lambda: thread.stopping.wait(LONG_S))
    thread.start()
    assert thread.is_alive
    assert thread.stop(LONG_S)
    assert not thread.is_alive
    assert thread.fault == ""


def test_wake_ends_a_wait_for_something_else() -> None:
    wake = threading.Event()
    thread = WorkerThread("waiting", lambda: wake.wait(LONG_S), wake=wake.set)
    thread.start()
    assert thread.stop(LONG_S)


def test_a_thread_that_does_not_end_in_time_says_so() -> None:
    end = threading.Event()
    thread = WorkerThread("deaf", lambda: end.wait(LONG_S))
    thread.start()
    assert not thread.stop(0.01)
    end.set()
    assert thread.join(LONG_S)


def test_never_started_has_ended() -> None:
    assert WorkerThread("idle", lambda: None).stop(0.0)


def test_an_unforeseen_error_is_a_death_that_is_seen() -> None:
    seen: list[str] = []

    def run() -> None:
        raise KeyError("nobody thought of this")

    thread = WorkerThread("fragile", run, on_death=lambda: seen.append("dead"))
    thread.start()
    until(lambda: seen)
    assert thread.join(LONG_S)
    assert thread.fault == "the fragile thread has died: KeyError: 'nobody thought of this'"
    assert not thread.is_hung


def test_work_longer_than_the_limit_is_a_hang_and_waiting_is_not() -> None:
    now_s = [100.0]
    goes_on, working, waiting = threading.Event(), threading.Event(), threading.Event()

    def run() -> None:
        thread.beat()
        working.set()
        goes_on.wait(LONG_S)
        thread.rest()
        waiting.set()
        thread.stopping.wait(LONG_S)

    thread = WorkerThread("slow", run, limit_s=10.0, now_s=lambda: now_s[0])
    thread.start()
    assert working.wait(LONG_S)
    now_s[0] = 109.0
    assert (thread.busy_s, thread.fault) == (9.0, "")
    now_s[0] = 111.0
    assert thread.fault == "the slow thread hangs"
    goes_on.set()
    assert waiting.wait(LONG_S)
    now_s[0] = 999.0
    assert (thread.busy_s, thread.fault) == (0.0, "")
    assert thread.stop(LONG_S)
