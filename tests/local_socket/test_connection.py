"""What waits for a client: bounded, the newest of states alone, and given up where nobody reads."""

from __future__ import annotations

from emoedge.local_socket.connection import MAX_WAITING_BYTES, REQUESTS_HZ, UNREAD_S, Allowance, SendQueue


def drain(queue: SendQueue) -> bytes:
    sent = b""
    while queue.bytes:
        head = queue.head(1_000)
        queue.sent(len(head), 0.0)
        sent += head
    return sent


def test_lines_go_out_whole_and_in_order() -> None:
    queue = SendQueue()
    for number in range(100):
        assert queue.add("health", b"%d\n" % number * 50, 0.0)
    assert drain(queue) == b"".join(b"%d\n" % number * 50 for number in range(100))
    assert queue.head() == b""


def test_beyond_the_bound_states_keep_their_newest_and_answers_stay() -> None:
    queue, block = SendQueue(), b"x" * 9_999 + b"\n"
    queue.add("face", b"half sent" + block, 0.0)
    queue.sent(4, 0.0)
    queue.add("", b"answer\n", 0.0)
    for number in range(150):
        assert queue.add("face" if number % 2 else "level", b"%3d" % number + block, 0.0)
    sent = drain(queue)
    assert sent.startswith(b" sent" + block)
    assert b"answer\n" in sent
    assert len(sent) <= MAX_WAITING_BYTES
    assert b"149" + block in sent
    assert b"148" + block in sent
    assert b"  1" + block not in sent


def test_what_must_not_be_left_out_ends_a_client_that_is_behind() -> None:
    queue, block = SendQueue(), b"x" * 9_999 + b"\n"
    assert all(queue.add("text", block, 0.0) for _ in range(MAX_WAITING_BYTES // len(block)))
    assert not queue.add("text", block, 0.0)


def test_a_client_that_takes_nothing_is_stuck_and_one_that_takes_a_little_is_not() -> None:
    queue = SendQueue()
    assert not queue.is_stuck(1e9)
    queue.add("text", b"x" * 100, 0.0)
    queue.sent(1, UNREAD_S - 1)
    assert not queue.is_stuck(UNREAD_S)
    assert queue.is_stuck(2 * UNREAD_S)
    queue.sent(99, 2 * UNREAD_S)
    assert not queue.is_stuck(1e9)


def test_requests_are_allowed_for_a_second_at_once_and_then_at_their_rate() -> None:
    allowance = Allowance(0.0)
    assert sum(allowance.take(0.0) for _ in range(1_000)) == REQUESTS_HZ
    assert sum(allowance.take(0.1) for _ in range(1_000)) == REQUESTS_HZ / 10
    assert sum(allowance.take(60.0) for _ in range(1_000)) == REQUESTS_HZ
