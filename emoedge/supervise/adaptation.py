"""Keeps the voice's running statistics over restarts: sums of features, no sound, no identity."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from emoedge.background_write import BackgroundWrite
from emoedge.files import read_json, write_json

logger = logging.getLogger(__name__)

FILE_NAME: Final = "voice_adaptation.json"
# A power cut loses at most this much of the adaptation; a card is written at most a few times an hour.
SAVE_EVERY_S: Final = 600.0


class Adaptive(Protocol):
    """The running statistics (`emoedge.voice.adapt.Adaptation`)."""

    def state(self) -> dict[str, Any]:
        """JSON-ready sums."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state; raises ValueError."""
        ...

    def reset(self) -> None:
        """Forget."""
        ...


class AdaptationStore:
    """Loads the statistics, saves them now and then, and forgets them when their file is purged.

    Args:
        directory: `paths.state`.
        now_s: monotonic clock, seconds.
    """

    def __init__(self, directory: Path, now_s: Callable[[], float] = time.monotonic) -> None:
        self._path = directory / FILE_NAME
        self._now_s = now_s
        self._forget_people: Callable[[], None] = lambda: None
        self._saved_s = now_s()
        self._on_disk = False
        self._to_forget = False
        self._adaptation: Adaptive | None = None
        self.writer = BackgroundWrite("adaptation", self._write)

    def restore(self, adaptation: Adaptive) -> None:
        """Continue with what was saved; from now on these statistics are kept."""
        self._adaptation = adaptation
        try:
            adaptation.restore(read_json(self._path))
            self._on_disk = True
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("cannot restore the voice adaptation, starting from the prior: %s", error)
            adaptation.reset()

    def attach_faces(self, forget_people: Callable[[], None]) -> None:
        """Take the call that makes the face stage forget how people look at rest, which is never saved."""
        self._forget_people = forget_people

    def forget_faces(self) -> None:
        """Forget how people look at rest; from any thread."""
        self._forget_people()

    def forget(self) -> None:
        """Forget everything, with the next block of audio or before it is saved; from any thread."""
        self._to_forget = True
        self._forget_people()

    def look(self) -> None:
        """Call often: forget after a purge, save when it is time."""
        if self._on_disk and self._adaptation is not None and not self._path.exists():
            self.forget()
        self._forget_if_asked()
        if self._now_s() - self._saved_s >= SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Have the statistics written, if there are any; a disk that cannot be written costs only this."""
        self._saved_s = self._now_s()
        self._forget_if_asked()
        if self._adaptation is not None:
            self.writer.put(self._adaptation.state())

    def _forget_if_asked(self) -> None:
        if self._to_forget and self._adaptation is not None:
            self._to_forget = self._on_disk = False
            logger.info("the voice adaptation was purged")
            self._adaptation.reset()

    def _write(self, state: dict[str, Any]) -> None:
        try:
            write_json(self._path, state)
            self._on_disk = True
        except OSError as error:
            logger.warning("cannot save the voice adaptation: %s", error)
