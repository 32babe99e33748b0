"""Record of privacy apart from the settings, out of reach of a hanging disk or a torn write.

Two such files: one in memory (`/run/emoedge/privacy`), written before any disk is touched, which outlives the
process but not a restart of the machine; one in the cache folder, which only says that privacy has been ON at
some time, so that a missing state folder is not taken for that of a new device.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, cast, get_args

from emoedge.files import write_atomically

FILE_NAME: Final = "privacy"
RUNTIME_FOLDER: Final = Path("/run/emoedge")
MAX_BYTES: Final = 65_536
"""Larger files are not ours."""

Fact = Literal["ON", "ON-UNTIL", "OFF"]
"""ON has no end; ON-UNTIL has the one in the settings; OFF says that it was ON before."""
_FACTS: Final = get_args(Fact)


class PrivacyRecord:
    """File with a line for each state folder, a fact and the folder; a bare `ON` is for all.

    Args:
        folder: where the file is kept; made when it is written.
        state: `paths.state` of this daemon.
    """

    def __init__(self, folder: Path, state: Path) -> None:
        self.path = folder / FILE_NAME
        # Links are kept: their targets may be missing.
        self._state = str(state.absolute()).replace("\n", "\\n")

    def read(self) -> Fact | None:
        """Return what is known; an unreadable file or an unknown line counts as ON. Never raises."""
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return "ON"
        if len(data) > MAX_BYTES:
            return "ON"
        return self._meaning(data.decode("utf-8", "surrogateescape").split("\n"))

    def write(self, fact: Fact) -> None:
        """Replace the line of this state folder; raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self.path.parent):
            try:
                text = self.path.read_bytes()[:MAX_BYTES].decode("utf-8", "surrogateescape")
            except FileNotFoundError:
                text = ""
            others = [line for line in text.split("\n") if _is_of_another(line, self._state)]
            # This device's entry first, so that another entry is dropped from a file that is too large.
            lines = [f"{fact} {self._state}", *others, ""]
            write_atomically(self.path, "\n".join(lines).encode("utf-8", "surrogateescape"))

    def _meaning(self, lines: list[str]) -> Fact | None:
        found: Fact | None = None
        for line in filter(None, lines):
            fact, _, folder = line.partition(" ")
            if fact not in _FACTS or (fact != "OFF" and folder == ""):
                return "ON"
            if folder == self._state and (found is None or _FACTS.index(fact) < _FACTS.index(found)):
                found = cast("Fact", fact)
        return found


def runtime_folder() -> Path:
    """Folder in memory that outlives the process: systemd's, `/run/emoedge`, or one of the user's."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    if os.access(RUNTIME_FOLDER if RUNTIME_FOLDER.is_dir() else RUNTIME_FOLDER.parent, os.W_OK):
        return RUNTIME_FOLDER
    session = os.environ.get("XDG_RUNTIME_DIR")
    return Path(session) / "emoedge" if session else Path(tempfile.gettempdir()) / f"emoedge-{os.getuid()}"


def _is_of_another(line: str, state: str) -> bool:
    fact, _, folder = line.partition(" ")
    return fact in _FACTS and folder not in ("", state)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other daemons with the same file out for a moment."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
