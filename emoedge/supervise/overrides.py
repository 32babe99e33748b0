"""Settings changed while running: kept over restarts in a small file, written whole or not at all."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from emoedge.config import RecordingMode, Settings
from emoedge.files import put_aside, read_json, write_json
from emoedge.publish.control import Command

logger = logging.getLogger(__name__)

FILE_NAME: Final = "state.json"

_Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Overrides(BaseModel):
    """What was changed by command; None where the configuration still counts."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    privacy: bool = False
    recording_mode: RecordingMode | None = None
    face_weight: _Fraction | None = None
    margin: _Fraction | None = None

    def after(self, command: Command) -> Overrides:
        """With a command applied; `record` and `snapshot` are acts of the moment and change nothing here."""
        if command.name not in type(self).model_fields:
            return self
        return Overrides.model_validate(self.model_dump() | {command.name: command.value})

    def apply(self, settings: Settings) -> Settings:
        """The settings in force (privacy is not one of them)."""
        fusion = {
            key: value
            for key, value in (("face_weight", self.face_weight), ("margin", self.margin))
            if value is not None
        }
        recording = {} if self.recording_mode is None else {"mode": self.recording_mode}
        return settings.model_copy(
            update={
                "fusion": settings.fusion.model_copy(update=fusion),
                "recording": settings.recording.model_copy(update=recording),
            }
        )


class OverrideStore:
    """`state.json` in the state directory."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE_NAME

    def load(self) -> Overrides:
        """What was kept; nothing where there is no file.

        A file that cannot be read may have said privacy ON, so that is what it then means, until somebody
        switches it OFF; a damaged one is put aside, and one that says so takes its place.
        """
        try:
            return Overrides.model_validate(read_json(self.path))
        except FileNotFoundError:
            return Overrides()
        except OSError as error:
            logger.error("%s cannot be read (%s): privacy is ON, send OFF to go on", self.path, error)  # noqa: TRY400
            return Overrides(privacy=True)
        except ValueError:  # of JSON, or pydantic's
            logger.error("%s is damaged: privacy is ON, send OFF to go on", self.path)  # noqa: TRY400
            private = Overrides(privacy=True)
            try:
                put_aside(self.path)
                self.save(private)
            except OSError as error:
                logger.warning("%s cannot be put aside: %s", self.path, error)
            return private

    def save(self, overrides: Overrides) -> None:
        """Keep; raises OSError where the disk does not let us."""
        write_json(self.path, overrides.model_dump(mode="json"))
