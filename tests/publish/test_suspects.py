"""Messages and topics on which a broker closes the connection. Pure."""

from __future__ import annotations

from emoedge.publish.retry import ConnectionEnd, Failure, Sent
from emoedge.publish.suspects import CLOSED_S, MAX_STRIKES, Suspects, digest, group

PAYLOADS = [b"%d" % number for number in range(20)]


def end(
    topic: str = "", payload: bytes = b"x", *, failure: Failure = "lost", taken: str = ""
) -> ConnectionEnd:
    pending = (Sent(topic, digest(payload)), Sent("behind", 1)) if topic else ()
    others = frozenset(Sent(one, 99) for one in taken)
    return ConnectionEnd(failure, "", "5", 1.0, pending=pending, taken=others)


def test_the_same_message_on_the_way_each_time_is_given_up() -> None:
    suspects = Suspects()
    # The first time, many were on the way.
    assert not suspects.connection_ended(end("a"), 0.0)
    assert suspects.careful
    for _ in range(MAX_STRIKES):
        assert not suspects.is_closed("b", 0.0, b"x")
        assert suspects.connection_ended(end("b"), 0.0)
    assert suspects.is_closed("b", 0.0, b"x")
    assert not suspects.is_closed("b", 0.0, b"y")
    assert not suspects.is_closed("behind", 0.0, b"x")
    assert suspects.closed(0.0) == ("b",)


def test_a_topic_whose_messages_all_do_it_is_given_up() -> None:
    suspects = Suspects()
    suspects.connection_ended(end(), 0.0)
    for payload in (b"first", b"second"):
        for _ in range(MAX_STRIKES):
            suspects.connection_ended(end("b", payload), 0.0)
    assert suspects.is_closed("b", 0.0, b"third")


def test_a_state_with_another_value_each_time_is_given_up_as_a_topic() -> None:
    suspects = Suspects()
    suspects.connection_ended(end(), 0.0)
    for payload in PAYLOADS[:MAX_STRIKES]:
        suspects.connection_ended(end("b", payload), 0.0)
    assert suspects.is_closed("b", 0.0, b"any other")


def test_a_message_that_breaks_what_others_of_its_topic_do_not() -> None:
    """The messages before it are taken each time."""
    suspects = Suspects()
    suspects.connection_ended(end(), 0.0)
    suspects.connection_ended(end("b"), 0.0)
    for _ in range(MAX_STRIKES):
        suspects.connection_ended(end("b", taken="b"), 0.0)
    assert suspects.is_closed("b", 0.0, b"x")
    assert not suspects.is_closed("b", 0.0, b"y")


def test_a_topic_that_was_given_up_is_tried_again_later_once() -> None:
    suspects = Suspects()
    suspects.connection_ended(end(), 0.0)
    for payload in PAYLOADS[:MAX_STRIKES]:
        suspects.connection_ended(end("b", payload), 0.0)
    assert suspects.is_closed("b", CLOSED_S - 1, b"x")
    assert not suspects.is_closed("b", CLOSED_S, b"x")
    suspects.connection_ended(end("b"), CLOSED_S)
    assert suspects.is_closed("b", CLOSED_S, b"x")


def test_a_subscription_is_given_up() -> None:
    suspects = Suspects()
    suspects.connection_ended(end(), 0.0)
    for _ in range(MAX_STRIKES):
        suspects.connection_ended(ConnectionEnd("lost", "", "5", pending=(Sent("ha/status", 0),)), 0.0)
    assert suspects.is_closed("ha/status", 0.0)


def test_a_network_that_breaks_again_and_again_blames_nothing() -> None:
    """Messages of a device that speaks all the time are always on the way."""
    suspects = Suspects()
    for payload in PAYLOADS:
        assert not suspects.connection_ended(end("b", payload, taken="abc"), 0.0)
    suspects.connection_ended(end("b", b"1"), 0.0)
    suspects.connection_ended(end("b", b"2"), 0.0)
    suspects.connection_ended(end("b", b"3", taken="b"), 0.0)
    suspects.connection_ended(end("b", b"4"), 0.0)
    assert suspects.closed(0.0) == ()


def test_different_topics_are_chance() -> None:
    suspects = Suspects()
    for topic in "abcabcabc":
        suspects.connection_ended(end(topic), 0.0)
    assert suspects.closed(0.0) == ()


def test_a_connection_that_breaks_with_nothing_on_the_way_blames_nothing() -> None:
    suspects = Suspects()
    for _ in range(5):
        assert not suspects.connection_ended(end(), 0.0)
    failures: tuple[Failure, ...] = ("unreachable", "taken_over", "no_echo")
    for failure in failures:
        assert not suspects.connection_ended(end("a", failure=failure), 0.0)


def test_one_at_a_time_ends_when_a_connection_lasts() -> None:
    suspects = Suspects()
    suspects.connection_ended(end("a"), 0.0)
    suspects.calm_down()
    assert not suspects.connection_ended(end("a"), 0.0)


def test_announcements_are_one_group() -> None:
    assert group("homeassistant/device/x_values/config") == group("homeassistant/device/x/config")
    assert group("emoedge/x/status") == "emoedge/x/status"
