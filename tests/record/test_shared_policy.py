"""The recording policy behind its lock: decided by any thread, carried out once."""

from __future__ import annotations

import threading
from itertools import pairwise

from emoedge.clock import MediaClock
from emoedge.config.recording_settings import RecordingSettings
from emoedge.record.shared_policy import SharedPolicy


def manual(on):
    return lambda policy, now_s: policy.manual_on(None, now_s) if on else policy.manual_off(now_s)


def policy_of(**settings):
    woken = []
    shared = SharedPolicy(RecordingSettings(**settings), MediaClock(), lambda: woken.append(True))
    return shared, woken


def test_a_decision_is_taken_once_and_wakes_the_thread():
    shared, woken = policy_of(mode="manual")
    assert (shared.take(), shared.segment_id, woken) == ([], None, [])
    shared.decide(manual(True))
    assert woken == [True]
    actions = shared.take()
    assert len(actions) == 1
    assert shared.take() == [], "carried out by whoever took it"
    assert shared.manual
    assert shared.segment_id is not None


def test_a_segment_of_earlier_is_not_split():
    shared, _ = policy_of(mode="manual")
    shared.decide(manual(True))
    shared.take()
    assert shared.split("another", 5.0, "size") == []
    assert shared.split(shared.segment_id, 5.0, "size") != []


def test_threads_that_decide_at_once_lose_nothing():
    shared, woken = policy_of(mode="manual")
    go = threading.Barrier(4)

    def switch(on):
        go.wait(60)
        for _ in range(50):
            shared.decide(manual(on))

    threads = [threading.Thread(target=switch, args=(on,)) for on in (True, False, True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    starts_and_stops = [type(action).__name__ for action in shared.take()]
    assert len(woken) == len(starts_and_stops)
    assert all(one != other for one, other in pairwise(starts_and_stops)), "begin and end take turns"
