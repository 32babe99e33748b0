"""Interfaces between a session and its users: no client library, no sockets."""

from __future__ import annotations

from typing import Literal, Protocol

from emoedge.publish.limits import BrokerLimits


class Link(Protocol):
    """One connection, for as long as it lasts."""

    @property
    def limits(self) -> BrokerLimits:
        """Limits of the broker."""
        ...

    def send(self, topic: str, payload: bytes, *, qos: Literal[0, 1], retain: bool) -> int | None:
        """Hand over a message without waiting; a token for on_delivered, or None if it cannot go."""


class SessionListener(Protocol):
    """Called from other threads, in order, one at a time: must return at once."""

    def on_connected(self, link: Link) -> None:
        """A connection is there; nothing has been sent on it yet."""

    def on_disconnected(self) -> None:
        """The link is gone; acknowledgements that did not come never will."""

    def on_delivered(self, token: int) -> None:
        """The message of this token is with the broker (QoS 1) or on the wire (QoS 0)."""

    def on_refused(self, token: int, code: int) -> None:
        """The message of this token will not be taken: a reason code of MQTT 5, section 2.4."""

    def on_oversized(self, topic: str, *, abandoned: bool) -> None:
        """A message that is much too large; if abandoned, it ends the connection and is not handed on."""

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        """A message to one of the subscriptions."""
