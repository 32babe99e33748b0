"""Topics with messages that are much too large: shut out for a growing while, never for ever."""

from __future__ import annotations

from emoedge.publish.oversized import FIRST_PAUSE_S, LONGEST_PAUSE_S, MAX_TOPICS, OversizedTopics
from emoedge.publish.packet_reader import ABANDONED_BYTES

HUGE = ABANDONED_BYTES + 1


def test_what_can_be_waited_for_is_counted_alone():
    topics = OversizedTopics()
    assert not topics.take("x", ABANDONED_BYTES, 0.0)
    assert (topics.count, topics.last, topics.left_out(0.0)) == (1, "x", ())
    assert topics.due_in_s(0.0) == float("inf")


def test_the_pauses_of_a_topic_grow_and_another_one_has_its_own():
    topics = OversizedTopics()
    assert topics.take("x", HUGE, 0.0)
    assert topics.left_out(FIRST_PAUSE_S - 1) == ("x",)
    assert topics.due_in_s(100.0) == FIRST_PAUSE_S - 100
    assert topics.left_out(FIRST_PAUSE_S) == (), "tried again"
    assert topics.take("x", HUGE, FIRST_PAUSE_S)
    assert topics.take("y", HUGE, FIRST_PAUSE_S)
    assert topics.left_out(2 * FIRST_PAUSE_S + 1) == ("x",)
    for _ in range(50):
        topics.take("x", HUGE, 0.0)
    assert topics.left_out(LONGEST_PAUSE_S - 1) == ("x",)
    assert topics.left_out(LONGEST_PAUSE_S) == ()
    assert topics.count == 53


def test_invented_topics_do_not_fill_the_memory():
    topics = OversizedTopics()
    for number in range(MAX_TOPICS + 5):
        topics.take(f"t{number}", HUGE, 0.0)
    assert topics.left_out(1.0) == tuple(f"t{number}" for number in range(5, MAX_TOPICS + 5))
