"""The list of all faults, in the order in which they are run."""

from __future__ import annotations

from typing import Final

# Importing enters them.
from faults import broker, controls, delivery, disk, lifecycle, machine, models, security, sources  # noqa: F401
from faults.fault import CATALOGUE as ENTERED
from faults.fault import Fault

CATALOGUE: Final[tuple[Fault, ...]] = tuple(ENTERED)
