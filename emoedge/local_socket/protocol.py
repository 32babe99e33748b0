"""The lines of the daemon's socket: JSON, UTF-8, one object a line, bounded both ways. Pure."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from emoedge.errors import EmoedgeError
from emoedge.translation import tr

logger = logging.getLogger(__name__)

PROTOCOL: Final = 1
MAX_REQUEST_BYTES: Final = 64 * 1024
"""Longest line towards the daemon."""
MAX_ANSWER_BYTES: Final = 512 * 1024
"""Longest line from it."""
MAX_DEPTH_CHARACTERS: Final = 32
"""Most brackets that a line towards the daemon may open: requests are flat."""

EventName = Literal[
    "emotion",
    "event",
    "face",
    "voice",
    "text",
    "health",
    "recording",
    "control",
    "picture",
    "model",
    "level",
    "state",
]
EVENTS: Final[frozenset[str]] = frozenset(get_args(EventName))
NEWEST_ONLY: Final[frozenset[str]] = frozenset({"emotion", "face", "level", "picture", "state"})
"""Events of which a client that is behind gets the newest alone."""


class DaemonError(EmoedgeError):
    """The running daemon cannot be asked, or refuses.

    Args:
        message: what is wrong.
        remedy: what can be done about it.
        code: for programs, such as "protocol", "value" or "busy".
    """

    def __init__(self, message: str, remedy: str = "", code: str = "failed") -> None:
        super().__init__(message, remedy)
        self.code = code

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return {"code": self.code, "reason": self.message, "remedy": self.remedy or None}


@dataclass(frozen=True, slots=True)
class Request:
    """Request of a client.

    Attributes:
        request_id: comes back with the answer; an integer, or None where it could not be read.
        act: what to do.
        values: its arguments, not checked yet.
    """

    request_id: int | None
    act: str
    values: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str, limit: int = 256) -> str:
        """An argument that is a text; raises DaemonError."""
        value = self.values.get(name)
        if not isinstance(value, str) or len(value) > limit:
            raise DaemonError(
                tr("{name} is not a text of at most {limit} characters", name=name, limit=limit), code="value"
            )
        return value

    def number(self, name: str, least: float, most: float) -> float:
        """An argument that is a number; raises DaemonError."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise DaemonError(
                tr("{name} is not a number from {least:g} to {most:g}", name=name, least=least, most=most),
                code="value",
            )
        return float(value)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """An argument that is true or false; raises DaemonError."""
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise DaemonError(tr("{name} is neither true nor false", name=name), code="value")
        return value


class LineReader:
    """Cuts what arrives into lines.

    Args:
        limit: longest line, bytes without its line feed.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has arrived and return the lines that are whole; DaemonError where one is too long."""
        self._rest += data
        *whole, rest = self._rest.split(b"\n")
        self._rest = rest
        if any(len(line) > self._limit for line in (*whole, rest)):
            raise DaemonError(tr("a line is longer than {limit} bytes", limit=self._limit), code="too_large")
        return [bytes(line) for line in whole if line.strip()]


def encode(value: dict[str, Any]) -> bytes:
    """One line with its line feed; raises ValueError for what JSON does not have."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Read a line; raises DaemonError."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DaemonError(tr("not a line with a JSON object"), code="bad_request")
    return value


def parse_greeting(line: bytes) -> str:
    """Read a client's first line and return its name; raises DaemonError."""
    value = decode(line)
    theirs, name = value.get("protocol"), value.get("client")
    if theirs != PROTOCOL or isinstance(theirs, bool):
        raise DaemonError(
            tr(
                "the daemon speaks protocol {ours}, the client {theirs}",
                ours=PROTOCOL,
                theirs=str(theirs)[:20],
            ),
            tr("install the same version of emoedge on both sides, and restart both"),
            "protocol",
        )
    return name[:32] if isinstance(name, str) else ""


def parse_request(line: bytes) -> Request:
    """Read a request; raises DaemonError, whose answer has no id."""
    if line.count(b"{") + line.count(b"[") > MAX_DEPTH_CHARACTERS:
        raise DaemonError(tr("a request must not contain nested objects"), code="bad_request")
    value = decode(line)
    request_id, act = value.pop("id", None), value.pop("do", None)
    if isinstance(request_id, bool) or not isinstance(request_id, int) or abs(request_id) > 2**53:
        raise DaemonError(tr("id is not an integer"), code="bad_request")
    return Request(request_id, str(act)[:32], value)


def answer(request_id: int | None, ok: dict[str, Any]) -> bytes:
    """The line that answers a request."""
    line = encode({"id": request_id, "ok": ok})
    if len(line) > MAX_ANSWER_BYTES:
        return refusal(request_id, DaemonError(tr("the answer is too long"), code="too_large"))
    return line


def refusal(request_id: int | None, error: DaemonError) -> bytes:
    """The line that refuses one."""
    return encode({"id": request_id, "error": error.to_dict()})


def event(name: str, data: dict[str, Any] | None = None) -> bytes:
    """The line of an event; empty where it is too long to be sent."""
    line = encode({"event": name} if data is None else {"event": name, "data": data})
    return line if len(line) <= MAX_ANSWER_BYTES else b""


def is_privacy(request: Request) -> bool:
    """Return whether a request may switch privacy on, which no bound holds back."""
    return request.act == "control" and request.values.get("name") == "privacy"


def wanted_events(request: Request) -> frozenset[str]:
    """Return the names of the events that a request subscribes to; raise DaemonError for others."""
    wanted = request.values.get("events")
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise DaemonError(tr("events is not a list of names"), code="value")
    if unknown := set(wanted) - EVENTS:
        raise DaemonError(tr("unknown events: {names}", names=", ".join(sorted(unknown))[:64]), code="value")
    return frozenset(wanted)


def reply_line(request_id: int | None, result: dict[str, Any] | DaemonError) -> bytes:
    """Return the line that answers a request, successful or not."""
    if isinstance(result, DaemonError):
        return refusal(request_id, result)
    try:
        return answer(request_id, result)
    except (TypeError, ValueError) as error:
        logger.exception("cannot send an answer")
        return refusal(request_id, DaemonError(f"{type(error).__name__}: {error}"))
