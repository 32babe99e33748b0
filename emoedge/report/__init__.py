"""What people look at afterwards: pages and exports made from a segment's timeline."""

from emoedge.report.day import build_day_report
from emoedge.report.export import export
from emoedge.report.page import write_page, write_private
from emoedge.report.source import ReportSource, find_source
from emoedge.report.table import Sampling, to_frame

__all__ = [
    "ReportSource",
    "Sampling",
    "build_day_report",
    "export",
    "find_source",
    "to_frame",
    "write_page",
    "write_private",
]
