"""Frames are thinned out evenly."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.rate_limit import Pacer


@pytest.mark.parametrize(("fps", "rate"), [(25, 10), (24, 10), (15, 10), (30, 10), (10, 10), (60, 7)])
def test_keeps_the_rate(fps, rate):
    pacer = Pacer(rate)
    taken = [i for i in range(fps * 20) if pacer.due(i / fps)]
    assert len(taken) == pytest.approx(min(fps, rate) * 20, abs=2)


def test_a_slower_camera_loses_nothing():
    pacer = Pacer(10)
    assert all(pacer.due(i / 7) for i in range(100))


def test_jitter_loses_nothing():
    pacer = Pacer(10)
    assert all(pacer.due(i / 10 + (0.004 if i % 2 else -0.004)) for i in range(1, 100))


@given(st.lists(st.floats(0.001, 3), max_size=50), st.floats(0.5, 30))
def test_no_burst_after_a_gap(gaps, rate):
    pacer, now, taken = Pacer(rate), 0.0, []
    for gap in gaps:
        now += gap
        if pacer.due(now):
            taken.append(now)
    assert all(b - a > 0 for a, b in itertools.pairwise(taken))
    for start in taken:
        within = [t for t in taken if start <= t < start + 1]
        assert len(within) <= rate * 1.1 + 2
