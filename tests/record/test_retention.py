"""Retention, by property."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from emoedge.record.retention import Kept, Limits, plan_deletions

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)

ages = st.none() | st.floats(min_value=-400, max_value=4000)
kept = st.lists(st.tuples(st.integers(0, 10**9), ages), max_size=20).map(
    lambda rows: [
        Kept(f"{index:04}", size, None if age is None else NOW - timedelta(days=age))
        for index, (size, age) in enumerate(rows)
    ]
)
limits = st.builds(
    Limits,
    keep_days=st.sampled_from([0.0, 1.0, 30.0]),
    max_bytes=st.sampled_from([0, 1, 10**6, 10**9, 10**10]),
    min_free_bytes=st.sampled_from([0, 10**8, 10**10]),
)


@given(kept, limits, st.integers(0, 10**11), st.booleans(), st.integers(0, 10**9))
def test_what_stays_is_within_the_limits_and_nothing_goes_without_need(
    segments, bounds, free, synced, unfinished
):
    deletions = plan_deletions(
        segments, bounds, free_bytes=free, now=NOW, clock_synced=synced, unfinished_bytes=unfinished
    )
    gone = {deletion.segment_id: deletion.reason for deletion in deletions}
    assert len(gone) == len(deletions)
    staying = [segment for segment in segments if segment.segment_id not in gone]
    total = unfinished + sum(segment.bytes for segment in staying)
    freed = sum(segment.bytes for segment in segments if segment.segment_id in gone)
    if staying:
        assert bounds.max_bytes == 0 or total <= bounds.max_bytes
        assert free + freed >= bounds.min_free_bytes
    if not synced or bounds.keep_days == 0:
        assert "age" not in gone.values()
    for segment in segments:
        old = segment.dated is not None and NOW - segment.dated > timedelta(days=bounds.keep_days)
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


@given(kept, st.integers(-3650, 3650))
def test_a_clock_that_jumps_deletes_nothing_while_it_is_not_synchronized(segments, days):
    bounds = Limits(keep_days=1, max_bytes=0, min_free_bytes=0)
    assert (
        plan_deletions(segments, bounds, free_bytes=0, now=NOW + timedelta(days=days), clock_synced=False)
        == []
    )
