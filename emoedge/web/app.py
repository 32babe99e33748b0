"""The application: the API's routes and the pages, behind the gate."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from emoedge.errors import EmoedgeError
from emoedge.web import (
    about_api,
    commands_api,
    history_api,
    live_api,
    login_api,
    news_api,
    picture_api,
    recordings_api,
    settings_api,
    setup_api,
)
from emoedge.web.body import granted
from emoedge.web.context import Context
from emoedge.web.control_keys import clear_waiting
from emoedge.web.errors import ApiError, WordedError, answer
from emoedge.web.guard import Guard

STATIC: Final = Path(__file__).parent / "static"
SHARED: Final = STATIC.parents[1] / "report" / "static"
"""Palette, components and drawing, shared with the report."""
PAGES: Final[dict[str, str]] = {
    "/": "now",
    "/recordings": "recordings",
    "/history": "history",
    "/settings": "settings",
    "/setup": "setup",
    "/about": "about",
}
"""Address -> files of `static/`: `.html` has the main part, `.js` the script, `.css` the style if any."""
_CODES: Final = {404: "missing", 405: "method"}


def build_app(context: Context) -> ASGIApp:
    """The whole console as an ASGI application.

    Args:
        context: its parts.
    """
    routes = [
        *login_api.ROUTES,
        *live_api.ROUTES,
        *picture_api.ROUTES,
        *recordings_api.ROUTES,
        *settings_api.ROUTES,
        *about_api.ROUTES,
        *history_api.ROUTES,
        *commands_api.ROUTES,
        *setup_api.ROUTES,
        *news_api.ROUTES,
        *(Route(path, _page(name)) for path, name in PAGES.items()),
        Mount("/static", StaticFiles(directory=STATIC)),
        Mount("/shared", StaticFiles(directory=SHARED)),
    ]
    handlers = dict.fromkeys((HTTPException, EmoedgeError, OSError, Exception), _refuse)

    @contextlib.asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        context.link.on_connected = lambda: clear_waiting(context)
        await context.link.start()
        try:
            yield
        finally:
            await context.link.stop()

    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=life)
    app.router.redirect_slashes = False
    app.state.context = context
    return Guard(app, context.settings, context.access, context.logins)


def page_html(name: str) -> str:
    """Return a page: `page.html` with the main part, script and style of one of `PAGES`."""
    style = f'<link rel="stylesheet" href="static/{name}.css">' if (STATIC / f"{name}.css").is_file() else ""
    html = (STATIC / "page.html").read_text("utf-8").replace("NAME", name).replace("<!-- style -->", style)
    return html.replace("<!-- main -->", (STATIC / f"{name}.html").read_text("utf-8"))


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    html = page_html(name)

    async def show(_request: Request) -> Response:
        return HTMLResponse(html)

    return show


async def _refuse(request: Request, error: Exception) -> Response:
    """Return any refusal of a handler, the library or the router in the common form."""
    if isinstance(error, ApiError):
        refusal = error
    elif isinstance(error, EmoedgeError):
        refusal = WordedError(500, "failed", error.message, error.remedy or None)
    elif isinstance(error, OSError):
        refusal = WordedError(500, "failed", error.strerror or str(error), None)
    elif isinstance(error, HTTPException):
        refusal = ApiError(error.status_code, _CODES.get(error.status_code, "internal"))
    else:
        refusal = ApiError(500, "internal")
    return answer(refusal, granted(request).language)
