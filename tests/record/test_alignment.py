"""Audio in step with the frames."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock
from emoedge.record.alignment import DRIFT_S, SoundTrack


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 4000), st.booleans()), min_size=1, max_size=40),
    st.floats(-0.2, 0.5),
)
def test_sound_never_strays_further_than_the_drift_allowed(steps, first):
    track, stamp = SoundTrack(100.0), 100.0 + first
    for pause, count, known in steps:
        stamp += pause
        before = track.written
        samples = track.place(AudioBlock(stamp, np.ones(count, dtype=np.int16), pause if known else 0.0))
        assert track.written == before + len(samples)
        kept = int(np.count_nonzero(samples))
        if kept == count:
            placed_s = (track.written - count) / SAMPLE_RATE_HZ
            assert abs(placed_s - (stamp - 100.0)) <= DRIFT_S + 1 / SAMPLE_RATE_HZ
        stamp += count / SAMPLE_RATE_HZ
