"""`/api/news`: what an upgrade has brought, until somebody has seen it."""

from __future__ import annotations

import dataclasses

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emoedge.changelog import note_seen, unseen_news
from emoedge.web.context import context_of


async def show_news(request: Request) -> Response:
    """The news, or 204."""
    news = await run_in_threadpool(unseen_news, context_of(request).access.path.parent)
    return Response(status_code=204) if news is None else JSONResponse(dataclasses.asdict(news))


async def mark_seen(request: Request) -> Response:
    """Show them no more."""
    await run_in_threadpool(note_seen, context_of(request).access.path.parent)
    return Response(status_code=204)


ROUTES = (
    Route("/api/news", show_news),
    Route("/api/news/seen", mark_seen, methods=["POST"]),
)
