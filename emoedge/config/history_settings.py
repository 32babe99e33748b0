"""Settings of the history."""

from __future__ import annotations

from pydantic import Field

from emoedge.config.section import Section


class HistorySettings(Section):
    """History: emotions over time, without video, audio or words."""

    enabled: bool = Field(
        True, description="Keep the history, minute by minute; it does not depend on recording"
    )
    keep_days: int = Field(30, ge=1, le=3650, description="Days after which history is deleted")
    max_bytes: int = Field(
        25_000_000,
        ge=100_000,
        description="Maximum size of the history, in bytes, beyond which the oldest days are deleted",
    )
