"""Blocks of audio: nothing lost, nothing twice, never back in time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.capture.blocks import BLOCK_SAMPLES, TOLERANCE_S, BlockBuilder
from emoedge.frames import SAMPLE_RATE_HZ

chunks = st.lists(
    st.tuples(st.integers(0, 5000), st.floats(-0.3, 0.5, allow_nan=False)), min_size=1, max_size=30
)


@given(chunks, st.floats(0, 1e6))
def test_blocks_keep_every_sample_and_never_go_back(steps: list[tuple[int, float]], start_s: float) -> None:
    builder = BlockBuilder()
    blocks, time_s, value, taken = [], start_s, 0, []
    for count, jump_s in steps:
        time_s += jump_s
        samples = (np.arange(value, value + count) % 30000).astype(np.int16)
        value += count
        end_s = builder.end_s
        skipped = 0
        if end_s is not None and end_s - time_s > TOLERANCE_S:
            skipped = min(count, round((end_s - time_s) * SAMPLE_RATE_HZ))
        taken.append(samples[skipped:])
        blocks += builder.push(time_s, samples)
        time_s += count / SAMPLE_RATE_HZ
    blocks += builder.flush()
    heard = np.concatenate([block.samples for block in blocks]) if blocks else np.empty(0, np.int16)
    assert np.array_equal(heard, np.concatenate(taken))
    for before, after in pairwise(blocks):
        assert after.time_s == pytest.approx(before.end_s + after.gap_s, abs=1e-6)
        assert after.gap_s >= 0
        assert len(before.samples) == BLOCK_SAMPLES or after.gap_s > 0


def test_jitter_of_stamps_makes_no_gap() -> None:
    builder = BlockBuilder()
    blocks = []
    for index in range(100):
        jitter_s = 0.01 * (-1) ** index
        blocks += builder.push(index * 0.02 + jitter_s, np.zeros(320, np.int16))
    assert not any(block.gap_s for block in blocks)
