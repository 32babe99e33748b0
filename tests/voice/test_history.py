import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emoedge.frames import SAMPLE_RATE_HZ, AudioBlock
from emoedge.voice.history import History


@given(
    lengths=st.lists(st.integers(1, 5000), min_size=1, max_size=30),
    back=st.floats(0.0, 0.5),
    length=st.floats(0.0, 0.6),
)
def test_it_gives_back_what_was_heard(lengths, back, length):
    sound = np.arange(sum(lengths)) % 30_000
    history, at = History(0.5), 0
    for count in lengths:
        history.add(AudioBlock(100 + at / SAMPLE_RATE_HZ, sound[at : at + count].astype(np.int16)))
        at += count
    assert abs(history.end_s - (100 + at / SAMPLE_RATE_HZ)) < 1e-9
    start = max(0, at - round(back * SAMPLE_RATE_HZ))
    end = min(at, start + round(length * SAMPLE_RATE_HZ))
    got = history.between(100 + start / SAMPLE_RATE_HZ, 100 + end / SAMPLE_RATE_HZ)
    np.testing.assert_array_equal(got, sound[start:end])


def test_what_was_cleared_is_gone():
    history = History(1.0)
    history.add(AudioBlock(0.0, np.ones(1600, np.int16)))
    history.clear()
    assert len(history.between(0.0, 0.1)) == 0
    history.add(AudioBlock(0.1, np.ones(800, np.int16)))
    assert len(history.between(0.0, 1.0)) == 800
