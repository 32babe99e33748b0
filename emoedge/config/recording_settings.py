"""Settings of the recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from emoedge.config.section import Section, SomePath

RecordingMode = Literal["off", "manual", "events", "continuous"]


class RecordingSettings(Section):
    """Recording of segments on the local disk."""

    mode: RecordingMode = Field("events", description='"off", "manual", "events" or "continuous"')
    dir: SomePath = Field(Path("/var/lib/emoedge/recordings"), description="Directory of the recordings")
    pre_roll_s: float = Field(5.0, ge=0, le=60, description="Seconds recorded from before the episode")
    post_roll_s: float = Field(5.0, ge=0, le=120, description="Seconds recorded after the episode")
    max_segment_s: float = Field(
        300.0, ge=5, le=3600, description="Maximum length of a segment, in seconds; longer ones are split"
    )
    keep_days: float = Field(
        30.0, ge=0, le=36_500, description="Days after which segments are deleted; 0 keeps them"
    )
    max_bytes: int = Field(
        10_000_000_000,
        ge=0,
        description="Maximum total size, in bytes, beyond which the oldest are deleted; 0 for no limit",
    )
    min_free_bytes: int = Field(
        500_000_000, ge=0, description="Minimum free disk space, in bytes, below which the oldest are deleted"
    )
    overlay: bool = Field(False, description="Draw box, label and bars into the recorded video")
    transcript: bool = Field(True, description="Keep the transcript in the sidecars of a segment")
    encoder: str = Field(
        "auto", description='"auto" (hardware where the board has it), or an FFmpeg H.264 encoder'
    )
