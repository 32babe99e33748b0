"""Pages and exports made from a segment's timeline, imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from emoedge.report.day import write_day, write_week
    from emoedge.report.exports import export
    from emoedge.report.page import write_page, write_private
    from emoedge.report.source import ReportSource, find_source
    from emoedge.report.table import Sampling, to_frame

__all__ = [
    "ReportSource",
    "Sampling",
    "export",
    "find_source",
    "to_frame",
    "write_day",
    "write_page",
    "write_private",
    "write_week",
]

_MODULES: Final = {
    **dict.fromkeys(("write_day", "write_week"), "day"),
    "export": "exports",
    **dict.fromkeys(("write_page", "write_private"), "page"),
    **dict.fromkeys(("ReportSource", "find_source"), "source"),
    **dict.fromkeys(("Sampling", "to_frame"), "table"),
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
