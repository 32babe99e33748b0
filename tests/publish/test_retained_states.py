"""Retained topics: the newest value wins, one of each on the way, all again on a new connection."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emoedge.publish.acknowledgements import TIMEOUT_S
from emoedge.publish.retained_states import RetainedStates


class Wire:
    """Takes messages while it has room."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.sent: list[tuple[str, bytes]] = []
        self.qos: list[int] = []

    def __call__(self, topic: str, payload: bytes, /, *, qos: int = 1) -> int | None:
        if not self.room:
            return None
        self.room -= 1
        self.sent.append((topic, payload))
        self.qos.append(qos)
        return len(self.sent)


def test_only_the_newest_of_what_waits_is_sent():
    board, wire = RetainedStates(), Wire()
    for value in (b"1", b"2", b"3"):
        board.update("a", value)
    board.send(wire, 0.0)
    assert wire.sent == [("a", b"3")]


def test_one_of_a_topic_is_on_the_way_at_a_time():
    board, wire = RetainedStates(), Wire()
    board.update("a", b"1")
    board.send(wire, 0.0)
    board.update("a", b"2")
    board.update("b", b"1")
    board.send(wire, 0.0)
    assert wire.sent == [("a", b"1"), ("b", b"1")]
    board.delivered(1)
    board.send(wire, 0.0)
    assert wire.sent[-1] == ("a", b"2")
    board.delivered(2)
    board.delivered(3)
    assert not board.waiting


def test_a_full_wire_keeps_the_rest_in_order():
    board, wire = RetainedStates(), Wire(room=1)
    board.update("a", b"1")
    board.update("b", b"1")
    board.send(wire, 0.0)
    assert wire.sent == [("a", b"1")]
    wire.room = 5
    board.send(wire, 0.0)
    assert wire.sent == [("a", b"1"), ("b", b"1")]


def test_a_new_connection_gets_everything_again():
    board, wire = RetainedStates({"status": b"online"}), Wire()
    board.update("a", b"1")
    board.send(wire, 0.0)
    board.connection_lost()
    assert not board.unacknowledged
    board.send_afresh()
    board.send(wire, 0.0)
    assert sorted(wire.sent[1:]) == [("a", b"1"), ("status", b"online")]


def test_the_last_word_replaces_all_others():
    board, wire = RetainedStates({"status": b"online"}), Wire()
    board.update("a", b"1")
    board.replace_all({"status": b"offline"})
    board.send(wire, 0.0)
    assert wire.sent == [("status", b"offline")]


def test_a_state_that_is_never_acknowledged_does_not_freeze():
    """It stood at its first value for ever."""
    board, wire = RetainedStates(), Wire()
    board.update("a", b"1")
    board.send(wire, 0.0)
    board.update("a", b"2")
    board.send(wire, TIMEOUT_S - 1)
    assert wire.sent == [("a", b"1")]
    assert board.due_in_s(TIMEOUT_S - 1) == 1.0
    board.send(wire, TIMEOUT_S)
    assert wire.sent[1:] == [("a", b"2")]
    # Another unanswered one would use up what may be on the way.
    assert wire.qos == [1, 0]


def test_a_refused_state_is_tried_again_after_growing_pauses():
    board, wire = RetainedStates(), Wire()
    board.update("a", b"1")
    sent_s, now_s = [], 0.0
    while now_s < 200:
        before = len(wire.sent)
        board.send(wire, now_s)
        if len(wire.sent) > before:
            sent_s.append(now_s)
            board.refused(len(wire.sent), now_s, was_sent=True)
            board.update("a", b"2")
        now_s += 1.0
    assert sent_s == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert wire.sent[-1] == ("a", b"2")
    board.send(wire, now_s := 300.0)
    board.delivered(len(wire.sent))
    board.update("a", b"3")
    board.send(wire, now_s)
    assert wire.sent[-1] == ("a", b"3")


def test_a_state_that_cannot_be_sent_waits_for_another_value():
    board, wire = RetainedStates(), Wire()
    board.update("a", b"too large")
    board.send(wire, 0.0)
    board.refused(1, 0.0, was_sent=False)
    board.send(wire, 500.0)
    assert len(wire.sent) == 1
    board.update("a", b"small")
    board.send(wire, 500.0)
    assert wire.sent[-1] == ("a", b"small")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=2), st.integers(0, 2), st.booleans())))
def test_whatever_the_order_the_broker_ends_with_the_newest(steps):
    board, wire, newest, acknowledged = RetainedStates(), Wire(0), {}, 0
    for topic, payload, room, lost in steps:
        newest[topic] = payload
        board.update(topic, payload)
        if lost:
            board.connection_lost()
            board.send_afresh()
            acknowledged = len(wire.sent)
        wire.room = room
        board.send(wire, 0.0)
        if acknowledged < len(wire.sent):
            acknowledged += 1
            board.delivered(acknowledged)
    wire.room = 1000
    for _ in range(len(wire.sent) + 8):
        board.send(wire, 0.0)
        acknowledged += acknowledged < len(wire.sent)
        board.delivered(acknowledged)
    assert {topic: payload for topic, payload in wire.sent if topic in newest} == newest
    assert not board.waiting


def test_emptied_topics_are_those_that_had_a_value():
    board, wire = RetainedStates({"a": b"1", "b": b"2"}), Wire()
    board.empty(["b", "c"])
    board.send(wire, 0.0)
    assert wire.sent == [("b", b"")]
