"""Run the console as a process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from emoedge.config import Settings
from emoedge.errors import EmoedgeError
from emoedge.translation import tr
from emoedge.web.access import AccessStore

logger = logging.getLogger(__name__)


def run_console(
    settings: Settings, config_path: Path | None, access: AccessStore, tell: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        settings: the configuration.
        config_path: its file, or None for the usual places.
        access: keys and sessions.
        tell: called with the address once it listens.

    Raises:
        EmoedgeError: the extra is not installed, or the address cannot be listened on.
    """
    try:
        from emoedge.web.app import build_app
        from emoedge.web.context import Context
        from emoedge.web.server import Server, listen
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn", "h11", "anyio"):
            raise
        raise EmoedgeError(
            tr("the console is not installed: {name} is missing", name=error.name),
            tr("run: pip install 'emoedge[web]'"),
        ) from error
    app = build_app(Context(settings, config_path, access))
    listener = listen(settings.web)
    name = listener.getsockname()
    where = name if isinstance(name, str) else tr("port {port}", port=name[1])
    server = Server(app, settings.web)
    tell(tr("the console listens on {where}; stop it with Ctrl-C", where=where))
    if not access.has_key() and settings.web.login == "key":
        tell(tr("no key has been made yet; run: emoedge web key"))
    server.run(sockets=[listener])
    if server.interrupted:
        raise KeyboardInterrupt
