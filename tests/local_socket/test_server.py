"""The server with real sockets: who gets in, what is answered, and what a bad client costs."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emoedge.local_socket.client import DaemonClient
from emoedge.local_socket.connection import MAX_WAITING_BYTES
from emoedge.local_socket.protocol import MAX_REQUEST_BYTES, DaemonError
from emoedge.local_socket.server import MAX_CLIENTS
from emoedge.translation import localized
from tests.publish.conftest import until

from .conftest import Daemon


def raw(place: Path) -> socket.socket:
    """A client that does as it likes."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(60.0)
    client.connect(str(place))
    return client


def lines_of(client: socket.socket) -> Iterator[dict[str, Any]]:
    """Lines until the daemon ends the connection, but for the signs of life."""
    rest = b""
    with contextlib.suppress(ConnectionResetError):
        while data := client.recv(65_536):
            *whole, rest = (rest + data).split(b"\n")
            yield from (line for line in map(json.loads, whole) if line.get("event") != "alive")


GREETING = b'{"protocol":1,"client":"test"}\n'


def test_requests_are_answered_and_events_come_to_subscribers_alone(daemon: Daemon, place: Path) -> None:
    with DaemonClient(place, "one") as one, DaemonClient(place, "two") as two:
        assert one.about["device"] == "salon"
        assert one.ask("log", lines=3) == {"taken": {"lines": 3}}
        one.subscribe("face", "health")
        assert daemon.server.wanted == {"face", "health"}
        daemon.server.tell("emotion", {"number": 0})
        daemon.server.tell("face", {"number": 1})
        assert one.take(60.0) == ("face", {"number": 1})
        two.subscribe("emotion")
        daemon.server.tell("emotion", {"number": 2})
        assert two.take(60.0) == ("emotion", {"number": 2})
    until(lambda: daemon.server.wanted == frozenset(), "nobody has subscribed")
    assert daemon.server.health().state == "ok"


def test_answers_from_other_threads_find_their_client(daemon: Daemon, place: Path) -> None:
    with DaemonClient(place, "test") as client:
        threading.Thread(target=lambda: daemon.late.get(timeout=60.0)({"done": True})).start()
        assert client.ask("late") == {"done": True}


def test_what_goes_wrong_is_an_answer(daemon: Daemon, place: Path) -> None:
    with DaemonClient(place, "test") as client:
        with pytest.raises(DaemonError) as caught:
            client.ask("fail")
        assert (caught.value.code, caught.value.remedy) == ("value", "try again")
        with pytest.raises(DaemonError, match="RuntimeError: for the test"):
            client.ask("break")
        for wrong in ("face", ["face", "secrets"], [1], None):
            with pytest.raises(DaemonError):
                client.ask("subscribe", events=wrong)
        assert client.ask("log") == {"taken": {}}


def test_a_refusal_is_english_on_the_wire_and_in_the_readers_language_where_it_is_shown(
    daemon: Daemon, place: Path
) -> None:
    with raw(place) as client:
        client.sendall(GREETING + b'{"id":1,"do":"private"}\n')
        lines = lines_of(client)
        next(lines)
        error = {"code": "privacy", "reason": "privacy is on", "remedy": "switch it off first"}
        assert next(lines) == {"id": 1, "error": error}
    with DaemonClient(place, "test") as known:
        with pytest.raises(DaemonError) as caught:
            known.ask("private")
        assert localized(caught.value.message, "es") == "la privacidad está activada"
        assert localized(caught.value.remedy, "es") == "quítela antes"
        with pytest.raises(DaemonError) as caught:
            known.ask("fail")
        assert localized(caught.value.message, "es") == "cannot", "what the catalogues lack stays as it is"


def test_another_protocol_is_told_and_disconnected(daemon: Daemon, place: Path) -> None:
    with raw(place) as client:
        client.sendall(b'{"protocol":2,"client":"newer"}\n')
        first, second = lines_of(client)
    assert first["protocol"] == 1
    assert second["error"]["code"] == "protocol"
    assert daemon.taken == []


@pytest.mark.parametrize(
    "line", [b"\xff\xfe\n", b"[]\n", b"null\n", b'{"id":1}garbage\n', b'{"id":{},"do":"log"}\n']
)
def test_garbage_is_answered_and_changes_nothing(daemon: Daemon, place: Path, line: bytes) -> None:
    with raw(place) as client:
        client.sendall(GREETING + line + b'{"id":2,"do":"log"}\n')
        lines = lines_of(client)
        next(lines)
        assert next(lines)["error"]["code"] == "bad_request"
        assert next(lines) == {"id": 2, "ok": {"taken": {}}}


def test_an_oversized_line_ends_the_connection(daemon: Daemon, place: Path) -> None:
    with raw(place) as client:
        client.sendall(GREETING)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(b"x" * (MAX_REQUEST_BYTES + 1))
        *_, last = lines_of(client)
    assert last["error"]["code"] == "too_large"
    with DaemonClient(place, "next") as client:
        assert client.ask("log") == {"taken": {}}


def test_a_thousand_requests_at_once_are_refused_and_privacy_is_not(daemon: Daemon, place: Path) -> None:
    flood = b"".join(b'{"id":%d,"do":"log"}\n' % number for number in range(1_000))
    privacy = b'{"id":1000,"do":"control","name":"privacy","value":"ON"}\n'
    with raw(place) as client:
        client.sendall(GREETING + flood + privacy)
        answers = {}
        for line in lines_of(client):
            if "id" in line:
                answers[line["id"]] = line
            if line.get("id") == 1_000:
                break
    assert answers[0] == {"id": 0, "ok": {"taken": {}}}
    assert answers[1_000]["ok"] == {"taken": {"name": "privacy", "value": "ON"}}
    assert sum(line.get("error", {}).get("code") == "rate" for line in answers.values()) > 100
    assert len(answers) == 1_001


def test_one_more_client_than_there_may_be_is_told(daemon: Daemon, place: Path) -> None:
    with contextlib.ExitStack() as held:
        for number in range(MAX_CLIENTS):
            held.enter_context(DaemonClient(place, str(number))).ask("log")
        with pytest.raises(DaemonError) as caught, DaemonClient(place, "more") as more:
            more.ask("log")
    assert caught.value.code == "busy"


def test_a_client_that_does_not_read_is_disconnected_and_nobody_waits_for_it(
    daemon: Daemon, place: Path
) -> None:
    with raw(place) as stopped, DaemonClient(place, "other") as other:
        stopped.sendall(GREETING + b'{"id":1,"do":"subscribe","events":["face","text"]}\n')
        until(lambda: "text" in daemon.server.wanted, "it has subscribed")
        other.subscribe("text")
        big = {"transcript": "x" * 50_000}
        for number in range(3 * MAX_WAITING_BYTES // 50_000):
            daemon.server.tell("text", big | {"number": number})
            assert other.take(60.0) == ("text", big | {"number": number})
        until(lambda: daemon.server.health().figures["disconnected"] == 1, "it is disconnected")
        assert daemon.server.health().figures["clients"] == 1
