"""The console: who can reach it, and whether what it needs is there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from emoedge.config import Settings
from emoedge.doctor.result import CheckResult, ok, warning


def check_console(settings: Settings) -> Iterator[CheckResult]:
    """Whether the console crosses the network in the clear."""
    web = settings.web
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        yield ok("console", "not installed (extra web)")
    elif web.is_loopback or web.tls_certificate is not None or web.url.startswith("https://"):
        yield ok("console", f"on {web.bind}")
    else:
        yield warning(
            "console",
            f"on {web.bind} without TLS: key and picture cross the network in the clear",
            "run: sudo emoedge web certificate; or set web.bind to 127.0.0.1:8099 and use a tunnel",
        )
