"""Privacy for a time over restarts of process and machine: never shorter than what was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.supervise.privacy_end import Moment, PrivacyEnd

NOW = Moment("first", 100.0, 1e9, synced=True)
END = PrivacyEnd.after(3600, NOW)
YEAR_S = 365 * 86_400


@pytest.mark.parametrize("jump_s", [0, YEAR_S, -YEAR_S])
@pytest.mark.parametrize("synced", [True, False])
def test_while_the_machine_runs_the_wall_clock_says_nothing(jump_s, synced):
    later = replace(NOW, uptime_s=700.0, wall_s=NOW.wall_s + jump_s, synced=synced)
    assert END.left_s(later) == 3000
    assert END.left_s(replace(later, uptime_s=3700.0)) == 0
    assert END.left_s(replace(later, uptime_s=9e9)) == 0


@pytest.mark.parametrize(
    ("moment", "left_s"),
    [
        (Moment("second", 30.0, NOW.wall_s + 600, synced=True), 3000),
        (Moment("second", 30.0, NOW.wall_s + YEAR_S, synced=True), 0),
        (Moment("second", 30.0, NOW.wall_s + YEAR_S, synced=False), 3570),
        (Moment("second", 30.0, NOW.wall_s - YEAR_S, synced=True), 3570),
        (Moment("second", 3600.0, NOW.wall_s, synced=False), 0),
        (Moment("", 9e9, NOW.wall_s, synced=False), 3600),
        (Moment("first", 20.0, NOW.wall_s + 600, synced=False), 3580),
    ],
    ids=["clock", "clock, over", "no clock", "clock back", "uptime alone", "nothing known", "container"],
)
def test_after_a_restart_of_the_machine(moment, left_s):
    assert END.left_s(moment) == left_s


def test_a_clock_that_was_not_believed_when_it_began_is_not_believed_later():
    unsynced = PrivacyEnd.after(3600, replace(NOW, synced=False))
    assert unsynced.left_s(Moment("second", 30.0, NOW.wall_s + YEAR_S, synced=True)) == 3570


def test_in_its_first_moment_nothing_has_passed():
    for uptime_s in (0.0004, 100_000.0004, 12_345.6789):
        now = replace(NOW, uptime_s=uptime_s)
        assert PrivacyEnd.after(60, now).left_s(now) == pytest.approx(60, abs=0.001)


@given(
    st.floats(1, 604_800), st.floats(0, 1e8), st.floats(0, 1e7), st.floats(0, 1e7), st.floats(0, 1e6),
    st.floats(0, 4e9), st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_privacy_is_never_shorter_than_asked_for(
    seconds, began_s, ran_s, off_s, runs_s, wrong_s, restarted, synced, synced_later
):
    """Whatever was asked for, and whatever an unbelieved clock says."""
    now = Moment("first", began_s, 1e9 if synced else wrong_s, synced)
    end = PrivacyEnd.after(seconds, now)
    passed_s = ran_s + (off_s + runs_s if restarted else 0.0)
    wall_s = 1e9 + passed_s if synced_later else wrong_s
    later = Moment("first", began_s + ran_s, wall_s, synced_later)
    if restarted:
        later = replace(later, boot="second", uptime_s=runs_s)
    assert 0 <= end.left_s(later) <= seconds
    assert end.left_s(later) >= seconds - passed_s - 0.01
