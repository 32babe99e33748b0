"""Errors that a user sees: one line that says what is wrong, one that says what to do."""

from __future__ import annotations

from typing import ClassVar

from emoedge.translation import tr


class EmoedgeError(Exception):
    """Base of all expected failures; the command line prints it without a traceback.

    Args:
        message: what is wrong, with the name of the thing concerned.
        remedy: what the user can do about it, an imperative sentence without a full stop.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        if not self.remedy:
            return self.message
        return tr("{message} ({remedy})", message=self.message, remedy=self.remedy)


class ConfigError(EmoedgeError):
    """The configuration or the call is wrong."""

    exit_code: ClassVar[int] = 2


class ModelError(EmoedgeError):
    """A model is missing, damaged or not what it should be."""


class MediaError(EmoedgeError):
    """A media file or stream cannot be read as picture or sound."""


class DeviceError(EmoedgeError):
    """A camera or microphone is missing, busy, or went away."""


class BrokerError(EmoedgeError):
    """The MQTT broker cannot be reached or refuses the connection."""


class RecordingError(EmoedgeError):
    """A segment cannot be written, read or found."""
