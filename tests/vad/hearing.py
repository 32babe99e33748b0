"""A stage behind a speech activity detector, as the pipeline connects them."""

from __future__ import annotations

from typing import Any

from emoedge.frames import AudioBlock


class Hearing:
    """Gives each block to the detector first; everything else is the stage's own.

    Args:
        stage: gets the blocks with the changes of speech activity.
        activity: finds speech.
        filtered: hand on the blocks without what lies below speech, as to the voice.
    """

    def __init__(self, stage: Any, activity: Any, *, filtered: bool = False) -> None:
        self.stage = stage
        self.activity = activity
        self.filtered = filtered

    def process(self, block: AudioBlock) -> list[Any]:
        changes = self.activity.process(block)
        return self.stage.process(self.activity.filtered if self.filtered else block, changes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stage, name)
