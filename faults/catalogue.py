"""List of all faults, in the order in which they run."""

from __future__ import annotations

from typing import Final

# Importing a module registers its faults.
from faults import (  # noqa: F401
    broker,
    controls,
    delivery,
    disk,
    forgetting,
    hanging_disk,
    history,
    lifecycle,
    local_clients,
    machine,
    models,
    security,
    sources,
    state_folder,
)
from faults.fault import CATALOGUE as ENTERED
from faults.fault import Fault

CATALOGUE: Final[tuple[Fault, ...]] = tuple(ENTERED)
