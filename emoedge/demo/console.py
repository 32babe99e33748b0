"""The console beside the demonstration: a child process that ends with it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from emoedge.config import Settings, WebSettings
from emoedge.translation import tr

STOP_S: Final = 10.0
"""A child that takes longer to end is killed."""


@contextlib.contextmanager
def console(settings: Settings, folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Run the console of a daemon with these settings, and say under which address it opens.

    Args:
        settings: of the demonstration.
        folder: a private one, for its configuration and its key.
        say: told the address; nothing where the console is not installed or does not start.
    """
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        yield
        return
    folder.mkdir(mode=0o700)
    config = folder / "emoedge.toml"
    values = {
        "": {"device_id": settings.device_id, "language": settings.language},
        "recording": {"dir": str(settings.recording.dir.absolute())},
        "paths": {"state": str(settings.paths.state.absolute())},
        "web": {"bind": f"127.0.0.1:{_port()}"},
    }
    lines = []
    for section, keys in values.items():
        lines += [f"[{section}]"] if section else []
        lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EMOEDGE_")}
    environ["STATE_DIRECTORY"] = str(folder)
    command = [sys.executable, "-m", "emoedge", "web"]
    made = subprocess.run(
        [*command, "key", "--config", str(config)], env=environ, capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        yield
        return
    with subprocess.Popen(
        [*command, "--config", str(config)], env=environ, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    ) as child:
        try:
            assert child.stderr is not None
            if child.stderr.readline() and child.poll() is None:
                say(tr("console: {address}", address=made.stdout.strip()))
            yield
        finally:
            child.terminate()
            try:
                child.communicate(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()


def _port() -> int:
    """The usual port, or a free one where it is taken."""
    for port in (WebSettings().port, 0):
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                one.bind(("127.0.0.1", port))
                return int(one.getsockname()[1])
    return 0
