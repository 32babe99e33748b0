"""Helpers of handlers: the JSON of a request, its parameters, and library calls off the event loop."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, timezone
from typing import Any

from starlette.requests import Request

from emoedge.clock import parse_rfc3339
from emoedge.files import parse_json
from emoedge.local_time import Zone, midnight
from emoedge.web.errors import ApiError
from emoedge.web.guard import Pass


def granted(request: Request) -> Pass:
    """Findings of the guard about a request."""
    found: Pass = request.state.granted
    return found


async def json_object(request: Request) -> dict[str, Any]:
    """The body, a JSON object; raises ApiError."""
    try:
        value = parse_json(await request.body())
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError(400, "body")
    return value


def integer(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number among the parameters; raises ApiError."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not least <= int(text) <= most:
        raise ApiError(400, "parameter", name=name)
    return int(text)


def moment(request: Request, name: str, zone: Zone) -> datetime | None:
    """A time among the parameters: RFC 3339, or a local date; None without one; raises ApiError."""
    text = request.query_params.get(name)
    if not text:
        return None
    found = parse_rfc3339(text.replace(" ", "+"))  # a plus sign that was not encoded
    if found is None:
        try:
            found = midnight(date.fromisoformat(text), zone)
        except (ValueError, OverflowError):
            raise ApiError(400, "parameter", name=name) from None
    return found.astimezone(timezone.utc)


def finite(value: Any) -> Any:
    """A value as JSON has it: what is not a finite number becomes null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value


def dumps(value: Any) -> str:
    """JSON in one line; raises ValueError for what JSON does not have."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
