"""`/api/settings`: the configuration with its schema, and changes to it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from emoedge.config.console_file import ChangedMeanwhileError, RefusedError, keys_of
from emoedge.config.schema import json_schema
from emoedge.emotions import Language
from emoedge.translation import localized, translated
from emoedge.web.body import dumps, granted, json_object
from emoedge.web.context import Context, context_of
from emoedge.web.control_keys import KEY_OF_CONTROL, apply_saved, overriding
from emoedge.web.errors import ApiError

LIVE_KEYS: Final = frozenset({"web.session_days", *KEY_OF_CONTROL.values()})
"""Keys that neither the daemon nor the console has to be restarted for."""


async def show_settings(request: Request) -> Response:
    """Values and where they come from; secrets only by name."""
    context, language = context_of(request), granted(request).language

    def collect() -> dict[str, Any]:
        found = context.console_file.read()
        restart = [key for key in keys_of(context.settings) if key not in LIVE_KEYS]
        return {
            "etag": found["etag"],
            "schema": _schema(language),
            "values": found["values"],
            "sources": found["sources"],
            "secrets": found["secrets"],
            "restart": restart,
        }

    value = await run_in_threadpool(collect)
    for key, shown in (await overriding(context)).items():
        value["values"][key], value["sources"][key] = shown, "control"
    return Response(dumps(value), media_type="application/json", headers={"etag": f'"{value["etag"]}"'})


async def change_settings(request: Request) -> Response:
    """Write the console's own file, or say at which key why not."""
    context = context_of(request)
    changes = await json_object(request)
    etag = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"') or None
    if etag == "*":
        etag = None
    try:
        new = await run_in_threadpool(_change, context, changes, etag)
    except ChangedMeanwhileError as error:
        raise ApiError(409, "changed") from error
    except RefusedError as error:
        language = granted(request).language
        body = ApiError(422, "settings").body(language)
        body["errors"] = [
            {"key": one.key, "reason": localized(one.reason, language)} for one in error.problems
        ]
        return JSONResponse(body, status_code=422)
    applied = await apply_saved(context, changes)
    restart = any(key not in LIVE_KEYS for key in changes) or not applied
    return JSONResponse({"etag": new, "restart": restart}, headers={"etag": f'"{new}"'})


@cache
def _schema(language: Language) -> dict[str, Any]:
    """The schema with its descriptions in a language."""

    def in_language(node: dict[str, Any]) -> dict[str, Any]:
        text = node.get("description")
        return node | {"description": translated(text, language)} if isinstance(text, str) else node

    schema: dict[str, Any] = json.loads(json.dumps(json_schema()), object_hook=in_language)
    return schema


def _change(context: Context, changes: dict[str, Any], etag: str | None) -> str:
    new = context.console_file.change(changes, etag)
    context.reload()
    return new


ROUTES: Final = [
    Route("/api/settings", show_settings, methods=["GET"]),
    Route("/api/settings", change_settings, methods=["PATCH"]),
]
