"""`/api/picture`: the camera's picture on demand, which passes through memory and is never written."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from emoedge.web.body import dumps
from emoedge.web.context import Context, context_of
from emoedge.web.errors import ApiError
from emoedge.web.picture_relay import PictureReader

BOUNDARY: Final = "emoedge-picture"
LEFT_S: Final = 2.0
"""Seconds without a viewer after which the picture is stopped; a reloaded page is back sooner."""
MAX_VIEWERS: Final = 4


async def start_picture(request: Request) -> Response:
    """Ask for the picture, for `web.picture_s` seconds from now on."""
    context = context_of(request)
    web = context.settings.web
    if not web.picture:
        raise ApiError(403, "picture")
    viewers = min(MAX_VIEWERS, max(1, context.link.pictures.viewers))
    answer = await context.link.ask("picture", seconds=web.picture_s, hz=web.picture_hz, viewers=viewers)
    return Response(dumps(answer), media_type="application/json")


async def stop_picture(request: Request) -> Response:
    """End the picture for all viewers."""
    await context_of(request).link.ask("picture_stop")
    return Response("{}", media_type="application/json")


async def show_picture(request: Request) -> Response:
    """The picture with boxes and labels, as it comes."""
    return await _stream(request, "jpeg")


async def show_crop(request: Request) -> Response:
    """Stream the crop that the face network sees."""
    return await _stream(request, "crop")


async def _stream(request: Request, kind: str) -> Response:
    context = context_of(request)
    if not context.settings.web.picture:
        raise ApiError(403, "picture")
    if not context.link.pictures.is_on:
        state = await context.link.state()
        if state["privacy"]:
            raise ApiError(409, "privacy")
        if not state["picture"].get("on"):
            raise ApiError(409, "unasked")
    if context.link.pictures.count(kind) >= MAX_VIEWERS:
        raise ApiError(409, "viewers")
    return _PictureResponse(context, kind)


class _PictureResponse(StreamingResponse):
    """Parts that replace each other, until the picture ends."""

    def __init__(self, context: Context, kind: str) -> None:
        self._context = context
        self._kind = kind
        super().__init__(iter(()), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pictures = self._context.link.pictures
        with pictures.reading(self._kind) as reader:
            self.body_iterator = _parts(reader)
            await super().__call__(scope, receive, send)
        if self._kind == "jpeg":
            # Not in this task: the browser has disconnected, and this task is cancelled.
            self._context.link.later(self._stop_if_left())

    async def _stop_if_left(self) -> None:
        await asyncio.sleep(LEFT_S)
        pictures = self._context.link.pictures
        if pictures.is_on and pictures.viewers == 0:
            with contextlib.suppress(ApiError):
                await self._context.link.ask("picture_stop")


async def _parts(reader: PictureReader) -> AsyncIterator[bytes]:
    while (encoded := await reader.take()) is not None:
        data = base64.b64decode(encoded)
        head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        yield head.encode() + data + b"\r\n"
    yield f"--{BOUNDARY}--\r\n".encode()


ROUTES: Final[list[Any]] = [
    Route("/api/picture", start_picture, methods=["POST"]),
    Route("/api/picture", stop_picture, methods=["DELETE"]),
    Route("/api/picture/stream", show_picture),
    Route("/api/picture/crop", show_crop),
]
