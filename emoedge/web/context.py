"""Objects that the handlers use."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.requests import Request

from emoedge.config import Settings, load_settings
from emoedge.config.console_file import ConsoleFile
from emoedge.record.store import Store
from emoedge.web.access import AccessStore
from emoedge.web.daemon_link import DaemonLink
from emoedge.web.limits import LoginLimit
from emoedge.web.summaries import Summaries

SETUP_KEYS: Final = (
    "device_id",
    "language",
    "camera.source",
    "microphone.source",
    "mqtt.host",
    "mqtt.enabled",
)
"""Whoever has set one of these in a file or in the environment needs no help with the first run."""


@dataclass
class Context:
    """The console's parts.

    Attributes:
        settings: as the files say now; the daemon has them after its next start.
        config_path: file named with --config, or None.
        access: keys, password and sessions.
        logins: failed logins.
        summaries: emotions of recordings, kept.
        recordings: the store, which is only read here.
        link: to the daemon.
        setup: whether nobody has set this device up: not in the browser, and not by hand.
        to_clear: controls whose key was saved while the daemon could not be asked to clear them.
    """

    settings: Settings
    config_path: Path | None
    access: AccessStore
    logins: LoginLimit = field(default_factory=LoginLimit)
    summaries: Summaries = field(default_factory=Summaries)
    recordings: Store = field(init=False)
    link: DaemonLink = field(init=False)
    setup: bool = field(init=False)
    to_clear: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.recordings = Store(self.settings.recording.dir)
        self.link = DaemonLink(lambda: self.settings)
        sources = self.console_file.read()["sources"]
        by_hand = any(sources[key] not in ("default", "console") for key in SETUP_KEYS)
        self.setup = not by_hand and not self.access.setup_is_finished

    @property
    def console_file(self) -> ConsoleFile:
        """The settings as files."""
        return ConsoleFile(self.config_path)

    def reload(self) -> None:
        """Read the settings again; raises ConfigError."""
        self.settings = load_settings(self.config_path)
        if self.recordings.root != self.settings.recording.dir:
            self.recordings = Store(self.settings.recording.dir)


def context_of(request: Request) -> Context:
    """The parts, of a request."""
    found: Context = request.app.state.context
    return found
