"""Between a device's thread and the stages: frames are replaced, audio is not lost unseen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.capture.queues import BlockQueue, FrameSlot
from emoedge.frames import AudioBlock

from .test_liveness import picture


def test_the_newest_picture_wins_and_the_others_are_counted() -> None:
    slot = FrameSlot()
    frames = [picture(value) for value in range(5)]
    for frame in frames:
        slot.put(frame)
    assert slot.take(0) is frames[-1]
    assert slot.take(0) is None
    assert slot.dropped == 4


@given(
    st.lists(st.one_of(st.none(), st.tuples(st.integers(1, 3200), st.sampled_from([0.0, 0.5]))), max_size=200)
)
def test_every_lost_second_of_sound_is_in_a_gap(steps: list[tuple[int, float] | None]) -> None:
    """None takes a block; a pair puts one of so many samples after a gap of its own."""
    queue = BlockQueue(limit_s=1.0, shed_s=0.5)
    put_s = gaps_put_s = taken_s = gaps_taken_s = time_s = 0.0
    for step in steps:
        if step is None:
            block = queue.take(0)
            if block is not None:
                taken_s, gaps_taken_s = taken_s + block.duration_s, gaps_taken_s + block.gap_s
            continue
        count, gap_s = step
        time_s += gap_s
        queue.put(AudioBlock(time_s, np.zeros(count, np.int16), gap_s))
        time_s += count / 16000
        put_s, gaps_put_s = put_s + count / 16000, gaps_put_s + gap_s
        assert queue.waiting_s <= 1.0 + 0.2
    while (block := queue.take(0)) is not None:
        taken_s, gaps_taken_s = taken_s + block.duration_s, gaps_taken_s + block.gap_s
    assert put_s == pytest.approx(taken_s + queue.lost_s, abs=1e-6)
    assert gaps_taken_s == pytest.approx(gaps_put_s + queue.lost_s, abs=1e-6)
