"""Lines of the socket: bounded, checked, and never an exception that nobody expects."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.local_socket.protocol import (
    MAX_ANSWER_BYTES,
    PROTOCOL,
    DaemonError,
    LineReader,
    answer,
    decode,
    encode,
    event,
    parse_greeting,
    parse_request,
)


@given(
    st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line and line.strip()), max_size=8),
    st.data(),
)
def test_lines_come_out_as_they_went_in_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    reader, found = LineReader(64), list[bytes]()
    while stream:
        count = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:count])
        stream = stream[count:]
    assert found == lines


@pytest.mark.parametrize("data", [b"x" * 65, b"x" * 65 + b"\n", b"{}\n" + b"x" * 65])
def test_a_line_that_is_too_long_is_an_error_before_it_ends(data: bytes) -> None:
    with pytest.raises(DaemonError) as caught:
        LineReader(64).feed(data)
    assert caught.value.code == "too_large"


@given(st.binary(max_size=200))
def test_any_line_is_a_request_or_a_refusal(line: bytes) -> None:
    for parse in (parse_request, parse_greeting):
        with contextlib.suppress(DaemonError):
            parse(line)


def test_a_deep_request_is_refused_before_it_is_read() -> None:
    with pytest.raises(DaemonError):
        parse_request(b'{"id":1,"do":"log","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}")


def test_a_request_has_an_id_what_to_do_and_arguments() -> None:
    request = parse_request(b'{"id":7,"do":"control","name":"margin","value":"0.3"}')
    assert (request.request_id, request.act, request.values) == (
        7,
        "control",
        {"name": "margin", "value": "0.3"},
    )
    assert request.text("name") == "margin"
    for wrong in (b'{"do":"log"}', b'{"id":true,"do":"log"}', b'{"id":"7","do":"log"}', b"[]", b"\xff", b"{"):
        with pytest.raises(DaemonError):
            parse_request(wrong)


def test_arguments_are_checked() -> None:
    request = parse_request(b'{"id":1,"do":"x","number":5,"flag":true,"text":"abc","huge":1e400}')
    assert request.number("number", 1, 10) == 5.0
    assert request.flag("flag") is True
    assert request.flag("other", False) is False
    for call in (
        lambda: request.number("flag", 0, 10),
        lambda: request.number("number", 6, 10),
        lambda: request.number("huge", 0, 10),
        lambda: request.text("number"),
        lambda: request.text("text", 2),
        lambda: request.flag("text"),
        lambda: request.text("missing"),
    ):
        with pytest.raises(DaemonError):
            call()


def test_another_protocol_is_refused_with_both_numbers() -> None:
    assert parse_greeting(b'{"protocol":1,"client":"web"}') == "web"
    with pytest.raises(DaemonError) as caught:
        parse_greeting(b'{"protocol":9,"client":"web"}')
    assert caught.value.code == "protocol"
    assert str(PROTOCOL) in caught.value.message
    assert "9" in caught.value.message


def test_an_answer_that_is_too_long_becomes_a_refusal_and_such_an_event_is_left_out() -> None:
    long = {"text": "x" * MAX_ANSWER_BYTES}
    assert json.loads(answer(3, long)) == {
        "id": 3,
        "error": {"code": "too_large", "reason": "the answer is too long", "remedy": None},
    }
    assert event("health", long) == b""
    assert decode(event("alive")) == {"event": "alive"}
    assert encode({"reason": "señal"}) == '{"reason":"señal"}\n'.encode()
