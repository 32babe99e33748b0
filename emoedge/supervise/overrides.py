"""Settings changed at run time, and privacy, kept over restarts in small files.

Privacy fails closed. It is ON when any of its files says so; and once it has ever been ON, also when the
settings are missing, damaged or cannot be read, until somebody switches it OFF.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emoedge.config import RecordingMode, Settings
from emoedge.files import cache_folder, put_aside, to_json, write_atomically
from emoedge.publish.control import Command
from emoedge.supervise.privacy_end import PrivacyEnd
from emoedge.supervise.privacy_record import PrivacyRecord, runtime_folder
from emoedge.translation import tr

logger = logging.getLogger(__name__)

FILE_NAME: Final = "state.json"
MAX_BYTES: Final = 4_096
"""A larger file is not one that was written here."""
_CHECKSUM: Final = "sha256"
LASTING: Final = ("recording_mode", "face_weight", "margin")
"""Controls that stand for a key of the configuration."""

_Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Overrides(BaseModel):
    """Values changed by commands; None where the configuration applies, or privacy has no end."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    privacy: bool = False
    recording_mode: RecordingMode | None = None
    face_weight: _Fraction | None = None
    margin: _Fraction | None = None
    privacy_end: PrivacyEnd | None = None

    def after(self, command: Command, end: PrivacyEnd | None = None) -> Overrides:
        """The overrides with a command applied; `record` and `snapshot` change nothing here."""
        if command.name == "privacy":
            return self.model_copy(update={"privacy": command.value is not False, "privacy_end": end})
        if command.name not in type(self).model_fields:
            return self
        return Overrides.model_validate(self.model_dump() | {command.name: command.value})

    def without(self, name: str) -> Overrides:
        """The overrides in which the configuration counts again for a control."""
        return self.model_copy(update={name: None})

    @property
    def set_by_command(self) -> tuple[str, ...]:
        """Names of the controls whose value takes precedence over the configuration."""
        return tuple(name for name in LASTING if getattr(self, name) is not None)

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
    """`state.json` in the state folder, and the two records that privacy has besides.

    Args:
        folder: the state folder.
        runtime: the record in memory; that of this machine by default.
        cache: the record on a disk outside the state folder; that of this machine by default.
    """

    def __init__(
        self, folder: Path, runtime: PrivacyRecord | None = None, cache: PrivacyRecord | None = None
    ) -> None:
        self.path = folder / FILE_NAME
        self._runtime = runtime or PrivacyRecord(runtime_folder(), folder)
        self._cache = cache or PrivacyRecord(cache_folder(), folder)
        self._is_damaged = False

    def load(self) -> Overrides:
        """Return what was kept, with privacy ON where that cannot be ruled out. Never raises."""
        overrides, doubt = self._read()
        runtime = self._runtime.read()
        if overrides is None:
            overrides = Overrides(
                privacy=bool(doubt) or runtime is not None or self._cache.read() is not None
            )
            doubt = doubt or tr("is missing, and privacy has been ON before")
            if overrides.privacy:
                logger.error("%s %s: privacy is ON, send OFF to continue", self.path, doubt)
        elif runtime in ("ON", "ON-UNTIL") and not overrides.privacy:
            logger.warning("according to %s privacy is ON", self._runtime.path)
            overrides = overrides.model_copy(update={"privacy": True})
        if runtime == "ON" and overrides.privacy_end is not None:
            # A later ON without an end was no longer written to disk.
            overrides = overrides.model_copy(update={"privacy_end": None})
        return overrides

    def note_privacy(self) -> None:
        """Record in memory that privacy is ON: no disk takes part. Raises OSError."""
        self._runtime.write("ON")

    def note_end(self) -> None:
        """Record in memory that privacy has an end, once that is saved. Raises OSError."""
        self._runtime.write("ON-UNTIL")

    def note_off(self) -> None:
        """Record in memory that privacy is OFF, once that is saved: until then ON counts. Raises OSError."""
        if self._runtime.read() is not None:
            self._runtime.write("OFF")

    def save(self, overrides: Overrides) -> None:
        """Write to the disk; raises OSError where it, or the record of privacy, cannot be written."""
        if self._is_damaged:
            put_aside(self.path)
            self._is_damaged = False
        if overrides.privacy:
            self._save_on(overrides)
        else:
            self._write(overrides)

    def _save_on(self, overrides: Overrides) -> None:
        """Write it wherever it can be written; raises the first OSError."""
        failed: OSError | None = None
        for write in (self.note_privacy, lambda: self._write(overrides), self._note_for_ever):
            try:
                write()
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _note_for_ever(self) -> None:
        if self._cache.read() is None:
            self._cache.write("OFF")

    def _write(self, overrides: Overrides) -> None:
        write_atomically(self.path, _encode(overrides))

    def _read(self) -> tuple[Overrides | None, str]:
        """Return the content, or None and what is wrong with it; a missing file alone is not wrong."""
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            return None, tr("cannot be read ({strerror})", strerror=error.strerror)
        try:
            values = json.loads(data)
            values.pop(_CHECKSUM)
            overrides = Overrides.model_validate_json(json.dumps(values))
        except (ValueError, ValidationError, RecursionError, AttributeError, TypeError, KeyError):
            overrides = None
        # Byte by byte: nothing is missing, nothing was added, and the checksum is correct.
        if overrides is None or _encode(overrides).encode() != data:
            self._is_damaged = True
            return None, tr("is damaged")
        return overrides, ""


def _encode(overrides: Overrides) -> str:
    values = overrides.model_dump(mode="json")
    if overrides.privacy_end is None:
        del values["privacy_end"]
    digest = hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
    return to_json(values | {_CHECKSUM: digest})
