"""Locations of the configuration files, without reading them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SYSTEM_FILE: Final = Path("/etc/emoedge/emoedge.toml")
DROP_INS: Final = "conf.d"
"""Folder beside the configuration file; its `*.toml` are read over it, in the order of their names."""


def default_paths(environ: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Paths that are searched for a configuration; the first match wins."""
    environ = os.environ if environ is None else environ
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "/root")) / ".config")
    return (SYSTEM_FILE, Path(home) / "emoedge" / "emoedge.toml")


def drop_ins(path: Path) -> tuple[Path, ...]:
    """The files that are read over a configuration file, in order."""
    return tuple(sorted((path.parent / DROP_INS).glob("*.toml")))
