"""A stage that dies is restarted, one that hangs is reported, one that keeps dying stays down."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from emoedge.errors import ModelError
from emoedge.supervise import stage_thread
from emoedge.supervise.stage_thread import StageSpec, StageThread


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(stage_thread, "RESTART_PAUSE_S", 0.01)
    monkeypatch.setattr(stage_thread, "TAKE_TIMEOUT_S", 0.02)


def take_from(items):
    def take(timeout_s):
        try:
            return items.get(timeout=timeout_s)
        except queue.Empty:
            return None

    return take


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def test_works_and_stops():
    items, done = queue.Queue(), []
    thread = StageThread(StageSpec("face", lambda: done.append, take_from(items)))
    thread.thread.start()
    for i in range(5):
        items.put(i)
    wait_for(lambda: len(done) == 5)
    assert thread.health().state == "ok"
    assert thread.health().figures["processed"] == 5
    thread.thread.request_stop()
    assert thread.thread.join(60)


def test_a_death_is_reported_and_the_stage_built_again():
    items, done, built = queue.Queue(), [], []

    def work(item):
        if item == "bad":
            raise ValueError("boom")
        done.append(item)

    def build():
        built.append(1)
        return work

    thread = StageThread(StageSpec("face", build, take_from(items)))
    thread.thread.start()
    for item in ("a", "bad", "b"):
        items.put(item)
    wait_for(lambda: done == ["a", "b"])
    health = thread.health()
    assert health.state == "degraded"
    assert "boom" in health.reason
    assert len(built) == 2
    thread.thread.request_stop()
    assert thread.thread.join(60)


def test_one_that_keeps_dying_stays_down():
    def build():
        raise ValueError("no model")

    thread = StageThread(StageSpec("voice", build, take_from(queue.Queue())))
    thread.thread.start()
    wait_for(lambda: thread.health().state == "failed")
    assert "no model" in thread.health().reason
    assert thread.thread.join(60)


def test_a_missing_model_is_said_and_found_when_it_comes(monkeypatch):
    monkeypatch.setattr(stage_thread, "MISSING_RETRY_S", 0.05)
    present, items, done = threading.Event(), queue.Queue(), []

    def build():
        if not present.is_set():
            raise ModelError("model missing", "run: emoedge models fetch")
        return done.append

    thread = StageThread(StageSpec("text", build, take_from(items)))
    thread.thread.start()
    wait_for(lambda: thread.health().state == "failed")
    assert "emoedge models fetch" in thread.health().reason
    items.put("passes unheard")
    wait_for(items.empty)
    present.set()
    wait_for(lambda: thread.health().state == "ok")
    items.put("heard")
    wait_for(lambda: done == ["heard"])
    thread.thread.request_stop()
    assert thread.thread.join(60)


def test_one_that_hangs_is_seen():
    release, begun, items, now = threading.Event(), threading.Event(), queue.Queue(), [0.0]

    def work(_item):
        begun.set()
        release.wait(60)

    thread = StageThread(StageSpec("speech", lambda: work, take_from(items)), lambda: now[0])
    thread.thread.start()
    items.put(1)
    assert begun.wait(60)
    assert not thread.thread.is_hung
    now[0] = stage_thread.SLOW_AFTER_S + 1
    assert thread.health().state == "degraded", "slow is not hung: the process must not end for it"
    assert not thread.thread.is_hung
    now[0] = stage_thread.HUNG_AFTER_S + 1
    assert thread.thread.is_hung
    assert thread.health().state == "failed"
    release.set()
    wait_for(lambda: not thread.thread.is_hung)
    thread.thread.request_stop()
    assert thread.thread.join(60)


def test_loading_a_model_may_take_longer_than_an_item():
    now, release, begun = [0.0], threading.Event(), threading.Event()

    def build():
        begun.set()
        release.wait(60)
        return lambda _: None

    thread = StageThread(StageSpec("text", build, lambda _: None), now_s=lambda: now[0])
    thread.thread.start()
    try:
        assert begun.wait(60)
        assert thread.is_loading
        now[0] = stage_thread.HUNG_AFTER_S + 10
        assert thread.thread.busy_s == now[0], "the stage is at work, and on nothing else than its model"
        assert not thread.thread.is_hung
        assert not thread.is_slow
        now[0] = stage_thread.BUILD_LIMIT_S + 1
        assert thread.thread.is_hung
        assert thread.health().state == "failed"
    finally:
        release.set()
        thread.thread.request_stop()
        assert thread.thread.join(60)
