"""Topics on which a broker closes the connection. Pure."""

from __future__ import annotations

from emoedge.publish.retry import ConnectionEnd
from emoedge.publish.suspects import CLOSED_S, MAX_STRIKES, Suspects, group


def end(*pending: str, failure="lost", taken: str = "") -> ConnectionEnd:
    return ConnectionEnd(failure, "", "5", 1.0, pending=pending, taken=frozenset(taken))


def test_the_same_topic_on_the_way_each_time_is_given_up():
    suspects = Suspects()
    # The first time, many were on the way.
    assert not suspects.connection_ended(end("a", "b", "c"), 0.0)
    assert suspects.careful
    for _ in range(MAX_STRIKES):
        assert not suspects.is_closed("b", 0.0)
        assert suspects.connection_ended(end("b", "c"), 0.0)
    assert suspects.closed(0.0) == ("b",)
    assert not suspects.is_closed("c", 0.0)


def test_a_topic_that_was_given_up_is_tried_again_later_once():
    suspects = Suspects()
    for _ in range(MAX_STRIKES + 1):
        suspects.connection_ended(end("b"), 0.0)
    assert suspects.is_closed("b", CLOSED_S - 1)
    assert not suspects.is_closed("b", CLOSED_S)
    suspects.connection_ended(end("b"), CLOSED_S)
    assert suspects.is_closed("b", CLOSED_S)


def test_a_network_that_breaks_again_and_again_blames_no_topic():
    """Messages of a device that speaks all the time are always on the way."""
    suspects = Suspects()
    for _ in range(20):
        assert not suspects.connection_ended(end("b", taken="abc"), 0.0)
    suspects.connection_ended(end("b"), 0.0)
    suspects.connection_ended(end("b"), 0.0)
    suspects.connection_ended(end("b", taken="b"), 0.0)
    suspects.connection_ended(end("b"), 0.0)
    assert suspects.closed(0.0) == ()


def test_different_topics_are_chance():
    suspects = Suspects()
    for topic in "abcabcabc":
        suspects.connection_ended(end(topic), 0.0)
    assert suspects.closed(0.0) == ()


def test_a_connection_that_breaks_with_nothing_on_the_way_blames_nothing():
    suspects = Suspects()
    for _ in range(5):
        assert not suspects.connection_ended(end(), 0.0)
    for failure in ("unreachable", "taken_over", "no_echo"):
        assert not suspects.connection_ended(end("a", failure=failure), 0.0)


def test_one_at_a_time_ends_when_a_connection_lasts():
    suspects = Suspects()
    suspects.connection_ended(end("a"), 0.0)
    suspects.calm_down()
    assert not suspects.connection_ended(end("a"), 0.0)


def test_announcements_are_one_group():
    assert group("homeassistant/device/x_values/config") == group("homeassistant/device/x/config")
    assert group("emoedge/x/status") == "emoedge/x/status"
