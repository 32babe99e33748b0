"""Destinations of messages: the publisher's protocol and its stand-ins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from emoedge.health import Health
from emoedge.publish.control import Command
from emoedge.publish.messages import Message
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

CommandHandler = Callable[[Command], None]
"""Carries out an accepted command."""
StateProvider = Callable[[], Iterable[Message]]
"""The states that are newer than those published last."""


class Sink(Protocol):
    """Takes messages without ever making the pipeline wait."""

    def attach(self, on_command: CommandHandler, states: StateProvider) -> None:
        """Connect the commands; before `start`."""

    def start(self) -> None:
        """Begin; before the first publish()."""

    def publish(self, message: Message) -> None:
        """Take one message."""

    def hold(self, on: bool) -> None:
        """Keep queued messages about people back (privacy), or let them go; returns at once."""

    def forget(self, is_meant: Callable[[bytes], bool]) -> None:
        """Drop what waits and has such a payload, and what the broker keeps about people; returns at once."""

    def stop(self, timeout_s: float = 2.0) -> None:
        """Send what is left and disconnect."""

    def health(self) -> tuple[Health, ...]:
        """State of the way out."""

    @property
    def threads(self) -> tuple[WorkerThread, ...]:
        """The threads without which nothing goes out, or no command is carried out."""


class NoSink:
    """Stands in for the publisher where `mqtt.enabled` is false."""

    def attach(self, on_command: CommandHandler, states: StateProvider) -> None:
        """Do nothing: no command ever arrives."""

    def start(self) -> None:
        """Do nothing."""

    def publish(self, message: Message) -> None:
        """Do nothing."""

    def hold(self, on: bool) -> None:
        """Do nothing: nothing is queued."""

    def forget(self, is_meant: Callable[[bytes], bool]) -> None:
        """Do nothing: nothing is queued."""

    def stop(self, timeout_s: float = 2.0) -> None:
        """Do nothing."""

    def health(self) -> tuple[Health, ...]:
        """The broker, switched off."""
        return (Health("broker", "off", tr("mqtt.enabled = false")),)

    @property
    def threads(self) -> tuple[WorkerThread, ...]:
        """None."""
        return ()
