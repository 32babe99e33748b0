"""Pages and exports made from a segment's timeline."""

from emoedge.report.day import write_day, write_week
from emoedge.report.export import export
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
