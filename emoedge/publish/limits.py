"""Limits that a broker announces in CONNACK, and their effect on messages (MQTT 5, section 3.2.2.3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

MAX_IN_FLIGHT: Final = 10
"""Messages of QoS 1 on the way at a time, where the broker does not want fewer."""

_RECEIVE_MAXIMUM_EXCEEDED: Final = 0x93
_RETAIN_NOT_SUPPORTED: Final = 0x9A
_QOS_NOT_SUPPORTED: Final = 0x9B


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """Limits of a broker.

    Attributes:
        max_packet_bytes: largest packet; None without a limit.
        retain: whether it keeps retained messages.
        max_qos: highest quality of service of a message.
        in_flight: messages of QoS 1 that may be on the way, at most MAX_IN_FLIGHT.
        wildcards: whether subscriptions may have wildcards.
    """

    max_packet_bytes: int | None = None
    retain: bool = True
    max_qos: Literal[0, 1] = 1
    in_flight: int = MAX_IN_FLIGHT
    wildcards: bool = True

    @classmethod
    def from_properties(cls, properties: Any) -> BrokerLimits:
        """Read paho's properties of a CONNACK; None (MQTT 3.1.1) announces nothing."""
        return cls(
            max_packet_bytes=getattr(properties, "MaximumPacketSize", None),
            retain=bool(getattr(properties, "RetainAvailable", 1)),
            max_qos=0 if getattr(properties, "MaximumQoS", 2) == 0 else 1,
            in_flight=max(1, min(MAX_IN_FLIGHT, getattr(properties, "ReceiveMaximum", MAX_IN_FLIGHT))),
            wildcards=bool(getattr(properties, "WildcardSubscriptionAvailable", 1)),
        )

    def and_also(self, other: BrokerLimits) -> BrokerLimits:
        """The stricter of both, each."""
        sizes = [one.max_packet_bytes for one in (self, other) if one.max_packet_bytes is not None]
        return BrokerLimits(
            max_packet_bytes=min(sizes, default=None),
            retain=self.retain and other.retain,
            max_qos=min(self.max_qos, other.max_qos),
            in_flight=min(self.in_flight, other.in_flight),
            wildcards=self.wildcards and other.wildcards,
        )

    def without(self, code: int) -> BrokerLimits | None:
        """Return what is left after the broker has ended a connection with this reason code.

        None if the code says nothing about it. The last will is in CONNECT, before the broker can announce
        anything.
        """
        if code == _RETAIN_NOT_SUPPORTED and self.retain:
            return replace(self, retain=False)
        if code == _QOS_NOT_SUPPORTED and self.max_qos:
            return replace(self, max_qos=0)
        if code == _RECEIVE_MAXIMUM_EXCEEDED and self.in_flight > 1:
            return replace(self, in_flight=1)
        return None

    def fits(self, topic: str, payload: bytes) -> bool:
        """Return whether a message of QoS 1 without properties is small enough."""
        return self.max_packet_bytes is None or packet_bytes(topic, payload) <= self.max_packet_bytes

    def payload_bytes(self, topic: str) -> int | None:
        """Largest payload on a topic; None without a limit."""
        if self.max_packet_bytes is None:
            return None
        # The length of the payload adds up to three digits to that of the packet.
        return max(0, self.max_packet_bytes - packet_bytes(topic, b"") - 3)

    @property
    def text(self) -> str:
        """Return the limits for `health`; empty for a broker without any."""
        parts = [] if self.max_packet_bytes is None else [f"packets of {self.max_packet_bytes} bytes"]
        parts += [] if self.retain else ["no retained messages"]
        parts += [] if self.max_qos else ["QoS 0"]
        parts += [] if self.in_flight == MAX_IN_FLIGHT else [f"{self.in_flight} on the way"]
        parts += [] if self.wildcards else ["no wildcards"]
        return ", ".join(parts)


def packet_bytes(topic: str, payload: bytes) -> int:
    """Size of a PUBLISH packet of version 5 with QoS 1 and no properties."""
    # Topic with its length, packet identifier, length of the properties.
    rest = 2 + len(topic.encode()) + 2 + 1 + len(payload)
    digits = next(count for count in range(1, 6) if rest < 128**count)
    return 1 + digits + rest
