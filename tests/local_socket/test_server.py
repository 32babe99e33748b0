"""The server with real sockets: who gets in, what is answered, and what a bad client costs."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emoedge.config import Settings
from emoedge.local_socket.client import DaemonClient, connect
from emoedge.local_socket.connection import MAX_WAITING_BYTES
from emoedge.local_socket.peer import GROUP, Peer, is_allowed
from emoedge.local_socket.places import asking_places, listening_places
from emoedge.local_socket.protocol import MAX_REQUEST_BYTES, DaemonError, Request
from emoedge.local_socket.server import MAX_CLIENTS, Reply, SocketServer
from emoedge.translation import localized, tr
from tests.publish.conftest import until

NOBODY = 65_534


class Daemon:
    """A server whose requests are kept, and answered with their arguments."""

    def __init__(self, *places: Path, state: str = "/state") -> None:
        self.taken: list[Request] = []
        self.late: queue.Queue[Reply] = queue.Queue()
        self.server = SocketServer(list(places), {"device": "salon", "state": state}, self.handle)
        self.server.start()

    def handle(self, request: Request, reply: Reply) -> None:
        self.taken.append(request)
        if request.act == "late":
            self.late.put(reply)
        elif request.act == "fail":
            raise DaemonError("cannot", "try again", "value")
        elif request.act == "private":
            raise DaemonError(tr("privacy is on"), tr("switch it off first"), "privacy")
        elif request.act == "break":
            raise RuntimeError("for the test")
        else:
            reply({"taken": request.values})


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "run" / "daemon.sock"


@pytest.fixture
def daemon(place: Path) -> Iterator[Daemon]:
    daemon = Daemon(place)
    yield daemon
    assert daemon.server.stop(60.0)
    assert daemon.server.thread.died == ""


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
        assert localized(caught.value.message, "es") == "la privacidad está puesta"
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


def test_only_root_the_own_user_and_the_group_are_let_in() -> None:
    mine = os.geteuid()
    assert is_allowed(Peer(1, 0, frozenset({NOBODY})), None)
    assert is_allowed(Peer(1, mine, frozenset()), None)
    assert is_allowed(Peer(1, mine + 1, frozenset({20, 4711})), 4711)
    assert not is_allowed(Peer(1, mine + 1, frozenset({20, 4711})), None)
    assert not is_allowed(Peer(1, mine + 1, frozenset({20})), 4711)


AS_NOBODY = f"""
import os, socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(60)
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
client.connect(sys.argv[1])
print(client.recv(9999).decode())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_another_user_of_the_machine_is_refused_even_where_the_file_lets_them_in() -> None:
    def ask_as_nobody() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-S", "-c", AS_NOBODY, str(place)]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        place = Path(folder) / "daemon.sock"
        daemon = Daemon(place)
        try:
            assert "PermissionError" in ask_as_nobody().stderr
            place.chmod(0o666)
            assert json.loads(ask_as_nobody().stdout)["error"]["code"] == "permission"
            assert daemon.taken == []
        finally:
            daemon.server.stop(60.0)


def test_the_file_is_for_the_group_where_there_is_one_and_gone_at_the_end(
    daemon: Daemon, place: Path
) -> None:
    has_group = any(one.gr_name == GROUP for one in grp.getgrall()) and os.geteuid() == 0
    status = place.stat()
    assert status.st_mode & 0o777 == (0o660 if has_group else 0o600)
    daemon.server.stop(60.0)
    assert not place.exists()


def test_a_daemon_of_the_group_needs_no_chown(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's sandbox refuses it, and the file has the group already."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    for group, mode in ((os.getegid(), 0o660), (os.getegid() + 1, 0o600), (None, 0o600)):
        monkeypatch.setattr("emoedge.local_socket.listener.group_id", lambda group=group: group)
        daemon = Daemon(place)
        assert place.stat().st_mode & 0o777 == mode
        daemon.server.stop(60.0)


def test_a_file_that_nobody_answers_at_is_replaced_and_one_that_is_answered_is_not(place: Path) -> None:
    place.parent.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(place))  # as after a SIGKILL
    first = Daemon(place)
    second = Daemon(place, place.parent / "second.sock")
    third = Daemon(place)
    try:
        assert first.server.path == place
        assert second.server.path == place.parent / "second.sock"
        assert third.server.path is None
        assert "another process" in third.server.health().reason
        with DaemonClient(place, "test") as client:
            assert client.ask("log") == {"taken": {}}
    finally:
        for daemon in (third, second, first):
            daemon.server.stop(60.0)
    place.write_text("a file of somebody", encoding="utf-8")
    assert Daemon(place).server.path is None
    assert place.read_text(encoding="utf-8") == "a file of somebody"


def test_a_path_of_any_length_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 50)
    folder.mkdir()
    daemon = Daemon(folder / "daemon.sock")
    try:
        with DaemonClient(folder / "daemon.sock", "test") as client:
            assert client.ask("log") == {"taken": {}}
    finally:
        daemon.server.stop(60.0)
    assert not (folder / "daemon.sock").exists()


def test_the_daemon_of_these_settings_is_found_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(tmp_path / "run"))
    mine, other = (Settings.model_validate({"paths": {"state": str(tmp_path / name)}}) for name in ("a", "b"))
    mine.paths.state.mkdir()
    stranger = Daemon(*listening_places(other), state=str(other.paths.state))
    daemon = Daemon(*listening_places(mine), state=str(mine.paths.state))
    try:
        assert stranger.server.path == tmp_path / "run" / "daemon.sock"
        assert daemon.server.path == mine.paths.state / "daemon.sock"
        with contextlib.ExitStack() as held:
            client = connect(mine, "test")
            assert client is not None
            held.enter_context(client)
            assert client.path == daemon.server.path
        daemon.server.stop(60.0)
        assert connect(mine, "test") is None
    finally:
        daemon.server.stop(60.0)
        stranger.server.stop(60.0)


def test_a_path_that_is_set_is_the_only_place(tmp_path: Path) -> None:
    settings = Settings.model_validate({"paths": {"socket": str(tmp_path / "my.sock")}})
    assert listening_places(settings) == asking_places(settings) == [tmp_path / "my.sock"]
