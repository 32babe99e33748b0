"""Messages in memory: in order, numbered without holes, bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from emoedge.publish.unspooled import UnspooledMessages


def added(count, limit=100):
    messages = UnspooledMessages(limit)
    for number in range(count):
        messages.add("t", b"%d" % number, float(number))
    return messages


def numbers(messages):
    return [entry.seq for entry in messages]


@given(st.integers(0, 60), st.integers(1, 20))
def test_beyond_the_bound_the_oldest_go_and_are_counted(count, limit):
    messages = added(count, limit)
    assert numbers(messages) == list(range(max(1, count - limit + 1), count + 1))
    assert messages.dropped == max(0, count - limit)
    assert messages.oldest_since_s == (max(0, count - limit) if count else None)


def test_each_is_sent_once_a_connection_and_in_order():
    messages = added(3)
    sent = []
    while entry := messages.first_unsent(lambda _entry: True):
        messages.sent(entry.seq)
        sent.append(entry.seq)
    assert sent == [1, 2, 3]
    messages.connection_lost()
    assert messages.first_unsent(lambda entry: entry.seq != 1).seq == 2
    messages.sent(99)
    assert messages.remove(1)
    assert not messages.remove(1)
    assert numbers(messages) == [2, 3]


def test_what_is_to_be_forgotten_goes_by_its_payload():
    messages = added(6)
    assert messages.remove_where(lambda payload: int(payload) % 2 == 0) == [1, 3, 5]
    assert numbers(messages) == [2, 4, 6]
    assert [entry.seq for entry in messages.until(3.0)] == [2, 4], "that came by then"


@given(st.integers(0, 20), st.integers(1, 1000))
def test_new_numbers_keep_the_order_and_what_was_sent(count, first):
    messages = added(count)
    messages.sent(1)
    payloads = [entry.payload for entry in messages]
    new = messages.renumber(first)
    assert new == {old: first + old - 1 for old in range(1, count + 1)}
    assert numbers(messages) == list(range(first, first + count))
    assert [entry.payload for entry in messages] == payloads
    assert messages.next_seq == first + count
    unsent = messages.first_unsent(lambda _entry: True)
    assert (unsent.seq if unsent else None) == (first + 1 if count > 1 else None)
