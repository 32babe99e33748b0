"""The version of emoedge, the only place where it is written; `pyproject.toml` reads it from here."""

from __future__ import annotations

from typing import Final

__version__ = "0.1.0"
RELEASED: Final = "2026-11-30"
"""Day on which this version was made: a clock before it is wrong."""
