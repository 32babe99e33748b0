"""The clocks: what is believed of the wall clock."""

from __future__ import annotations

from emoedge.clock import DOUBT_S, Belief, SystemClock

YEAR_S = 365 * 24 * 3600.0


def test_the_jump_of_the_first_synchronisation_is_welcome():
    belief = Belief()
    assert not belief.look(0.0, 100.0, synchronized=False)
    assert belief.look(1.0, 100.0 + YEAR_S, synchronized=True)
    assert belief.look(2.0, 100.1 + YEAR_S, synchronized=True)


def test_a_clock_that_jumps_later_is_not_believed_for_an_hour():
    """Set a year ahead by hand, it kept the mark of its synchronisation: all recordings were too old."""
    belief = Belief()
    assert belief.look(0.0, 100.0, synchronized=True)
    assert not belief.look(1.0, 100.0 + YEAR_S, synchronized=True)
    assert not belief.look(DOUBT_S, 100.0 + YEAR_S, synchronized=True)
    assert not belief.look(DOUBT_S + 0.5, 100.0, synchronized=True), "put right: a jump as well"
    assert belief.look(2 * DOUBT_S + 1.0, 100.0, synchronized=True)


def test_what_ntp_corrects_is_no_jump():
    belief = Belief()
    assert all(belief.look(float(n), 0.5 * n, synchronized=True) for n in range(200))


def test_the_systems_own_clock_says_something():
    clock = SystemClock()
    assert clock.synchronized() in (True, False)
    assert clock.wall(clock.now_s()).tzinfo is not None
