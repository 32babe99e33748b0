"""The protocol of what takes messages."""

from __future__ import annotations

from typing import Protocol

from emoedge.health import Health
from emoedge.publish.messages import Message


class Sink(Protocol):
    """Takes messages without ever making the pipeline wait."""

    def start(self) -> None:
        """Begin; before the first publish()."""

    def publish(self, message: Message) -> None:
        """Take one message."""

    def stop(self, timeout_s: float = 2.0) -> None:
        """Let go of everything in good order."""

    def health(self) -> tuple[Health, ...]:
        """State of the way out."""

    def died(self) -> str:
        """Why nothing goes out any more, however long one waits; empty while it works."""
