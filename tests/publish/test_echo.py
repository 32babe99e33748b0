"""When the echo asks, and what silence means."""

from __future__ import annotations

import pytest

from emoedge.publish.echo import (
    FIRST_PATIENCE_S,
    INTERVAL_S,
    LONGEST_PATIENCE_S,
    RETRY_S,
    TIMEOUT_S,
    Echo,
)

TOPIC = "emoedge/d/control/echo/set"


def connected(now_s: float = 100.0) -> Echo:
    echo = Echo(TOPIC)
    echo.connect(now_s)
    return echo


def until_new_connection(echo: Echo, now_s: float) -> float:
    """Go through the time as a connection does on which nothing comes back; seconds until it gives up."""
    begun_s = now_s
    while not echo.needs_connection(now_s):
        echo.payload_if_due(now_s)
        now_s += max(0.01, echo.due_in_s(now_s))
    return now_s - begun_s


def test_asks_at_once_and_then_at_intervals():
    echo = connected()
    assert echo.due_in_s(100.0) == 0
    payload = echo.payload_if_due(100.0)
    assert payload is not None
    assert echo.payload_if_due(100.0) is None
    assert echo.receive(payload, 100.25)
    assert echo.round_trip_ms == 250
    assert echo.due_in_s(100.25) == INTERVAL_S
    assert echo.payload_if_due(100.25 + INTERVAL_S) not in (None, payload)


def test_asks_again_before_it_gives_up():
    echo = connected()
    echo.payload_if_due(100.0)
    assert echo.due_in_s(100.0) == RETRY_S
    assert echo.payload_if_due(100.0 + RETRY_S) is not None
    assert not echo.is_missing(100.0 + RETRY_S)
    assert not echo.needs_connection(100.0 + RETRY_S)
    assert echo.is_missing(100.0 + TIMEOUT_S)
    assert echo.needs_connection(100.0 + TIMEOUT_S)


def test_a_late_answer_counts():
    echo = connected()
    first = echo.payload_if_due(100.0)
    echo.payload_if_due(100.0 + RETRY_S)
    assert first is not None
    assert echo.receive(first, 101.0 + RETRY_S)
    assert not echo.is_missing(100.0 + TIMEOUT_S)


def test_what_others_publish_there_is_no_answer():
    echo, other = connected(), connected()
    foreign = other.payload_if_due(100.0)
    echo.payload_if_due(100.0)
    assert foreign is not None
    assert not echo.receive(foreign, 100.1)
    assert not echo.receive(b"ON", 100.1)
    assert echo.is_missing(100.0 + TIMEOUT_S)


def test_fresh_connections_that_do_not_help_become_rare():
    echo, now_s, waits = Echo(TOPIC), 0.0, []
    for _ in range(12):
        echo.connect(now_s)
        waits.append(until_new_connection(echo, now_s))
        now_s += waits[-1]
        echo.disconnect()
    assert waits[0] == pytest.approx(TIMEOUT_S, abs=0.1)
    assert waits[1] == pytest.approx(FIRST_PATIENCE_S, abs=0.1)
    assert waits == sorted(waits)
    assert waits[-1] == pytest.approx(LONGEST_PATIENCE_S, abs=0.1)


def test_missing_until_one_has_come_back():
    echo = connected()
    until_new_connection(echo, 100.0)
    echo.disconnect()
    echo.connect(200.0)
    assert echo.is_missing(200.0)
    payload = echo.payload_if_due(200.0)
    assert payload is not None
    echo.receive(payload, 200.1)
    assert not echo.is_missing(200.1)
    echo.connect(300.0)
    assert until_new_connection(echo, 300.0) == pytest.approx(TIMEOUT_S, abs=0.1)
