"""Locations of the files that come with emoedge, in a checkout and in an installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent


def package_folder(name: str) -> Path:
    """Return the folder `models`, `systemd` or `config` that came with emoedge.

    In a checkout it is at the top; `setup.py` copies it to `emoedge/data/` of an installed package.
    """
    return _place(name)


def package_file(name: str) -> Path:
    """Return the file `CHANGELOG.md` that came with emoedge; it lies beside those folders."""
    return _place(name)


def _place(name: str) -> Path:
    inside = _PACKAGE / "data" / name
    return inside if inside.exists() else _PACKAGE.parent / name
