"""The gate that every request passes: limits, host, login, origin, body; and the headers of every answer."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emoedge.config import Settings
from emoedge.emotions import Language
from emoedge.errors import EmoedgeError
from emoedge.web.access import Access, AccessStore
from emoedge.web.caller import Caller, caller_of, is_own_host, own_names
from emoedge.web.errors import ApiError, WordedError, answer, language_of
from emoedge.web.limits import LoginLimit, RequestLimit

logger = logging.getLogger(__name__)

COOKIE: Final = "emoedge_session"
MAX_BODY_BYTES: Final = 64_000
BODY_S: Final = 10.0
"""Seconds within which the whole request must arrive; the head has the same limit, see `server.py`."""
OPEN_PATHS: Final = frozenset({"/api/login", "/api/alive"})
"""Paths of the API that need no login."""
READING: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Pass:
    """Properties of an admitted request; `request.state.granted`.

    Attributes:
        caller: where it comes from.
        language: of the answer's words.
        access: what it may do; None where no login was needed.
        token: of its session; "" without one.
    """

    caller: Caller
    language: Language
    access: Access | None
    token: str


class Guard:
    """ASGI middleware around the whole application.

    Args:
        app: the application.
        settings: of the console and the device.
        store: keys and sessions.
        logins: failed logins, shared with the login itself.
    """

    def __init__(self, app: ASGIApp, settings: Settings, store: AccessStore, logins: LoginLimit) -> None:
        self._app = app
        self._settings = settings
        self._store = store
        self._logins = logins
        self._requests = RequestLimit()
        self._files = RequestLimit()
        self._names = own_names(settings.web)
        ancestors = "'self'" if settings.web.login == "proxy" else "'none'"
        self._headers = {
            "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
            f"base-uri 'none'; form-action 'self'; frame-ancestors {ancestors}",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it with the reason why not."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a WebSocket is closed by the server
        headers = Headers(scope=scope)
        caller = caller_of(scope, headers, self._settings.web)
        language = language_of(headers.get("accept-language", ""), self._settings.language)
        sender = _HeaderSender(send, self._headers, is_api=scope["path"].startswith("/api/"))
        try:
            scope.setdefault("state", {})["granted"] = self._admit(scope, headers, caller, language)
            body = await self._body(headers, receive)
            scope["path"] = self._path(scope, caller)
            await self._app(scope, _replaying(body, receive), sender)
        except ConnectionError:
            return  # the browser has disconnected
        except Exception as error:  # noqa: BLE001 - logged; the console goes on
            refusal = _refusal_of(error, scope)
        else:
            return
        if not sender.has_begun:
            response = answer(refusal, language)
            if refusal.code in ("large", "slow"):
                response.headers["connection"] = "close"
            await response(scope, receive, sender)

    # ---- who is it ----

    def _admit(self, scope: Scope, headers: Headers, caller: Caller, language: Language) -> Pass:
        """Raise ApiError unless the request may go on."""
        # The files of a page have a count of their own: two pages in a row must not stop each other.
        requests = self._requests if scope["path"].startswith("/api/") else self._files
        wait_s = requests.take(caller.address, time.monotonic())
        if wait_s:
            raise ApiError(429, "rate", {"retry-after": str(max(1, round(wait_s)))})
        web = self._settings.web
        through_proxy = web.login == "proxy" and caller.by_proxy
        if not through_proxy and not is_own_host(caller.host, self._names, scope.get("server")):
            raise ApiError(421, "host")
        path, method = self._path(scope, caller), scope["method"]
        reads = method in READING
        if not reads and headers.get("origin") and not self._is_own_origin(headers, caller):
            raise ApiError(403, "origin")
        if not path.startswith("/api/") or path in OPEN_PATHS:
            return Pass(caller, language, None, "")
        if bearer := _bearer(headers):
            return Pass(caller, language, self._allowed(self._by_key(bearer, caller), path, method), "")
        token = _cookie(headers)
        access = self._store.access_of_session(token) if token else None
        if access is None and through_proxy:
            access = "full"
        if access is None:
            raise ApiError(401, "login")
        if not reads and not self._is_own_origin(headers, caller):
            raise ApiError(403, "origin")
        return Pass(caller, language, self._allowed(access, path, method), token)

    def _path(self, scope: Scope, caller: Caller) -> str:
        path = str(scope["path"])
        inner = path.removeprefix(caller.prefix) if caller.by_proxy and caller.prefix else path
        return inner if inner.startswith("/") else path

    def _by_key(self, key: str, caller: Caller) -> Access:
        now_s = time.monotonic()
        access = self._store.access_of_key(key)
        if access is not None:
            return access
        if wait_s := self._logins.wait_s(caller.address, now_s):
            raise ApiError(429, "attempts", {"retry-after": str(round(wait_s))})
        self._logins.failed(caller.address, now_s)
        raise ApiError(401, "wrong")

    def _is_own_origin(self, headers: Headers, caller: Caller) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site") == "same-origin"
        url = self._settings.web.url
        own = {caller.origin, *([_origin_of(url)] if url else [])}
        return origin.lower() in own

    @staticmethod
    def _allowed(access: Access, path: str, method: str) -> Access:
        """The view key reads, without the picture, and switches privacy on: the value is looked at there."""
        if access == "view" and (
            path.startswith("/api/picture")
            or path == "/api/support"
            or (method not in READING and path not in ("/api/controls/privacy", "/api/logout"))
        ):
            raise ApiError(403, "view")
        return access

    @staticmethod
    async def _body(headers: Headers, receive: Receive) -> bytes:
        """The whole body; raises ApiError for one that is too large or slow, ConnectionError for none."""
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > MAX_BODY_BYTES:
            raise ApiError(413, "large")
        if length == "0" and "transfer-encoding" not in headers:
            return b""
        try:
            return await asyncio.wait_for(_whole(receive), BODY_S)
        except asyncio.TimeoutError:
            raise ApiError(408, "slow") from None


async def _whole(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise ApiError(413, "large")
        if not message.get("more_body", False):
            return bytes(body)


class _HeaderSender:
    """Puts the gate's headers onto the answer."""

    def __init__(self, send: Send, headers: dict[str, str], *, is_api: bool) -> None:
        self._send = send
        self._headers = headers | {"cache-control": "no-store" if is_api else "no-cache"}
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            found = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                found.setdefault(name, value)
        await self._send(message)


def _refusal_of(error: Exception, scope: Scope) -> ApiError:
    if isinstance(error, ApiError):
        return error
    if isinstance(error, EmoedgeError):  # web.json is damaged
        return WordedError(500, "failed", error.message, error.remedy or None)
    logger.error("unexpected error in %s %s", scope["method"], scope["path"], exc_info=error)
    return ApiError(500, "internal")


def _replaying(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that has arrived, then what comes after it."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if not given:
            given = True
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay


def _bearer(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _cookie(headers: Headers) -> str:
    """Token of the session; "" where there is none. Headers of browsers have one Cookie line."""
    for line in headers.getlist("cookie"):
        try:
            found = SimpleCookie(line).get(COOKIE)
        except CookieError:
            continue
        if found is not None:
            return found.value
    return ""


def _origin_of(url: str) -> str:
    scheme, _, rest = url.lower().partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
