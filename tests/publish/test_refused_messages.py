"""Refused messages: limited attempts, growing pauses. Pure."""

from __future__ import annotations

import pytest

from emoedge.publish.refused_messages import (
    ATTEMPTS,
    DOUBTFUL_ATTEMPTS,
    LAST_ATTEMPTS,
    MAX_WAITING,
    RefusedMessages,
)
from emoedge.publish.spool_entry import Entry

ENTRY = Entry(7, "event", b"x")


def attempts(refused: RefusedMessages, code: int, *, was_sent: bool = True, others: bool = False) -> int:
    """Number of attempts until the message is set aside."""
    count, now_s = 1, 0.0
    while not refused.refuse(ENTRY, code, now_s, was_sent=was_sent):
        assert refused.due(now_s) is None
        now_s += refused.due_in_s(now_s)
        assert refused.due(now_s) == ENTRY
        refused.sent(ENTRY.seq)
        assert refused.due(now_s + 1e6) is None
        if others:
            refused.taken(99)
        count += 1
    assert ENTRY.seq not in refused
    return count


@pytest.mark.parametrize(
    ("code", "others", "expected"),
    [
        (0x87, False, ATTEMPTS),
        (0x90, True, ATTEMPTS),
        (0x95, False, 1),
        (0x97, True, DOUBTFUL_ATTEMPTS),
        (0x80, True, DOUBTFUL_ATTEMPTS),
        (0x97, False, LAST_ATTEMPTS),
    ],
)
def test_attempts_are_limited(code, others, expected):
    assert attempts(RefusedMessages(), code, others=others) == expected


def test_what_cannot_be_sent_is_not_tried_again():
    assert attempts(RefusedMessages(), 0x87, was_sent=False) == 1


def test_a_message_that_is_taken_in_the_end_starts_over():
    refused = RefusedMessages()
    refused.refuse(ENTRY, 0x87, 0.0, was_sent=True)
    refused.taken(ENTRY.seq)
    assert attempts(refused, 0x87) == ATTEMPTS


def test_a_new_connection_tries_again_at_once():
    refused = RefusedMessages()
    refused.refuse(ENTRY, 0x97, 0.0, was_sent=True)
    refused.connection_lost()
    assert refused.due(0.0) == ENTRY


def test_a_broker_that_refuses_everything_is_seen():
    refused = RefusedMessages()
    for number in range(MAX_WAITING):
        assert not refused.is_full
        refused.refuse(Entry(number, "event", b"x"), 0x97, 0.0, was_sent=True)
    assert refused.is_full
