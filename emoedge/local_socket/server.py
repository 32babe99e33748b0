"""The daemon's side of its socket: one thread, for which no other thread waits.

What is told to the clients is put into a bounded queue by whoever says it, and turned into lines by the
thread. A client that does not read costs the memory of what waits for it, and is disconnected.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from emoedge.health import Health
from emoedge.local_socket.connection import ClientState
from emoedge.local_socket.listener import UnixListener
from emoedge.local_socket.peer import is_allowed, peer_of
from emoedge.local_socket.protocol import (
    PROTOCOL,
    DaemonError,
    Request,
    encode,
    event,
    is_privacy,
    parse_greeting,
    parse_request,
    refusal,
    reply_line,
    wanted_events,
)
from emoedge.translation import tr
from emoedge.version import __version__
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

MAX_CLIENTS: Final = 8
BACKLOG: Final = 128
"""Connections waiting to be accepted or refused; the kernel refuses more for the moment."""
ALIVE_S: Final = 5.0
"""Interval of the event `alive`."""
GREETING_S: Final = 10.0
"""A client that has not greeted by then is disconnected."""
READ_BYTES: Final = 65_536
"""Most that is read from a client at a time."""
SLOW_READ_BYTES: Final = 2_048
SLOW_READ_S: Final = 0.02
"""A client with too many requests is read this many bytes at a time, with this pause after it."""
MAX_OUTBOX: Final = 2_000
"""Events and answers that wait for the thread; beyond it the oldest are lost."""
PICTURE: Final = "picture"
"""Event with the camera's picture, or with the news that it has ended."""

Reply = Callable[[dict[str, Any] | DaemonError], None]
"""Answers a request once; from any thread."""
Handler = Callable[[Request, Reply], None]
"""Carries out a request; called in the server's thread, so it must not wait."""


