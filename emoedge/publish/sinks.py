"""Where the pipeline's messages go: one small protocol, and its file-based twin for `replay`."""

from __future__ import annotations

from typing import Protocol, TextIO

from emoedge.health import Health
from emoedge.publish.messages import Message, to_json


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


class JsonLinesSink:
    """One line a message, `{"topic": …, "payload": …}`; equal messages give equal bytes.

    Args:
        stream: text stream; UTF-8 where it is a file. It is flushed at every line, so that a reader at the
            other end of a pipe sees messages as they come, and not closed.
        topic_base: `<base>/<device_id>`.
    """

    def __init__(self, stream: TextIO, topic_base: str) -> None:
        self._stream = stream
        self._topic_base = topic_base
        self._count = 0

    def start(self) -> None:
        """Nothing to do."""

    def publish(self, message: Message) -> None:
        """Write one line; raises OSError where the stream does."""
        line = to_json({"topic": f"{self._topic_base}/{message.suffix}", "payload": message.payload})
        self._stream.write(line + "\n")
        self._stream.flush()
        self._count += 1

    def stop(self, timeout_s: float = 2.0) -> None:
        """Nothing to do."""

    def health(self) -> tuple[Health, ...]:
        """Always ok."""
        return (Health("output", "ok", figures={"messages": self._count}),)

    def died(self) -> str:
        """Never."""
        return ""
