"""What would stop the daemon here, found out by really trying: devices, models, broker, disk, clock, board."""

from emoedge.doctor.checks import run_checks
from emoedge.doctor.result import CheckResult

__all__ = ["CheckResult", "run_checks"]
