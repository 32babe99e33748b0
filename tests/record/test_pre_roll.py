"""What is kept from before a recording begins."""

from __future__ import annotations

from emoedge.record.pre_roll import PreRoll
from emoedge.record.timeline import (
    TimelineEntry,
)

from .helpers import make_block, make_frame
from .test_timeline import event


def test_pre_roll_is_bounded_by_seconds_and_by_bytes():
    pre_roll = PreRoll(2.0, 10**9)
    for index in range(100):
        pre_roll.add(make_frame(index / 10, index))
        pre_roll.add(make_block(index / 10))
        pre_roll.add(TimelineEntry("event", event("begin", index / 10)))
    times = [item.time_s for item in pre_roll.take(0.0)]
    assert min(times) >= 9.9 - 2.0 - 0.05
    assert times == sorted(times)
    assert pre_roll.bytes == 0
    frame_bytes = make_frame(0.0).data.nbytes
    small = PreRoll(1000.0, 5 * frame_bytes)
    for index in range(50):
        small.add(make_frame(float(index), index))
    assert [item.sequence for item in small.take(0.0)] == [45, 46, 47, 48, 49]
