"""The console's connection to the daemon: events for the browsers, and requests on their behalf."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final, Literal

from starlette.concurrency import run_in_threadpool

from emoedge.config import Settings
from emoedge.local_socket.client import DaemonClient, connect
from emoedge.local_socket.protocol import DaemonError
from emoedge.translation import tr
from emoedge.web.body import dumps
from emoedge.web.errors import ApiError, WordedError
from emoedge.web.live_memory import LiveMemory
from emoedge.web.picture_relay import PictureRelay

logger = logging.getLogger(__name__)

DaemonState = Literal["running", "stopped", "refused"]

STEADY: Final = ("emotion", "event", "voice", "text", "health", "recording", "control", "picture", "model")
"""Events that the console always takes."""
FAST: Final = ("face", "state", "level")
"""Events of ten times a second, taken while a browser looks."""
RETRY_S: Final = 1.0
"""Between two attempts to find a daemon."""
CANCEL_AGAIN_S: Final = 0.1
SILENCE_S: Final = 20.0
"""Seconds of silence, even without `alive`, after which the daemon has gone."""
MAX_BEHIND_BYTES: Final = 256_000
"""A browser that is further behind is disconnected."""
ASK_S: Final = 30.0
_STATUS: Final = {
    "value": 422, "refused": 422, "absent": 404, "busy": 503, "timeout": 504, "privacy": 409, "camera": 409,
    "unknown": 501,
    "picture": 403,
}  # fmt: skip
"""Code of the daemon's refusal -> HTTP."""


