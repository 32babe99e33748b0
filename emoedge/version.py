"""The version of emoedge, the only place where it is written; `pyproject.toml` reads it from here."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

__version__ = "0.1.0"
RELEASED: Final = "2026-11-30"
"""Day on which this version was made: a clock before it is wrong."""


def commit() -> str:
    """The commit that this version was made from, shortened; empty where it is not known."""
    package = Path(__file__).resolve().parent
    try:
        return (package / "data" / "commit").read_text(encoding="utf-8").strip()
    except OSError:
        pass
    if not (package.parent / ".git").exists():
        return ""
    argv = ("git", "-C", str(package.parent), "rev-parse", "--short=12", "HEAD")
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