class SocketServer:
    """Server that listens at the first available place.

    Args:
        places: paths of the socket in the order in which they are tried.
        about: fields of the daemon's greeting, such as its device id.
        handle: carries out requests.
    """

    def __init__(self, places: list[Path], about: Mapping[str, str], handle: Handler) -> None:
        self._places = places
        self._greeting = encode({"emoedge": __version__, "protocol": PROTOCOL, **about})
        self._handle = handle
        self.path: Path | None = None
        """Path of the socket; None while it does not listen."""
        self.fault = ""
        """Reason for which it does not listen, or an empty string."""
        self.wanted: frozenset[str] = frozenset()
        """Events that a client has subscribed to."""
        self._refused = 0
        self._disconnected = 0
        self._listener = UnixListener(BACKLOG)
        self._outbox: deque[tuple[ClientState | None, str, Any]] = deque(maxlen=MAX_OUTBOX)
        self._woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._woken)
        self._selector = selectors.DefaultSelector()
        self._clients: dict[socket.socket, ClientState] = {}
        self._alive_s = time.monotonic()
        self.thread = WorkerThread("socket", self._run, wake=self._wake)

    # ---- from any thread ----

    def start(self) -> None:
        """Begin to listen; where that fails, `fault` says why, and the daemon goes on."""
        for place in self._places:
            try:
                listener = self._listener.bind(place)
            except OSError as error:
                self.fault = tr(
                    "cannot listen at {place}: {strerror}", place=place, strerror=error.strerror or error
                )
                logger.debug("%s", self.fault)
                continue
            self.path, self.fault = place, ""
            self._selector.register(listener, selectors.EVENT_READ)
            self._selector.register(self._woken, selectors.EVENT_READ)
            self.thread.start()
            logger.info("the socket of this daemon is %s", place)
            return
        logger.warning("%s: set paths.socket", self.fault)

    def stop(self, timeout_s: float) -> bool:
        """Disconnect all clients and remove the socket; return whether that was done in time."""
        return self.thread.stop(timeout_s)

    def tell(self, name: str, data: dict[str, Any]) -> None:
        """Send an event to the clients that have subscribed to it; never waits.

        Args:
            name: one of `EVENTS`.
            data: JSON-ready; not changed afterwards.
        """
        if name in self.wanted:
            self._outbox.append((None, name, data))
            self._wake()

    def health(self) -> Health:
        """Return address, number of clients, and numbers of refused and unresponsive clients."""
        figures: dict[str, float | int | str | None] = {
            "path": None if self.path is None else str(self.path),
            "clients": len(self._clients),
            "refused": self._refused,
            "disconnected": self._disconnected,
        }
        if fault := self.fault or self.thread.fault:
            return Health("socket", "degraded", fault, figures)
        return Health("socket", "ok" if self.path else "off", "", figures)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            os.eventfd_write(self._woken, 1)

    # ---- the thread ----

    def _run(self) -> None:
        try:
            while not self.thread.stopping.is_set():
                self._turn()
        finally:
            self.wanted = frozenset()
            for connection in list(self._clients):
                self._leave(connection)
            for key in list(self._selector.get_map().values()):
                if isinstance(key.fileobj, socket.socket):
                    key.fileobj.close()
            self._selector.close()
            self._listener.remove()

    def _turn(self) -> None:
        ready = self._selector.select(self._wait_s(time.monotonic()))
        now_s = time.monotonic()
        for key, mask in ready:
            if key.fileobj == self._woken:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._woken)
            elif isinstance(key.fileobj, socket.socket):
                if key.fileobj in self._clients:
                    self._serve(key.fileobj, mask, now_s)
                else:
                    self._accept(key.fileobj, now_s)
        self._empty_outbox(now_s)
        self._look(now_s)

    def _wait_s(self, now_s: float) -> float:
        """Seconds until there is something to do if nothing comes in."""
        moments = [self._alive_s + ALIVE_S] if self._clients else [now_s + 3600.0]
        moments += [client.resume_s for client in self._clients.values() if client.resume_s > now_s]
        return max(0.0, min(moments) - now_s)

    def _accept(self, listener: socket.socket, now_s: float) -> None:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            logger.debug("cannot accept a connection: %s", error)
            return
        connection.setblocking(False)
        try:
            peer = peer_of(connection)
        except OSError:
            connection.close()
            return
        client = ClientState(peer.pid, now_s)
        if not is_allowed(peer, self._listener.group):
            problem = DaemonError(
                tr("the socket is for root and the group emoedge"),
                tr("run: sudo usermod -aG emoedge USER, and log in again (user {uid})", uid=peer.uid),
                "permission",
            )
        elif len(self._clients) >= MAX_CLIENTS:
            problem = DaemonError(
                tr("{count} clients are connected", count=MAX_CLIENTS), tr("disconnect one of them"), "busy"
            )
        else:
            self._clients[connection] = client
            self._selector.register(connection, selectors.EVENT_READ)
            self._send(connection, "", self._greeting, now_s)
            return
        self._refused += 1
        with contextlib.suppress(OSError):
            connection.send(refusal(None, problem))
        connection.close()

    def _serve(self, connection: socket.socket, mask: int, now_s: float) -> None:
        client = self._clients[connection]
        if mask & selectors.EVENT_WRITE:
            self._flush(connection, now_s)
        if mask & selectors.EVENT_READ and connection in self._clients and not client.is_ending:
            is_slowed = client.resume_s > client.since_s and now_s - client.resume_s < 1.0
            self._read(connection, SLOW_READ_BYTES if is_slowed else READ_BYTES, now_s)

    def _read(self, connection: socket.socket, limit: int, now_s: float) -> None:
        client = self._clients[connection]
        try:
            data = connection.recv(limit)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._leave(connection)
            return
        try:
            lines = client.lines.feed(data)
        except DaemonError as error:
            self._end(connection, error, now_s)
            return
        for line in lines:
            if connection not in self._clients or client.is_ending:
                return
            self._take(connection, client, line, now_s)

    def _take(self, connection: socket.socket, client: ClientState, line: bytes, now_s: float) -> None:
        if client.name is None:
            try:
                client.name = parse_greeting(line)
            except DaemonError as error:
                self._end(connection, error, now_s)
            return
        is_allowed_now = client.allowance.take(now_s)
        if not is_allowed_now:
            client.resume_s = now_s + SLOW_READ_S
        try:
            request = parse_request(line)
        except DaemonError as error:
            if is_allowed_now:
                self._send(connection, "", refusal(None, error), now_s)
            return
        if not is_allowed_now and not is_privacy(request):
            flood = DaemonError(tr("too many requests"), tr("send at most 50 a second"), "rate")
            self._send(connection, "", refusal(request.request_id, flood), now_s)
            return
        self._carry_out(client, request)

    def _carry_out(self, client: ClientState, request: Request) -> None:
        def reply(result: dict[str, Any] | DaemonError) -> None:
            self._outbox.append((client, "", (request.request_id, result)))
            self._wake()

        try:
            if request.act == "subscribe":
                client.events = wanted_events(request)
                self._note_wanted()
                reply({"events": sorted(client.events)})
                return
            self._handle(request, reply)
        except DaemonError as error:
            reply(error)
        except Exception as error:
            logger.exception("unexpected error in a request at the socket")
            reply(DaemonError(f"{type(error).__name__}: {error}"))

    def _empty_outbox(self, now_s: float) -> None:
        connections = {id(client): connection for connection, client in self._clients.items()}
        while True:
            try:
                client, name, data = self._outbox.popleft()
            except IndexError:
                return
            if client is not None:
                connection = connections.get(id(client))
                if connection is not None and connection in self._clients:
                    self._send(connection, "", reply_line(*data), now_s)
                continue
            self._spread(name, data, now_s)

    def _spread(self, name: str, data: dict[str, Any], now_s: float) -> None:
        """Send an event to its subscribers."""
        try:
            line = event(name, data)
        except (TypeError, ValueError):
            logger.exception("cannot send an event %s", name)
            return
        for connection, client in list(self._clients.items()):
            if name == PICTURE and not data["on"]:  # a stream that has ended has no viewers
                client.queue.discard(name)
            if line and name in client.events:
                self._send(connection, name, line, now_s)

    def _look(self, now_s: float) -> None:
        """Say that the daemon lives; disconnect who does not greet, or does not read."""
        is_due = now_s - self._alive_s >= ALIVE_S
        if is_due:
            self._alive_s = now_s
        for connection, client in list(self._clients.items()):
            if is_due and client.name is not None and not client.is_ending:
                self._send(connection, "", event("alive"), now_s)
            if connection not in self._clients:
                continue
            is_late = client.name is None and now_s - client.since_s >= GREETING_S
            if is_late or client.queue.is_stuck(now_s):
                self._drop(connection)
            else:
                self._watch(connection, client, now_s)

    def _watch(self, connection: socket.socket, client: ClientState, now_s: float) -> None:
        """Ask the kernel for what is of interest now."""
        reads = client.resume_s <= now_s and not client.is_ending
        mask = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if client.queue.bytes else 0)
        present = self._selector.get_map().get(connection)
        if present is None and mask:
            self._selector.register(connection, mask)
        elif present is not None and not mask:
            self._selector.unregister(connection)
        elif present is not None and present.events != mask:
            self._selector.modify(connection, mask)

    def _send(self, connection: socket.socket, name: str, line: bytes, now_s: float) -> None:
        client = self._clients[connection]
        was_empty = not client.queue.bytes
        if not client.queue.add(name, line, now_s):
            self._drop(connection)
        elif was_empty:
            self._flush(connection, now_s)

    def _flush(self, connection: socket.socket, now_s: float) -> None:
        client = self._clients[connection]
        while client.queue.bytes:
            head = client.queue.head()
            try:
                count = connection.send(head)
            except BlockingIOError:
                return
            except OSError:
                self._leave(connection)
                return
            client.queue.sent(count, now_s)
            if count < len(head):
                return
        if client.is_ending:
            self._leave(connection)

    def _end(self, connection: socket.socket, error: DaemonError, now_s: float) -> None:
        """Say why, and disconnect once that is sent."""
        self._clients[connection].is_ending = True
        self._refused += 1
        self._send(connection, "", refusal(None, error), now_s)

    def _drop(self, connection: socket.socket) -> None:
        client = self._clients[connection]
        logger.warning("the client %s (process %d) does not read; disconnected", client.name, client.pid)
        self._disconnected += 1
        self._leave(connection)

    def _leave(self, connection: socket.socket) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(connection)
        self._clients.pop(connection, None)
        connection.close()
        self._note_wanted()

    def _note_wanted(self) -> None:
        self.wanted = frozenset().union(*(client.events for client in self._clients.values()))
