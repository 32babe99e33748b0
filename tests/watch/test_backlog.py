"""What waits for the screen, within its bytes."""

from __future__ import annotations

from emoedge.watch.backlog import OVERHEAD_BYTES, MessageBacklog


def test_the_backlog_keeps_the_newest_of_each_topic_within_its_bytes() -> None:
    backlog = MessageBacklog(max_bytes=10 * (OVERHEAD_BYTES + 11))
    backlog.put("a", bytes(10))
    for number in range(1000):
        backlog.put("b", bytes([number % 256]) * 10)
    backlog.put("c", bytes(10))
    taken = list(iter(lambda: backlog.take(0), None))
    assert len(taken) == 10
    assert [topic for topic, _ in taken].count("a") == 1
    assert taken[-2:] == [("b", bytes([999 % 256]) * 10), ("c", bytes(10))]
    for number in range(1000):
        backlog.put(str(number), bytes(10))
    taken = list(iter(lambda: backlog.take(0), None))
    assert taken[-1][0] == "999"
    assert sum(len(topic) + 10 + OVERHEAD_BYTES for topic, _ in taken) <= 10 * (OVERHEAD_BYTES + 11)
    backlog.put("x", bytes(100_000))
    assert backlog.take(0) is None, "larger than all"
