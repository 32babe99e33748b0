"""emoedge: an offline emotion sensor for devices that a person owns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emoedge.version import __version__

if TYPE_CHECKING:
    from emoedge.pipeline import Pipeline

__all__ = ["Pipeline", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the public classes on first use: `emoedge --help` must not pay for them."""
    if name == "Pipeline":
        from emoedge.pipeline import Pipeline

        return Pipeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
