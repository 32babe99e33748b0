"""State of one source, model or service."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

HealthState = Literal["ok", "degraded", "failed", "off"]


@dataclass(frozen=True, slots=True)
class Health:
    """State of one source, model or service.

    `reason` is empty when ok, else a sentence with what to do.
    """

    name: str
    state: HealthState
    reason: str = ""
    figures: dict[str, float | int | str | None] = field(default_factory=dict)