class EventReader:
    """Queue of one browser."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._bytes = 0
        self._arrived = asyncio.Event()
        self.is_behind = False

    def put(self, line: str) -> None:
        """Add a line; a reader that is too far behind gets none any more."""
        self._bytes += len(line)
        self.is_behind = self.is_behind or self._bytes > MAX_BEHIND_BYTES
        if not self.is_behind:
            self._lines.append(line)
        self._arrived.set()

    async def take(self, timeout_s: float) -> str | None:
        """Everything that waits, or None when nothing came in time; raises ConnectionError when behind."""
        if not self._lines and not self.is_behind:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), timeout_s)
            except asyncio.TimeoutError:
                return None
        if self.is_behind:
            raise ConnectionError("too far behind")
        found = "".join(self._lines)
        self._lines.clear()
        self._bytes = 0
        return found


class DaemonLink:
    """One connection for events, kept up; a short one for each request.

    Args:
        settings: gives the present settings.
    """

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings
        self._readers: set[EventReader] = set()
        self._client: DaemonClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()
        self._subscribed: tuple[str, ...] = ()
        self._tasks: set[asyncio.Task[None]] = set()
        self.memory = LiveMemory()
        self.pictures = PictureRelay()
        self.status: DaemonState = "stopped"
        self.on_connected: Callable[[], Coroutine[Any, Any, None]] | None = None
        """Called each time that the daemon has been found."""

    # ---- life ----

    async def start(self) -> None:
        """Begin to look for the daemon."""
        self._task = asyncio.create_task(self._keep_up())

    async def stop(self) -> None:
        """Disconnect."""
        task = self._task
        while task is not None and not task.done():
            # Before Python 3.12 `asyncio.wait_for` loses a cancellation that comes together with its result.
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_AGAIN_S)

    def later(self, act: Coroutine[Any, Any, None]) -> None:
        """Do something beside the requests."""
        task = asyncio.create_task(act)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- requests ----

    async def ask(self, act: str, **values: Any) -> dict[str, Any]:
        """Have the daemon do something.

        Raises:
            ApiError: it is not running, or it refuses.
        """
        try:
            return await run_in_threadpool(self._ask, act, values)
        except DaemonError as error:
            if error.code == "gone":  # the daemon itself reports "absent" for missing parts
                raise ApiError(503, "stopped") from error
            if error.code in ("permission", "protocol"):
                raise ApiError(503, "refused") from error
            status = _STATUS.get(error.code, 500)
            raise WordedError(status, error.code, error.message, error.remedy or None) from error

    def _ask(self, act: str, values: dict[str, Any]) -> dict[str, Any]:
        client = connect(self._settings(), "web")
        if client is None:
            raise ApiError(503, "stopped")
        with client:
            return client.ask(act, timeout_s=ASK_S, **values)

    async def state(self) -> dict[str, Any]:
        """Return the daemon's part of `GET /api/state`; values are null while it cannot be asked."""
        found: dict[str, Any] = {}
        status: DaemonState = "running"
        try:
            found = await self.ask("state")
        except ApiError as error:
            status = "refused" if error.code == "refused" else "stopped"
        topics = ("privacy", "emotion", "face", "voice", "text", "health", "recording")
        return {
            "daemon": status,
            **{topic: found.get(topic) for topic in topics},
            "text": self._without_words(found.get("text")),
            "controls": found.get("controls") or {},
            "set_by_command": found.get("set_by_command") or [],
            "picture": found.get("picture") or {"on": False},
            "time": found.get("time"),
        }

    # ---- events ----

    @contextlib.contextmanager
    def reading(self) -> Any:
        """A reader that gets all events from now on."""
        reader = EventReader()
        self._readers.add(reader)
        self._heard.set()
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            self._heard.set()

    async def _keep_up(self) -> None:
        """Connect, take events, and do it again when the daemon has gone."""
        while True:
            status: DaemonState = "stopped"
            try:
                client = await run_in_threadpool(connect, self._settings(), "web")
            except DaemonError as error:
                client = None
                status = "refused" if error.code in ("permission", "protocol") else "stopped"
            if client is not None:
                try:
                    await self._take_from(client)
                except DaemonError as error:
                    logger.info("the connection to the daemon ended: %s", error)
                except Exception:
                    # Without this task the pages would no longer be updated.
                    logger.exception("unexpected error in the connection to the daemon")
                finally:
                    self._client = None
                    client.close()
            if self.status != status:
                self._change(status)
            await asyncio.sleep(RETRY_S)

    async def _take_from(self, client: DaemonClient) -> None:
        loop, arrived = asyncio.get_running_loop(), self._heard
        self._subscribed = ()
        loop.add_reader(client.fileno(), arrived.set)
        try:
            heard_s = time.monotonic()
            await self._subscribe(client)
            self._change("running")
            if self.on_connected is not None:
                self.later(self.on_connected())
            while True:
                arrived.clear()
                while (found := client.take(0)) is not None:
                    self._take(*found)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(arrived.wait(), SILENCE_S)
                    heard_s = time.monotonic()
                if time.monotonic() - heard_s > SILENCE_S:
                    raise DaemonError(tr("it has stopped responding"), tr("restart it"), "gone")
                await self._subscribe(client)
        finally:
            loop.remove_reader(client.fileno())

    async def _subscribe(self, client: DaemonClient) -> None:
        wanted = (*STEADY, *FAST) if self._readers else STEADY
        if wanted != self._subscribed:
            self._subscribed = wanted
            await run_in_threadpool(client.subscribe, *wanted)

    def _take(self, name: str, data: dict[str, Any]) -> None:
        if name == "picture":
            state = self.pictures.take(data)
            if state is not None:
                self._tell("picture", state)
            return
        self.memory.take(name, data, time.monotonic())
        shown = (self._without_words(data) or {}) if name == "text" else data
        # The posterior of a moment; `state` is the first event of a stream.
        self._tell("fused" if name == "state" else name, shown)
        if name == "control" and data.get("name") == "privacy" and data.get("value") == "ON":
            self.memory.forget()

    def _without_words(self, data: dict[str, Any] | None) -> dict[str, Any] | None:
        if data is None or self._settings().web.transcript:
            return data
        return {key: value for key, value in data.items() if key not in ("transcript", "words")}

    def _change(self, status: DaemonState) -> None:
        self.status = status
        if status != "running":
            self.memory.forget()
            self.pictures.take({"on": False})
        self._tell("daemon", {"daemon": status})

    def _tell(self, name: str, data: dict[str, Any]) -> None:
        if not self._readers:
            return
        line = event_text(name, data)
        for reader in tuple(self._readers):
            reader.put(line)


def event_text(name: str, data: Any) -> str:
    """A server-sent event."""
    return f"event: {name}\ndata: {dumps(data)}\n\n"


async def event_stream(first: str, reader: EventReader, comment_s: float) -> AsyncIterator[str]:
    """Yield the first event, then all others, and a comment while there are none."""
    yield first
    while True:
        try:
            text = await reader.take(comment_s)
        except ConnectionError:
            return
        yield ":\n\n" if text is None else text
