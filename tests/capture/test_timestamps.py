"""Repaired time stamps: never back by more than a little."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.capture.timestamps import StampRepair

stamps = st.lists(st.one_of(st.none(), st.floats(-10, 1e5, allow_nan=False)), max_size=50)


@given(stamps)
def test_repaired_stamps_go_back_by_a_little_at_most(values: list[float | None]) -> None:
    repair = StampRepair()
    highest = None
    for value in values:
        time_s = repair.repaired(value, 0.04)
        if highest is not None:
            assert time_s >= highest - 1.0 - 1e-6
        highest = time_s if highest is None else max(highest, time_s)


def test_a_restarted_count_goes_on_where_it_ended() -> None:
    repair = StampRepair()
    times = [repair.repaired(value, 0.5) for value in (0.0, 0.5, 1.0, 1.5, 0.0, 0.5, None)]
    assert times == pytest.approx([0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
