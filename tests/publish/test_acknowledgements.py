"""Messages without an answer. Pure."""

from __future__ import annotations

from emoedge.publish.acknowledgements import LONGEST_PATIENCE_S, PATIENCE_S, TIMEOUT_S, Acknowledgements
from emoedge.publish.retry import Sent


def test_an_answer_in_time_is_all_that_is_wanted():
    waiting = Acknowledgements()
    waiting.add(1, "a", 0.0)
    assert waiting.pending == (Sent("a", 0),)
    assert waiting.missing(TIMEOUT_S - 0.1) == ()
    assert waiting.remove(1) == "a"
    assert waiting.remove(1) == ""
    assert waiting.missing(1e6) == waiting.pending == ()
    assert waiting.taken == {Sent("a", 0)}
    assert not waiting.needs_connection(1e6)


def test_an_overdue_answer_is_named_by_its_topic():
    waiting = Acknowledgements()
    for number, topic in enumerate("aba"):
        waiting.add(number, topic, 0.0)
    waiting.add(9, "c", TIMEOUT_S)
    assert waiting.missing(TIMEOUT_S) == ("a", "b")


def test_fresh_connections_that_do_not_help_become_rare():
    waiting, now_s, waits = Acknowledgements(), 0.0, []
    for _ in range(10):
        waiting.connect()
        waiting.add(1, "a", now_s)
        waits.append(waiting.due_in_s(now_s))
        assert not waiting.needs_connection(now_s + waits[-1] - 0.1)
        now_s += waits[-1]
        assert waiting.needs_connection(now_s)
    assert waits[:3] == [PATIENCE_S, 2 * PATIENCE_S, 4 * PATIENCE_S]
    assert waits[-1] == LONGEST_PATIENCE_S
    waiting.remove(1)
    waiting.add(1, "a", now_s)
    assert waiting.due_in_s(now_s) == PATIENCE_S
