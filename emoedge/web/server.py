"""The HTTP server: uvicorn with bounds on heads, slow clients and connections."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from emoedge.config.web_settings import WebSettings
from emoedge.errors import EmoedgeError
from emoedge.translation import tr

MAX_HEAD_BYTES: Final = 16_000
MAX_CONNECTIONS: Final = 200
ARRIVAL_S: Final = 10.0
"""Seconds within which a request must arrive, from its first byte or from the connection on."""
IDLE_S: Final = 30
"""Seconds for which a connection without a request stays open."""
STOP_S: Final = 2
"""Seconds that answers under way have when the process ends."""
WATCHDOG_S: Final = 10.0
BACKLOG: Final = 128
GROUP: Final = "emoedge"
_SOCKET_MODE: Final = 0o660


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 that ends slow requests, and the longest idle connection where there are too many."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._arrival: asyncio.TimerHandle | None = None
        self._used_s = self.loop.time()
        self._is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room, and begin to wait for the request."""
        if len(self.connections) >= MAX_CONNECTIONS and not self._end_an_idle_one():
            self._is_refused = True
            transport.abort()
            return
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._arrived()
        if not self._is_refused:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a request that is not whole is waited for."""
        if self._is_refused:
            return
        self._used_s = self.loop.time()
        super().data_received(data)
        if self.conn.their_state is h11.SEND_BODY or (
            self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]
        ):
            self._wait()
        elif self.conn.their_state is not h11.IDLE:
            self._arrived()

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered: none has come, or not yet the whole of it."""
        return self._arrival is not None or self.cycle is None or self.cycle.response_complete

    def _end_an_idle_one(self) -> bool:
        idle = [
            one
            for one in self.connections
            if isinstance(one, BoundedProtocol) and one.is_idle and not one.transport.is_closing()
        ]
        if not idle:
            return False
        oldest = min(idle, key=lambda one: one._used_s)  # noqa: SLF001 - of the same class
        oldest.transport.abort()
        self.connections.discard(oldest)
        return True

    def _wait(self) -> None:
        if self._arrival is None:
            self._arrival = self.loop.call_later(ARRIVAL_S, self._too_slow)

    def _arrived(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None

    def _too_slow(self) -> None:
        self._arrival = None
        if not self.transport.is_closing():
            self.transport.abort()


class Server(uvicorn.Server):
    """uvicorn's server that tells systemd that it is up and alive.

    Attributes:
        interrupted: whether Ctrl-C ended it.
    """

    interrupted = False

    def __init__(self, app: ASGIApp, web: WebSettings) -> None:
        certificate = str(web.tls_certificate) if web.tls_certificate else None
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedProtocol,
                ws="none",
                loop="asyncio",
                lifespan="on",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=STOP_S,
                ssl_certfile=certificate,
                ssl_keyfile=str(web.tls_key) if certificate else None,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT end the server in order; uvicorn would raise them again after it."""

        def end(number: int, _frame: FrameType | None) -> None:
            self.interrupted = number == signal.SIGINT
            self.should_exit = True

        before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if not self.should_exit:
            _notify("READY=1")

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; a sign of life every ten seconds."""
        if counter % int(10 * WATCHDOG_S) == 0:
            _notify("WATCHDOG=1")
        return await super().on_tick(counter)


def listen(web: WebSettings) -> socket.socket:
    """The listening socket.

    Raises:
        EmoedgeError: the address is in use or not available.
    """
    try:
        if web.socket_path is not None:
            return _listen_locally(Path(web.socket_path))
        family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
        if web.host and ":" not in web.host and not web.host[0].isdigit():
            family = socket.getaddrinfo(web.host, web.port, type=socket.SOCK_STREAM)[0][0]
        # asyncio only sets TCP_NODELAY on sockets that it knows to be TCP; answers would wait 40 ms without
        # it.
        one = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                # "[::]" means every address, also those of IPv4.
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            one.bind((web.host, web.port))
            one.listen(BACKLOG)
        except BaseException:
            one.close()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise EmoedgeError(
            tr("cannot listen on {bind}: {reason}", bind=web.bind, reason=reason),
            tr("choose another web.bind, or stop what uses it"),
        ) from error
    return one


def _listen_locally(path: Path) -> socket.socket:
    """A Unix socket for owner and group."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()  # left by a crash
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        one.bind(str(path))
    except BaseException:
        one.close()
        raise
    finally:
        os.umask(before)
    path.chmod(_SOCKET_MODE)
    _give_to_group(path)
    one.listen(BACKLOG)
    return one


def _give_to_group(path: Path) -> None:
    import grp

    with contextlib.suppress(KeyError, PermissionError):
        os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)


def _notify(state: str) -> None:
    import sdnotify

    sdnotify.SystemdNotifier().notify(state)
