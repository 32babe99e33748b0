"""A stage behind a speech activity detector, as the pipeline connects them."""

from __future__ import annotations

from typing import Any

from emoedge.frames import AudioBlock


class Hearing:
    """Gives each block to the detector first; everything else is the stage's own."""

    def __init__(self, stage: Any, activity: Any) -> None:
        self.stage = stage
        self.activity = activity

    def process(self, block: AudioBlock) -> list[Any]:
        return self.stage.process(block, self.activity.process(block))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stage, name)
