"""Interface of the device as the controls see it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from emoedge.config import RecordingMode


class Controlled(Protocol):
    """Target of the commands."""

    def set_privacy(self, on: bool) -> bool:
        """Release the devices, or open them again; whether that was done."""
        ...

    def set_weights(self, *, face_weight: float | None = None, margin: float | None = None) -> None:
        """Change the rule."""
        ...

    def set_recording_mode(self, mode: RecordingMode) -> None:
        """Change the mode."""
        ...

    def record(self, on: bool, seconds: float | None = None) -> None:
        """Manual recording; raises RecordingError."""
        ...

    def snapshot(self) -> Path:
        """Keep the newest picture; raises RecordingError."""
        ...

    @property
    def recording_by_hand(self) -> bool:
        """State of the control `record`."""
        ...
