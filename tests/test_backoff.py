"""Waits between attempts: pure."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emoedge.backoff import Backoff


@given(st.integers(0, 10**6), st.floats(0, 1))
def test_waits_stay_between_their_bounds(failures: int, chance: float) -> None:
    backoff = Backoff()
    wait_s = backoff.delay_s(failures, chance)
    assert backoff.first_s * (1 - backoff.jitter) <= wait_s <= backoff.longest_s * (1 + backoff.jitter)


def test_waits_double_up_to_the_longest() -> None:
    waits = [Backoff().delay_s(failures, 0.5) for failures in range(1, 9)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0]
