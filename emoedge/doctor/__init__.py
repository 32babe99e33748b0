"""Checks of everything that would stop the daemon: devices, models, broker, disk, clock, board."""

from emoedge.doctor.checks import run_checks
from emoedge.doctor.result import CheckResult

__all__ = ["CheckResult", "run_checks"]
