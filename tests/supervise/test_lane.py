"""Jobs one after another in their own thread; what does not fit is told."""

from __future__ import annotations

import threading

from emoedge.supervise.lane import Lane, LaneJob

PATIENCE_S = 60.0


class Blocked:
    """A lane whose thread is held by its first job."""

    def __init__(self, **options):
        self.done, self.failed = [], []
        self._go, self._ended, self._begun = threading.Event(), threading.Event(), threading.Event()
        self.lane = Lane("test-lane", **options)
        self.lane.thread.start()
        self.lane.put(LaneJob(lambda: (self._begun.set(), self._go.wait(PATIENCE_S)), self.failed.append))
        assert self._begun.wait(PATIENCE_S)

    def put(self, name, run=lambda: None):
        self.lane.put(
            LaneJob(lambda: (run(), self.done.append(name)), lambda why: self.failed.append((name, why)))
        )

    def finish(self):
        self.lane.put(LaneJob(self._ended.set, self.failed.append))
        self._go.set()
        assert self._ended.wait(PATIENCE_S)
        self.lane.thread.stop(PATIENCE_S)


def test_one_after_another_and_a_full_queue_refuses_the_new_one():
    blocked = Blocked(limit=3)
    for name in "abc":
        blocked.put(name)
    blocked.put("d")
    assert [name for name, _ in blocked.failed] == ["d"]
    blocked.lane._limit = 9
    blocked.finish()
    assert blocked.done == ["a", "b", "c"]


def test_where_the_newest_counts_the_oldest_gives_way():
    blocked = Blocked(limit=2, newest_counts=True)
    for name in "abc":
        blocked.put(name)
    assert [name for name, _ in blocked.failed] == ["a"]
    blocked.lane._limit = 9
    blocked.finish()
    assert blocked.done == ["b", "c"]


def test_a_job_that_breaks_is_told_and_the_next_one_is_done():
    blocked = Blocked(limit=5)

    def break_off():
        raise ValueError("odd")

    blocked.put("a", break_off)
    blocked.put("b")
    blocked.finish()
    assert blocked.failed == [("a", "ValueError: odd")]
    assert blocked.done == ["b"]
