"""The console: who can reach it, and whether what it needs is there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from emoedge.config import Settings
from emoedge.doctor.result import CheckResult, ok, warning
from emoedge.translation import tr


def check_console(settings: Settings) -> Iterator[CheckResult]:
    """Check whether the console crosses the network unencrypted."""
    web = settings.web
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        yield ok("console", tr("not installed (extra web)"))
    elif web.is_loopback or web.tls_certificate is not None or web.url.startswith("https://"):
        yield ok("console", tr("on {bind}", bind=web.bind))
    else:
        yield warning(
            "console",
            tr("on {bind} without TLS: key and picture cross the network in the clear", bind=web.bind),
            tr("run: sudo emoedge web certificate; or set web.bind to 127.0.0.1:8099 and use a tunnel"),
        )
