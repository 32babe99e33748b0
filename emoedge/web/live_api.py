"""`/api/state`, `/api/events`, `/api/live`, `/api/controls`, `/api/restart`, and changes to recordings."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from emoedge.clock import rfc3339
from emoedge.doctor.placement import placement_of
from emoedge.publish.control import CONTROL_NAMES, RECORDING_MODES, state_text
from emoedge.record.names import is_segment_id
from emoedge.translation import localized
from emoedge.version import __version__
from emoedge.web.body import dumps, finite, granted, integer, json_object
from emoedge.web.context import context_of
from emoedge.web.control_keys import KEY_OF_CONTROL, clear
from emoedge.web.daemon_link import event_stream, event_text
from emoedge.web.errors import ApiError
from emoedge.web.live_memory import MOST_S

COMMENT_S: Final = 15.0
"""A comment keeps proxies from closing a stream in which nothing happens."""
LIMITS: Final[dict[str, dict[str, Any]]] = {
    "privacy": {"values": ["ON", "OFF"]},
    "record": {"values": ["ON", "OFF"], "seconds": [0.5, 3600]},
    "recording_mode": {"values": list(RECORDING_MODES)},
    "face_weight": {"minimum": 0, "maximum": 1},
    "margin": {"minimum": 0, "maximum": 1},
    "snapshot": {"values": ["PRESS"]},
}
"""Values of each control."""


async def _state(request: Request) -> dict[str, Any]:
    context = context_of(request)
    settings = context.settings
    found = await context.link.state()
    return finite(
        {
            "schema": 1,
            "device": settings.device_id,
            "version": __version__,
            **found,
            "time": found["time"] or rfc3339(datetime.now(timezone.utc)),
            "language": settings.language,
            "access": granted(request).access,
            "setup": context.setup,
            "transcript": settings.web.transcript,
            "picture_s": settings.web.picture_s if settings.web.picture else None,
        }
    )


async def show_state(request: Request) -> Response:
    """Everything that a page needs to begin with."""
    return _json(await _state(request))


class _EventResponse(StreamingResponse):
    """A stream that reads from before its first event on, so that nothing is missed."""

    def __init__(self, request: Request) -> None:
        self._request = request
        super().__init__(iter(()), media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with context_of(self._request).link.reading() as reader:
            first = event_text("state", await _state(self._request))
            self.body_iterator = event_stream(first, reader, COMMENT_S)
            await super().__call__(scope, receive, send)


async def show_events(request: Request) -> Response:
    """Stream events as they happen."""
    return _EventResponse(request)


async def show_live(request: Request) -> Response:
    """The last minutes."""
    seconds = integer(request, "seconds", MOST_S, 1, MOST_S)
    return _json(context_of(request).link.memory.read(seconds, time.monotonic()))


async def show_controls(request: Request) -> Response:
    """Values and limits of the controls."""
    found = (await context_of(request).link.state())["controls"]
    return _json({name: {"value": found.get(name), **LIMITS[name]} for name in CONTROL_NAMES})


async def set_control(request: Request) -> Response:
    """Change a control of the running daemon."""
    name = request.path_params["name"]
    if name not in CONTROL_NAMES:
        raise ApiError(404, "missing")
    value = (await json_object(request)).get("value")
    if not isinstance(value, str | bool | int | float):
        raise ApiError(400, "body")
    text = value.strip() if isinstance(value, str) else state_text(value)
    if granted(request).access == "view" and (name != "privacy" or text.upper() != "ON"):
        raise ApiError(403, "view")
    answer = await context_of(request).link.ask("control", name=name, value=text)
    return _json({"name": name, "value": answer.get("value")})


async def show_placement(request: Request) -> Response:
    """Return the quality of the view and of the voice, with advice."""
    figures = (await context_of(request).link.ask("doctor")).get("placement") or {}
    language = granted(request).language
    items = [
        {
            "name": one.name.partition(" ")[2],
            "state": one.state,
            "detail": localized(one.detail, language),
            "remedy": localized(one.remedy, language) or None,
        }
        for one in placement_of(figures)
    ]
    return _json({"items": items, "figures": figures})


async def clear_control(request: Request) -> Response:
    """Have the value of the settings count again."""
    name = request.path_params["name"]
    if name not in KEY_OF_CONTROL:
        raise ApiError(404, "missing")
    return _json({"name": name, "value": await clear(context_of(request), name)})


async def restart(request: Request) -> Response:
    """End the daemon in order; the service manager starts it again."""
    await context_of(request).link.ask("restart")
    return JSONResponse({}, status_code=202)


async def keep_recording(request: Request) -> Response:
    """Have retention pass over a recording, or not any more."""
    values = await json_object(request)
    if set(values) != {"keep"} or not isinstance(values["keep"], bool):
        raise ApiError(400, "body")
    return _json(await _with_recording(request, "recording_keep", keep=values["keep"]))


async def delete_recording(request: Request) -> Response:
    """Hide a recording; it is deleted after ten seconds."""
    return JSONResponse(await _with_recording(request, "recording_delete"), status_code=202)


async def restore_recording(request: Request) -> Response:
    """Take a deletion back."""
    return JSONResponse(await _with_recording(request, "recording_restore"), status_code=202)


async def label_recording(request: Request) -> Response:
    """Save a person's correction."""
    values = await json_object(request)
    known = {name: values[name] for name in ("from_s", "to_s", "emotion", "note") if name in values}
    return JSONResponse(await _with_recording(request, "label", **known), status_code=201)


async def try_settings(request: Request) -> Response:
    """Try a camera, a microphone, the broker or a speech model with other values; nothing is saved."""
    values = await json_object(request)
    given = values.get("values", {})
    if not isinstance(given, dict) or not isinstance(values.get("what"), str):
        raise ApiError(400, "body")
    language = granted(request).language
    link = context_of(request).link
    return _json(await link.ask("test", what=values["what"], values=given, language=language))


async def fetch_model(request: Request) -> Response:
    """Begin to fetch a model; progress comes as event `model`."""
    name = request.path_params["name"]
    return JSONResponse(await context_of(request).link.ask("models_fetch", name=name), status_code=202)


async def _with_recording(request: Request, act: str, **values: Any) -> dict[str, Any]:
    segment_id = request.path_params["segment_id"]
    if not is_segment_id(segment_id):
        raise ApiError(404, "missing")
    return await context_of(request).link.ask(act, recording=segment_id, **values)


def _json(value: Any) -> Response:
    return Response(dumps(value), media_type="application/json")


ROUTES: Final = [
    Route("/api/state", show_state),
    Route("/api/events", show_events),
    Route("/api/live", show_live),
    Route("/api/controls", show_controls),
    Route("/api/controls/{name}", set_control, methods=["PUT"]),
    Route("/api/controls/{name}", clear_control, methods=["DELETE"]),
    Route("/api/placement", show_placement),
    Route("/api/restart", restart, methods=["POST"]),
    Route("/api/recordings/{segment_id}", keep_recording, methods=["PATCH"]),
    Route("/api/recordings/{segment_id}", delete_recording, methods=["DELETE"]),
    Route("/api/recordings/{segment_id}/restore", restore_recording, methods=["POST"]),
    Route("/api/recordings/{segment_id}/labels", label_recording, methods=["POST"]),
    Route("/api/settings/test", try_settings, methods=["POST"]),
    Route("/api/models/{name}/fetch", fetch_model, methods=["POST"]),
]
