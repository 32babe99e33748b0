"""The policy, by example and by property; no threads, no clock."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.config.recording_settings import RecordingSettings
from emoedge.errors import RecordingError
from emoedge.outcomes import EmotionEvent
from emoedge.record.policy import Begin, End, RecordingPolicy


def policy(**kwargs) -> RecordingPolicy:
    counter = itertools.count()
    settings = RecordingSettings(**{"pre_roll_s": 5, "post_roll_s": 5, "max_segment_s": 300, **kwargs})
    return RecordingPolicy(settings, lambda _now_s: f"s{next(counter)}")


def begin(event_id: str, at: float) -> EmotionEvent:
    return EmotionEvent("begin", event_id, "fear", at, None, 0.9)


def end(event_id: str, at: float) -> EmotionEvent:
    return EmotionEvent("end", event_id, "fear", 0.0, at, 0.9)


def test_overlapping_events_are_one_segment():
    one = policy()
    assert one.on_event(begin("a", 99.0), 100.0) == [Begin("s0", 94.0, 100.0, "event")]
    assert one.on_event(begin("b", 102.0), 103.0) == []
    assert one.on_event(end("a", 104.0), 105.0) == []
    assert one.on_event(end("b", 110.0), 111.0) == []
    assert one.tick(114.9) == []
    assert one.tick(115.3) == [End("s0", 115.0, "finished")]
    assert (one.segment_of("a"), one.segment_of("b"), one.segment_of("c")) == ("s0", "s0", None)


def test_the_next_segment_does_not_reach_back_into_the_one_before():
    one = policy()
    one.on_event(begin("a", 100.0), 100.0)
    one.on_event(end("a", 101.0), 101.0)
    assert one.tick(106.0) == [End("s0", 106.0, "finished")]
    assert one.on_event(begin("b", 107.0), 108.0) == [Begin("s1", 106.0, 108.0, "event")]


def test_manual_seconds_end_on_time_and_an_event_prolongs_them():
    one = policy()
    assert one.manual_on(10.0, 50.0) == [Begin("s0", 45.0, 50.0, "manual")]
    assert one.on_event(begin("a", 58.0), 59.0) == []
    assert one.tick(61.0) == []
    assert not one.manual
    one.on_event(end("a", 62.0), 62.5)
    assert one.tick(70.0) == [End("s0", 67.0, "finished")]


def test_off_ends_an_event_recording_until_the_next_event():
    one = policy()
    one.on_event(begin("a", 10.0), 10.0)
    assert one.manual_off(12.0) == [End("s0", 12.0, "finished")]
    assert one.tick(13.0) == []
    assert one.on_event(end("a", 14.0), 14.0) == []
    assert one.on_event(begin("b", 20.0), 20.0) == [Begin("s1", 15.0, 20.0, "event")]


def test_off_pauses_continuous_recording_until_on():
    one = policy(mode="continuous")
    assert isinstance(one.tick(0.0)[0], Begin)
    assert isinstance(one.manual_off(5.0)[0], End)
    assert one.tick(100.0) == []
    assert isinstance(one.manual_on(None, 101.0)[0], Begin)


def test_split_leaves_no_hole():
    one = policy(mode="continuous", max_segment_s=10)
    one.tick(0.0)
    first, second = one.tick(10.2)
    assert (first, second) == (End("s0", 10.2, "split"), Begin("s1", 10.2, 10.2, "continuous"))


def test_an_event_whose_end_never_comes_does_not_record_for_ever():
    one = policy(max_segment_s=3600)
    one.on_event(begin("a", 0.0), 0.0)
    actions = [action for now in range(0, 4000, 10) for action in one.tick(float(now))]
    assert isinstance(actions[-1], End)
    assert one.segment_id is None


def test_blocked_policy_refuses_and_forgets():
    one = policy()
    one.on_event(begin("a", 10.0), 10.0)
    assert one.block("privacy", 11.0) == [End("s0", 11.0, "privacy")]
    assert one.on_event(begin("b", 12.0), 12.0) == []
    with pytest.raises(RecordingError, match="privacy"):
        one.manual_on(None, 13.0)
    assert one.unblock(20.0) == []
    assert one.manual_on(None, 21.0) == [Begin("s1", 20.0, 21.0, "manual")], "not from before privacy ended"


moves = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "begin",
                "end",
                "on",
                "seconds",
                "off",
                "block",
                "unblock",
                "split",
                "lost",
                "tick",
                "mode off",
                "mode manual",
                "mode events",
                "mode continuous",
            ]
        ),
        st.floats(0, 20),
        st.integers(0, 3),
    ),
    max_size=60,
)


def make_move(one: RecordingPolicy, move: str, now: float, which: int) -> list:
    calls = {
        "begin": lambda: one.on_event(begin(f"e{which}", now - 1), now),
        "end": lambda: one.on_event(end(f"e{which}", now - 1), now),
        "on": lambda: one.manual_on(None, now),
        "seconds": lambda: one.manual_on(1.0 + which, now),
        "off": lambda: one.manual_off(now),
        "block": lambda: one.block("privacy", now),
        "unblock": lambda: one.unblock(now),
        "split": lambda: one.split(now, "source changed"),
        "tick": lambda: one.tick(now),
    }
    return calls[move]()


@given(moves, st.sampled_from(["off", "manual", "events", "continuous"]))
def test_segments_never_overlap_and_every_one_that_begins_can_end(steps, mode):
    one = policy(mode=mode, max_segment_s=30)
    now, actions, lost = 0.0, [], set()
    for move, wait, which in steps:
        now += wait
        if move == "lost":
            if one.segment_id is not None:
                lost.add(one.segment_id)
                one.segment_lost(one.segment_id)
        elif move.startswith("mode"):
            actions += one.set_mode(move.split()[1], now)
        else:
            try:
                actions += make_move(one, move, now, which)
            except RecordingError:
                continue
    actions += one.block("shutdown", now + 1)
    open_id, freed = None, float("-inf")
    for action in actions:
        if isinstance(action, Begin):
            assert open_id is None or open_id in lost
            assert action.from_s <= action.at_s
            assert action.from_s >= freed
            open_id = action.segment_id
        else:
            assert action.segment_id == open_id
            open_id, freed = None, action.at_s
    assert open_id is None or open_id in lost
