"""`/api/login`, `/api/logout`, `/api/alive`."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emoedge.web.access import Access
from emoedge.web.body import granted, json_object
from emoedge.web.context import Context, context_of
from emoedge.web.errors import ApiError
from emoedge.web.guard import COOKIE, Pass

_one_at_a_time = asyncio.Lock()
"""A guess is counted before the next one is tried, and one hash of a password at a time is memory enough."""


async def alive(_request: Request) -> Response:
    """For probes."""
    return JSONResponse({"ok": True})


async def log_in(request: Request) -> Response:
    """Compare a key or a password, and begin a session."""
    context, known = context_of(request), granted(request)
    values = await json_object(request)
    key, password = values.get("key"), values.get("password")
    secret = password if key is None else key
    if not isinstance(secret, str) or (key is not None and password is not None):
        raise ApiError(400, "body")
    async with _one_at_a_time:
        if wait_s := context.logins.wait_s(known.caller.address, time.monotonic()):
            raise ApiError(429, "attempts", {"retry-after": str(round(wait_s))})
        access = await run_in_threadpool(_compare, context, secret, is_key=key is not None)
        if access is None:
            context.logins.failed(known.caller.address, time.monotonic())
            raise ApiError(401, "wrong")
        token = await run_in_threadpool(context.access.open_session, access, known.caller.address)
    response = Response(status_code=204)
    _set_cookie(response, token, known, round(context.settings.web.session_days * 86_400))
    return response


async def log_out(request: Request) -> Response:
    """End the session of this browser."""
    known = granted(request)
    if known.token:
        await run_in_threadpool(context_of(request).access.end_session, known.token)
    response = Response(status_code=204)
    _set_cookie(response, "", known, 0)
    return response


def _compare(context: Context, secret: str, *, is_key: bool) -> Access | None:
    if is_key:
        return context.access.access_of_key(secret)
    return "full" if context.access.is_password(secret) else None


def _set_cookie(response: Response, token: str, known: Pass, max_age_s: int) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=max_age_s,
        path=known.caller.prefix or "/",
        secure=known.caller.scheme == "https",
        httponly=True,
        samesite="strict",
    )


ROUTES: Final = [
    Route("/api/alive", alive),
    Route("/api/login", log_in, methods=["POST"]),
    Route("/api/logout", log_out, methods=["POST"]),
]
