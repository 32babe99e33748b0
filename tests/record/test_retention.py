"""Retention, by property."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from emoedge.record.retention import (
    DAY_S,
    MIN_FREE_FILES,
    UNCOUNTED,
    Deletion,
    Limits,
    Room,
    plan_deletions,
)

NOW_S = 1_795_000_000.0
MUCH = Room(10**12, UNCOUNTED)


@dataclass(frozen=True)
class Candidate:
    segment_id: str
    bytes: int
    dated_s: float | None
    files: int = 5


ages = st.none() | st.floats(min_value=-400, max_value=4000)
segments_of_a_store = st.lists(st.tuples(st.integers(0, 10**9), ages), max_size=20).map(
    lambda rows: [
        Candidate(f"{index:04}", size, None if age is None else NOW_S - age * DAY_S)
        for index, (size, age) in enumerate(rows)
    ]
)
limits = st.builds(
    Limits,
    keep_days=st.sampled_from([0.0, 1.0, 30.0]),
    max_bytes=st.sampled_from([0, 1, 10**6, 10**9, 10**10]),
    min_free_bytes=st.sampled_from([0, 10**8, 10**10]),
)


def plan(segments, bounds, room=MUCH, synced=True, extra=0):
    return list(
        plan_deletions(
            segments,
            bounds,
            room,
            now_s=NOW_S,
            clock_synced=synced,
            total_bytes=extra + sum(segment.bytes for segment in segments),
        )
    )


@given(segments_of_a_store, limits, st.integers(0, 10**11), st.booleans(), st.integers(0, 10**9))
def test_what_stays_is_within_the_limits_and_nothing_goes_without_need(segments, bounds, free, synced, extra):
    deletions = plan(segments, bounds, Room(free, UNCOUNTED), synced, extra)
    gone = {deletion.segment.segment_id: deletion.reason for deletion in deletions}
    assert len(gone) == len(deletions)
    staying = [segment for segment in segments if segment.segment_id not in gone]
    total = extra + sum(segment.bytes for segment in staying)
    freed = sum(segment.bytes for segment in segments if segment.segment_id in gone)
    if staying:
        assert bounds.max_bytes == 0 or total <= bounds.max_bytes
        assert free + freed >= bounds.min_free_bytes
    if not synced or bounds.keep_days == 0:
        assert "age" not in gone.values()
    for segment in segments:
        old = segment.dated_s is not None and segment.dated_s < NOW_S - bounds.keep_days * DAY_S
        if synced and bounds.keep_days and old:
            assert gone[segment.segment_id] == "age"
    # Apart from age, the oldest go first.
    others = [name for name, reason in gone.items() if reason != "age"]
    assert others == sorted(others)
    if others:
        assert all(segment.segment_id > others[-1] for segment in staying)
        last = next(segment for segment in segments if segment.segment_id == others[-1])
        over = bounds.max_bytes > 0 and total + last.bytes > bounds.max_bytes
        assert over or free + freed - last.bytes < bounds.min_free_bytes, "the last one had to go"


@given(segments_of_a_store)
def test_a_clock_that_jumps_deletes_nothing_while_it_is_not_synchronized(segments):
    bounds = Limits(keep_days=1, max_bytes=0, min_free_bytes=0)
    assert plan(segments, bounds, synced=False) == []


def test_the_next_one_goes_in_the_place_of_one_that_cannot():
    segments = [Candidate(str(index), 100, None) for index in range(5)]
    going = plan_deletions(segments, Limits(0, 300, 0), MUCH, now_s=NOW_S, clock_synced=True, total_bytes=500)
    assert next(going) == Deletion(segments[0], "size")
    assert going.send(segments[0]) == Deletion(segments[1], "size")
    assert going.send(Candidate("1", 40, None)) == Deletion(segments[2], "size")
    assert going.send(None) == Deletion(segments[3], "size")


def test_inodes_are_room_too():
    segments = [Candidate(str(index), 100, None, files=5) for index in range(9)]
    assert len(plan(segments, Limits(0, 0, 0), Room(10**9, 0))) == -(-MIN_FREE_FILES // 5)
