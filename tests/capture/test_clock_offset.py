"""Times of a source's clock on the machine's clock."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.capture.clock_offset import StreamAnchor


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.floats(0, 0.3), min_size=20, max_size=200),
    st.floats(-0.0001, 0.0001),
)
def test_delays_and_drift_move_the_times_by_little(
    start_s: float, delays_s: list[float], drift: float
) -> None:
    anchor = StreamAnchor()
    period_s = 0.04
    best_s = math.inf
    for index, delay_s in enumerate(delays_s):
        captured_s = start_s + index * period_s
        placed_s = anchor.place(index * period_s * (1 + drift), captured_s + delay_s)
        best_s = min(best_s, delay_s)
        # Never earlier than captured (but for the drift), never later than the best delay so far (but for the
        # slew).
        assert placed_s >= captured_s - 0.01
        assert placed_s <= captured_s + best_s + 0.02


def test_a_restarted_count_is_placed_anew() -> None:
    anchor = StreamAnchor()
    for index in range(50):
        anchor.place(100 + index * 0.04, 500 + index * 0.04)
    assert anchor.place(0.0, 502.0) == 502.0
    assert anchor.place(0.04, 502.04) == pytest.approx(502.04)


def test_a_lasting_lag_is_a_jump_and_a_hiccup_is_not() -> None:
    anchor = StreamAnchor(jump_s=0.25)
    times = []
    for index in range(40):
        lag_s = 1.0 if index >= 20 else 0.4 if index == 10 else 0.0
        times.append(anchor.place(index * 0.1, index * 0.1 + lag_s) - index * 0.1)
    assert times[10] == pytest.approx(0.0, abs=0.01)
    assert times[30] == pytest.approx(1.0, abs=0.01)
