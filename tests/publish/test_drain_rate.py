"""Messages from the disk go at a steady rate, whatever the times are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.publish.drain_rate import DRAIN_PER_S, DrainRate


def sent_of(times_s):
    rate, sent = DrainRate(), 0
    for now_s in times_s:
        if rate.may_send(now_s):
            rate.sent()
            sent += 1
    return sent


@given(st.lists(st.floats(0, 5), min_size=1, max_size=300).map(sorted))
def test_never_more_than_the_rate_and_a_little_saved_up(times_s):
    assert sent_of(times_s) <= (times_s[-1] - times_s[0]) * DRAIN_PER_S + 2


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50))
def test_a_clock_that_goes_back_earns_nothing(times_s):
    falling = sorted(times_s, reverse=True)
    assert sent_of(falling) <= 2


def test_ten_seconds_of_asking_all_the_time_send_at_the_rate():
    assert sent_of(number / 1000 for number in range(10_000)) == pytest.approx(10 * DRAIN_PER_S, abs=3)


def test_when_the_next_may_go_is_known():
    rate = DrainRate()
    while rate.may_send(7.0):
        rate.sent()
    wait_s = rate.due_in_s
    assert 0 < wait_s <= 1 / DRAIN_PER_S
    assert not rate.may_send(7.0 + wait_s * 0.9)
    assert rate.may_send(7.0 + wait_s * 1.001)
