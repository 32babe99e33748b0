"""`/api/setup`: whether this device has been set up, and the word that it has."""

from __future__ import annotations

from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emoedge.web.body import json_object
from emoedge.web.context import context_of
from emoedge.web.errors import ApiError


async def finish_setup(request: Request) -> Response:
    """Record that the first run is over, so that `/setup` no longer opens automatically."""
    if await json_object(request) != {"finished": True}:
        raise ApiError(400, "body")
    context = context_of(request)
    await run_in_threadpool(context.access.finish_setup)
    context.setup = False
    return Response(status_code=204)


ROUTES: Final[list[Any]] = [Route("/api/setup", finish_setup, methods=["POST"])]
