"""Scripted MQTT broker on loopback that enforces the limits it announces and refuses messages on request.

Mosquitto accepts more than it announces and cannot be made to omit answers. This broker speaks as much of
MQTT 5 and 3.1.1 as the daemon needs, and records every violation of its limits.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from faults.surroundings import LOOPBACK

CONNECT: Final = 1
PUBLISH: Final = 3
PUBACK: Final = 4
SUBSCRIBE: Final = 8
PINGREQ: Final = 12
DISCONNECT: Final = 14

PACKET_TOO_LARGE: Final = 0x95
RECEIVE_MAXIMUM_EXCEEDED: Final = 0x93
RETAIN_NOT_SUPPORTED: Final = 0x9A
QOS_NOT_SUPPORTED: Final = 0x9B


@dataclass(frozen=True, slots=True)
class Published:
    """One PUBLISH as received."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    connection: int


@dataclass
class StrictBroker:
    """Broker that serves each client in its own thread.

    Attributes:
        max_packet: Maximum Packet Size; None announces none.
        retain: whether retained messages are available.
        max_qos: Maximum QoS.
        receive_maximum: number of QoS 1 messages in flight.
        wildcards: whether wildcard subscriptions are available.
        closes_on: close the connection without a reason on a PUBLISH or SUBSCRIBE with such a topic.
        closes_on_payload: the same for the payload of a PUBLISH.
        answer: reason code of the PUBACK by topic and payload; None for no PUBACK at all.
        delay_s: seconds before each PUBACK.
        versions: supported protocol levels; 4 is MQTT 3.1.1.
        retained: messages that each subscription to their topic receives.
        received: all accepted messages.
        subscribed: connection number and topic of each subscription.
        violations: packets that broke a rule.
        connections: number of connections so far.
    """

    max_packet: int | None = None
    retain: bool = True
    max_qos: int = 2
    receive_maximum: int | None = None
    wildcards: bool = True
    closes_on: Callable[[str], bool] = lambda _topic: False
    closes_on_payload: Callable[[bytes], bool] = lambda _payload: False
    answer: Callable[[str, bytes], int | None] = lambda _topic, _payload: 0
    delay_s: float = 0.0
    versions: tuple[int, ...] = (4, 5)
    retained: dict[str, bytes] = field(default_factory=dict)
    received: list[Published] = field(default_factory=list)
    subscribed: list[tuple[int, str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    connections: int = 0

    def __post_init__(self) -> None:
        self._server = socket.create_server((LOOPBACK, 0))
        self.port = int(self._server.getsockname()[1])
        self._clients: list[_Client] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Close the broker and all connections."""
        self._server.close()
        for client in self._clients:
            client.close()

    def on(self, topic: str) -> list[bytes]:
        """Return the payloads received on a topic."""
        return [one.payload for one in list(self.received) if one.topic == topic]

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send a message to all connected clients, subscribed or not."""
        self.send_raw(publish_packet(topic, payload, retain=retain, v5=False), publish_packet(topic, payload))

    def send_raw(self, packet: bytes, packet_v5: bytes) -> None:
        """Send bytes of either version."""
        for client in self._clients:
            with contextlib.suppress(OSError):
                client.write(packet_v5 if client.v5 else packet)

    def drop_clients(self) -> None:
        """Close all connections without a reason."""
        for client in self._clients:
            client.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            client = _Client(self, connection, self.connections)
            self._clients.append(client)
            threading.Thread(target=client.run, daemon=True).start()

    def properties(self) -> bytes:
        """Return the properties of the CONNACK."""
        parts = b"" if self.receive_maximum is None else b"\x21" + self.receive_maximum.to_bytes(2, "big")
        parts += b"" if self.max_qos == 2 else bytes([0x24, self.max_qos])
        parts += b"" if self.retain else b"\x25\x00"
        parts += b"" if self.max_packet is None else b"\x27" + self.max_packet.to_bytes(4, "big")
        parts += b"" if self.wildcards else b"\x28\x00"
        return parts


class _Client:
    """Connection of one client."""

    def __init__(self, broker: StrictBroker, connection: socket.socket, number: int) -> None:
        self._broker = broker
        self._connection = connection
        self._number = number
        self._file = connection.makefile("rb")
        self._lock = threading.Lock()
        self._topics: list[str] = []
        self._on_the_way = 0
        self.v5 = True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def write(self, data: bytes) -> None:
        with self._lock:
            self._connection.sendall(data)

    def run(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                first, body, size = self._read()
                if not self._handle(first >> 4, first & 0x0F, body, size):
                    break
        self.close()

    def _read(self) -> tuple[int, bytes, int]:
        first = self._exactly(1)[0]
        length, shift = 0, 0
        while True:
            byte = self._exactly(1)[0]
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        return first, self._exactly(length), 1 + shift // 7 + length

    def _exactly(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def _handle(self, kind: int, flags: int, body: bytes, size: int) -> bool:
        """Return whether the connection stays open."""
        if kind == CONNECT:
            return self._connect(body)
        if kind == PINGREQ:
            self.write(b"\xd0\x00")
        elif kind == SUBSCRIBE:
            return self._subscribe(body)
        elif kind == PUBLISH:
            return self._publish(flags, body, size)
        return kind != DISCONNECT

    def _connect(self, body: bytes) -> bool:
        broker = self._broker
        self.v5 = body[6] == 5
        flags = body[7]
        if body[6] not in broker.versions:
            self.write(b"\x20\x02\x00\x01")
            return False
        if not self.v5:
            self.write(b"\x20\x02\x00\x00")
            return True
        code = 0
        if flags & 0x20 and not broker.retain:
            code = RETAIN_NOT_SUPPORTED
        elif flags >> 3 & 3 > broker.max_qos:
            code = QOS_NOT_SUPPORTED
        properties = b"" if code else broker.properties()
        self.write(packet(0x20, bytes([0, code, len(properties)]) + properties))
        return not code

    def _subscribe(self, body: bytes) -> bool:
        mid, rest = body[:2], body[2:]
        if self.v5:
            rest = rest[1 + rest[0] :]
        length = int.from_bytes(rest[:2], "big")
        topic = rest[2 : 2 + length].decode()
        if self._broker.closes_on(topic):
            return False
        if not self._broker.wildcards and ("+" in topic or "#" in topic):
            self._broker.violations.append(f"subscription to {topic}")
        self._broker.subscribed.append((self._number, topic))
        self._topics.append(topic)
        self.write(packet(0x90, mid + (b"\x00" if self.v5 else b"") + b"\x01"))
        for name, payload in list(self._broker.retained.items()):
            if _matches(topic, name):
                self.write(publish_packet(name, payload, retain=True, v5=self.v5))
        return True

    def _publish(self, flags: int, body: bytes, size: int) -> bool:
        broker, qos, retain = self._broker, flags >> 1 & 3, bool(flags & 1)
        length = int.from_bytes(body[:2], "big")
        topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
        mid = b""
        if qos:
            mid, rest = rest[:2], rest[2:]
            self._on_the_way += 1
        if self.v5:
            rest = rest[1 + rest[0] :]
        broken = self._broken(size, qos, retain)
        if broken:
            broker.violations.append(f"0x{broken:02X} by {topic}")
            self.write(bytes([0xE0, 2, broken, 0]))
            return False
        if broker.closes_on(topic) or broker.closes_on_payload(rest):
            return False
        broker.received.append(Published(topic, rest, qos, retain, self._number))
        if qos:
            code = broker.answer(topic, rest)
            if code is not None:
                threading.Timer(broker.delay_s, self._acknowledge, (mid, code)).start()
        if any(_matches(one, topic) for one in self._topics):
            self.write(publish_packet(topic, rest, v5=self.v5))
        return True

    def _broken(self, size: int, qos: int, retain: bool) -> int:
        """Return the reason code of the rule that a PUBLISH breaks, or 0."""
        broker = self._broker
        if not self.v5:
            return 0
        if broker.max_packet is not None and size > broker.max_packet:
            return PACKET_TOO_LARGE
        if retain and not broker.retain:
            return RETAIN_NOT_SUPPORTED
        if qos > broker.max_qos:
            return QOS_NOT_SUPPORTED
        if broker.receive_maximum is not None and self._on_the_way > broker.receive_maximum:
            return RECEIVE_MAXIMUM_EXCEEDED
        return 0

    def _acknowledge(self, mid: bytes, code: int) -> None:
        self._on_the_way -= 1
        with contextlib.suppress(OSError):
            self.write(packet(0x40, mid + (bytes([code, 0]) if self.v5 and code else b"")))


def packet(first: int, body: bytes) -> bytes:
    """Return one packet with its fixed header."""
    return fixed_header(first, len(body)) + body


def fixed_header(first: int, length: int) -> bytes:
    """Read the kind and length of a packet."""
    digits = bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([first]) + digits


def publish_packet(topic: str, payload: bytes, *, retain: bool = False, v5: bool = True) -> bytes:
    """Return a PUBLISH of QoS 0."""
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + (b"\x00" if v5 else b"") + payload
    return packet(0x30 | retain, body)


def _matches(pattern: str, topic: str) -> bool:
    levels, names = pattern.split("/"), topic.split("/")
    return len(levels) == len(names) and all(
        level in ("+", name) for level, name in zip(levels, names, strict=True)
    )
