"""`/api/devices`, `/api/doctor`, `/api/models`, `/api/support`: as the commands say it.

Each runs as a child process: libraries of devices and models stay out of the console's memory, and what
hangs is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emoedge.translation import tr
from emoedge.web.body import dumps
from emoedge.web.context import Context, context_of
from emoedge.web.errors import ApiError, WordedError

COMMAND_S: Final = 120.0
"""A command that takes longer is ended: `doctor` on a busy board takes up to a minute."""
MAX_OUTPUT_BYTES: Final = 32_000_000

_running = asyncio.Semaphore(2)
"""More at a time would take the processor from the daemon."""


async def run_command(context: Context, *words: str) -> bytes:
    """Run a command of emoedge and return its output; exit code 1 is accepted if there is an answer.

    Raises:
        WordedError: it failed without an answer, or took too long.
    """
    config = ["--config", str(context.config_path)] if context.config_path else []
    async with _running:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "emoedge", *words, *config,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            output, complaints = await asyncio.wait_for(process.communicate(), COMMAND_S)
        except asyncio.TimeoutError:
            raise WordedError(
                504, "failed", tr("emoedge {command} took too long", command=words[0]), None
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    if not output or process.returncode not in (0, 1):
        lines = complaints.decode(errors="replace").strip().splitlines()
        said = (
            lines[0].removeprefix("emoedge: ") if lines else tr("exit code {code}", code=process.returncode)
        )
        remedy = next((line.strip()[3:] for line in lines if line.strip().startswith("-> ")), None)
        raise WordedError(500, "failed", said, remedy)
    return output[:MAX_OUTPUT_BYTES]


async def show_devices(request: Request) -> Response:
    """Cameras and microphones; the daemon finds what the console itself must not open."""
    try:
        return _json(await context_of(request).link.ask("devices"))
    except ApiError:
        pass
    return _json(json.loads(await run_command(context_of(request), "devices", "--json")))


async def show_doctor(request: Request) -> Response:
    """Return the faults that would keep the daemon from starting."""
    return _json(json.loads(await run_command(context_of(request), "doctor", "--json")))


async def show_models(request: Request) -> Response:
    """Models, installed or not."""
    lines = await run_command(context_of(request), "models", "list", "--json")
    return _json({"models": [json.loads(line) for line in lines.splitlines() if line.strip()]})


async def show_support(request: Request) -> Response:
    """The archive that helps others to help."""
    data = await run_command(context_of(request), "support", "--output", "-")
    if not data.startswith(b"PK"):
        raise ApiError(500, "internal")
    headers = {"content-disposition": 'attachment; filename="emoedge-support.zip"'}
    return Response(data, media_type="application/zip", headers=headers)


def _json(value: Any) -> Response:
    return Response(dumps(value), media_type="application/json")


ROUTES: Final = [
    Route("/api/devices", show_devices),
    Route("/api/doctor", show_doctor),
    Route("/api/models", show_models),
    Route("/api/support", show_support),
]
