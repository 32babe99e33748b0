"""Back-off: pure."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.publish.retry import (
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    LONGEST_TAKEN_OVER_DELAY_S,
    REFUSED_DELAY_S,
    SHORT_CONNECTIONS,
    STABLE_S,
    TAKEN_OVER_DELAY_S,
    ConnectionEnd,
    Failure,
    NextAttempt,
    RetryPolicy,
)


@pytest.fixture(autouse=True)
def impatient() -> None:
    """Here the true delays count."""


def delays(policy: RetryPolicy, outcome: ConnectionEnd, count: int) -> list[float]:
    return [policy.after(outcome).delay_s for _ in range(count)]


def test_unreachable_backs_off_to_a_minute():
    outcome = ConnectionEnd("unreachable", "refused", "5")
    assert delays(RetryPolicy(), outcome, 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_good_connection_starts_over():
    policy = RetryPolicy()
    delays(policy, ConnectionEnd("unreachable", "", "5"), 6)
    assert policy.after(ConnectionEnd("lost", "", "5", connected_s=STABLE_S)) == NextAttempt(1.0, "5")


def test_version_5_first_every_time_then_3_1_1_at_once():
    policy = RetryPolicy()
    assert policy.after(ConnectionEnd("version", "", "5")) == NextAttempt(0.0, "3.1.1")
    assert policy.after(ConnectionEnd("lost", "", "3.1.1", connected_s=100)).protocol == "5"


def test_a_mute_broker_gets_both_versions_in_turn():
    policy = RetryPolicy()
    step = policy.after(ConnectionEnd("no_answer", "", "5"))
    assert (step.protocol, step.delay_s) == ("3.1.1", 1.0)
    assert policy.after(ConnectionEnd("no_answer", "", "3.1.1")).protocol == "5"


def test_refused_is_not_hammered():
    assert delays(RetryPolicy(), ConnectionEnd("refused", "", "5"), 3) == [REFUSED_DELAY_S] * 3


def test_taken_over_waits_longer_each_time():
    outcome = ConnectionEnd("taken_over", "", "5", connected_s=2.0)
    steps = [RetryPolicy().after(outcome)]
    assert steps[0] == NextAttempt(TAKEN_OVER_DELAY_S, "5", suspect_same_id=True)
    assert delays(RetryPolicy(), outcome, 6) == [30, 60, 120, 240, 300, 300]


def test_short_connections_in_a_row_are_suspicious():
    policy = RetryPolicy()
    outcome = ConnectionEnd("lost", "", "3.1.1", connected_s=1.0)
    suspicions = [policy.after(outcome).suspect_same_id for _ in range(SHORT_CONNECTIONS + 1)]
    assert suspicions == [False] * (SHORT_CONNECTIONS - 1) + [True, True]
    assert not policy.after(ConnectionEnd("lost", "", "5", connected_s=STABLE_S)).suspect_same_id


def test_a_broker_that_goes_away_is_no_longer_suspected():
    policy = RetryPolicy()
    for _ in range(SHORT_CONNECTIONS):
        policy.after(ConnectionEnd("lost", "", "5", connected_s=1.0))
    assert not policy.after(ConnectionEnd("unreachable", "", "5")).suspect_same_id


def test_a_connection_without_an_echo_is_made_again_soon_and_with_the_same_version():
    policy = RetryPolicy()
    for _ in range(2 * SHORT_CONNECTIONS):
        step = policy.after(ConnectionEnd("no_echo", "", "3.1.1", connected_s=10.0))
        assert step == NextAttempt(FIRST_DELAY_S, "3.1.1")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(get_args(Failure)),
            st.sampled_from(["5", "3.1.1"]),
            st.floats(0, 1e6),
            st.floats(0, 1),
        ),
        max_size=60,
    )
)
def test_never_a_hot_loop_never_for_ever(history):
    policy = RetryPolicy()
    longest_s = max(LONGEST_DELAY_S, LONGEST_TAKEN_OVER_DELAY_S) * 1.25
    free = 0
    for failure, protocol, connected_s, jitter in history:
        step = policy.after(ConnectionEnd(failure, "", protocol, connected_s), jitter)
        assert 0 <= step.delay_s <= longest_s
        if step.delay_s == 0:
            # Only the change of version is free, and it cannot follow itself.
            assert (protocol, step.protocol) == ("5", "3.1.1")
            free += 1
        else:
            assert step.delay_s >= 0.75
