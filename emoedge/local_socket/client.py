"""A program's side of the daemon's socket. For one thread."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from typing_extensions import Self

from emoedge.config import Settings
from emoedge.local_socket.places import asking_places, at_place
from emoedge.local_socket.protocol import MAX_ANSWER_BYTES, PROTOCOL, DaemonError, LineReader, decode, encode
from emoedge.translation import tr

ANSWER_S: Final = 30.0
"""Seconds for an answer, where the caller gives no other."""
CONNECT_S: Final = 5.0
MAX_EVENTS_KEPT: Final = 1_000
"""Events that wait while an answer is awaited; beyond it the oldest are lost."""


class DaemonClient:
    """A connection to the running daemon; closes itself as a context manager.

    Args:
        path: of the socket.
        name: what the daemon calls this client in its log.

    Raises:
        DaemonError: no daemon listens there (code `absent`), or it refuses.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = path
        self._lines = LineReader(MAX_ANSWER_BYTES)
        self._events: deque[dict[str, Any]] = deque(maxlen=MAX_EVENTS_KEPT)
        self._waiting: deque[dict[str, Any]] = deque()
        self._next_id = 1
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(CONNECT_S)
            at_place(path, self._socket.connect)
            self.about = self._first_line()
            """The daemon's greeting: `emoedge` (its version), `protocol`, `device`, `state` (a folder)."""
            self._write({"protocol": PROTOCOL, "client": name})
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
            self._socket.close()
            raise DaemonError(
                tr("no daemon listens at {path}", path=path), tr("start it"), "absent"
            ) from error
        except PermissionError as error:
            self._socket.close()
            raise DaemonError(
                tr("cannot open {path}: permission denied", path=path),
                tr("run it with sudo, or join the group emoedge"),
                "permission",
            ) from error
        except OSError as error:
            self._socket.close()
            raise DaemonError(
                tr("the daemon at {path} does not answer: {error}", path=path, error=error), tr("restart it")
            ) from error
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()

    def fileno(self) -> int:
        """The descriptor, for select(2)."""
        return self._socket.fileno()

    def ask(self, act: str, /, *, timeout_s: float = ANSWER_S, **values: Any) -> dict[str, Any]:
        """Have the daemon do something and return its answer.

        Args:
            act: the `do`.
            timeout_s: how long to wait.
            values: arguments of the request.

        Raises:
            DaemonError: it refuses, does not answer in time, or has gone.
        """
        request_id, self._next_id = self._next_id, self._next_id + 1
        self._write({"id": request_id, "do": act, **values})
        deadline_s = time.monotonic() + timeout_s
        while True:
            line = self._line(deadline_s)
            if line is None:
                raise DaemonError(tr("the daemon does not answer"), tr("check its log"), "timeout")
            if "event" in line:
                self._events.append(line)
            elif line.get("id") == request_id or (line.get("id") is None and "error" in line):
                return _result(line)

    def subscribe(self, *events: str) -> None:
        """Have the daemon send these events from now on; raises DaemonError."""
        self.ask("subscribe", events=list(events))

    def take(self, timeout_s: float) -> tuple[str, dict[str, Any]] | None:
        """The next event, or None when none came in time; raises DaemonError when the daemon has gone."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            line = self._events.popleft() if self._events else self._line(deadline_s)
            if line is None:
                return None
            name, data = line.get("event"), line.get("data")
            if isinstance(name, str) and isinstance(data, dict):
                return name, data

    def _first_line(self) -> dict[str, Any]:
        line = self._line(time.monotonic() + CONNECT_S)
        if line is None:
            raise TimeoutError("no greeting")
        if "error" in line:
            _result(line)
        if line.get("protocol") != PROTOCOL:
            raise DaemonError(
                tr(
                    "the daemon speaks protocol {theirs}, this program {ours}",
                    theirs=str(line.get("protocol"))[:20],
                    ours=PROTOCOL,
                ),
                tr("install the same version of emoedge on both sides, and restart both"),
                "protocol",
            )
        return line

    def _write(self, value: dict[str, Any]) -> None:
        try:
            self._socket.sendall(encode(value))
        except OSError as error:
            raise _gone(error) from error

    def _line(self, deadline_s: float) -> dict[str, Any] | None:
        """The next line, or None when none came in time."""
        while not self._waiting:
            left_s = max(0.0, deadline_s - time.monotonic())
            if not select.select([self._socket], [], [], left_s)[0]:
                return None
            try:
                data = self._socket.recv(65_536)
            except OSError as error:
                raise _gone(error) from error
            if not data:
                raise _gone(None)
            self._waiting.extend(decode(line) for line in self._lines.feed(data))
        return self._waiting.popleft()


def connect(settings: Settings, name: str) -> DaemonClient | None:
    """Connect to the daemon with these settings, whoever has started it; None where none runs.

    Raises:
        DaemonError: one runs, and does not let this process in or speaks another protocol.
    """
    problem: DaemonError | None = None
    for client in _tries(settings, name):
        if isinstance(client, DaemonError):
            problem = problem or (client if client.code != "absent" else None)
        elif client.about.get("state") == str(settings.paths.state.absolute()):
            return client
        else:
            client.close()  # another daemon on this machine
    if problem is not None:
        raise problem
    return None


def _tries(settings: Settings, name: str) -> Iterator[DaemonClient | DaemonError]:
    for place in asking_places(settings):
        try:
            yield DaemonClient(place, name)
        except DaemonError as error:
            yield error


def _result(line: dict[str, Any]) -> dict[str, Any]:
    error = line.get("error")
    if isinstance(error, dict):
        reason, remedy, code = (str(error.get(key) or "") for key in ("reason", "remedy", "code"))
        # The daemon writes English; messages that are literally in the catalogues can be translated.
        raise DaemonError(tr(reason), tr(remedy), code)
    ok = line.get("ok")
    return ok if isinstance(ok, dict) else {}


def _gone(error: OSError | None) -> DaemonError:
    what = (
        tr("the daemon has closed the connection: {error}", error=error)
        if error
        else tr("the daemon has closed the connection")
    )
    return DaemonError(what, tr("start it"), "gone")
