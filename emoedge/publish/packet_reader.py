"""MQTT packets from a socket, oversized ones shortened while they arrive.

A broker of version 3.1.1 sends a message of any size, and so does one of version 5 to a client that does not
announce a Maximum Packet Size. Announcing one is worse: Mosquitto (2.0.11 and 2.0.21) drops what is larger,
but counts it as sent, and after 20 such messages of QoS 1 it delivers nothing to the client any more. So
every message is taken, and acknowledged, and no more of it is kept than is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final

MAX_PACKET_BYTES: Final = 16_384
"""Larger PUBLISH packets are shortened; commands and birth messages have a few bytes."""
MAX_PAYLOAD_BYTES: Final = 256
"""Payload that is kept of a shortened PUBLISH: more than any command may have, so that it is seen to be
longer."""
MAX_OTHER_BYTES: Final = 131_072
"""Largest accepted packet of another kind: CONNACK or DISCONNECT with two texts of 65,535 bytes."""
ABANDONED_BYTES: Final = 4_000_000
"""Larger packets are not waited for: a slow network needs minutes, in which no command arrives."""
CHUNK_BYTES: Final = 65_536
READS_PER_CALL: Final = 64
"""Reads before the caller gets its turn: it also sends, and a large message can take minutes to arrive."""

_PUBLISH: Final = 3
_QOS_BITS: Final = 0b0110
_MAX_LENGTH_BYTES: Final = 4  # of a variable byte integer, MQTT 5, section 1.5.5

_Steps = Generator[int, bytes, None]
_Taking = Generator[int, bytes, bytes]
_Counting = Generator[int, bytes, tuple[int, int]]


class PacketReader:
    """Reads from a socket, packet by packet.

    Args:
        receive: reads at most this number of bytes without waiting; raises BlockingIOError when there
            are none, returns none at the end of the connection.
        has_properties: whether a PUBLISH has properties (MQTT 5).
        on_oversized: called with the topic and the size of each PUBLISH whose payload is shortened, as soon
            as the topic is known where the packet is larger than ABANDONED_BYTES.
    """

    def __init__(
        self,
        receive: Callable[[int], bytes],
        *,
        has_properties: bool,
        on_oversized: Callable[[bytes, int], None] = lambda _topic, _size: None,
    ) -> None:
        self._receive = receive
        self._on_oversized = on_oversized
        self._has_properties = has_properties
        self._ready = bytearray()
        self._steps = self._read_packets()
        self._wanted = next(self._steps)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes of packets; empty at the end of the connection.

        Raises:
            BlockingIOError: no whole packet has arrived yet.
            ConnectionError: the broker breaks the protocol.
        """
        for _ in range(READS_PER_CALL):
            if self._ready:
                break
            data = self._receive(min(self._wanted, CHUNK_BYTES))
            if not data:
                return b""
            self._wanted = self._steps.send(data)
        if not self._ready:
            raise BlockingIOError
        head = bytes(self._ready[:size])
        del self._ready[:size]
        return head

    def _read_packets(self) -> _Steps:
        """Yield the number of bytes wanted next, for ever; whole packets go to `_ready`."""
        while True:
            first = yield from _take(1)
            size, _ = yield from _take_integer()
            if first[0] >> 4 != _PUBLISH and size > MAX_OTHER_BYTES:
                raise ConnectionError(f"a packet of type {first[0] >> 4} with {size} bytes")
            if first[0] >> 4 != _PUBLISH or size <= MAX_PACKET_BYTES:
                body = yield from _take(size)
            else:
                body = yield from self._shorten(first[0], size)
            self._ready += first + _integer(len(body)) + body

    def _shorten(self, first: int, size: int) -> _Taking:
        """Take topic, packet identifier and the beginning of the payload; skip properties and the rest."""
        head = yield from _take(2)
        left = _left(size, 2 + int.from_bytes(head, "big") + (2 if first & _QOS_BITS else 0))
        head += yield from _take(size - left - 2)
        topic = head[2 : 2 + int.from_bytes(head[:2], "big")]
        if size > ABANDONED_BYTES:
            self._on_oversized(topic, size)
        if self._has_properties:
            properties, digits = yield from _take_integer()
            left = _left(left, digits + properties)
            yield from _skip(properties)
            head += b"\0"
        kept = min(left, MAX_PAYLOAD_BYTES)
        if kept < left and size <= ABANDONED_BYTES:
            self._on_oversized(topic, size)
        head += yield from _take(kept)
        yield from _skip(left - kept)
        return head


def _left(size: int, used: int) -> int:
    """Bytes of a packet that are left; raises ConnectionError where they do not reach."""
    if used > size:
        raise ConnectionError("a PUBLISH packet is shorter than its contents")
    return size - used


def _take(count: int) -> _Taking:
    taken = b""
    while len(taken) < count:
        taken += yield count - len(taken)
    return taken


def _skip(count: int) -> _Steps:
    while count > 0:
        count -= len((yield count))


def _take_integer() -> _Counting:
    """Value of a variable byte integer, and its own length."""
    value = 0
    for place in range(_MAX_LENGTH_BYTES):
        byte = (yield from _take(1))[0]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, place + 1
    raise ConnectionError("a length of more than four bytes")


def _integer(value: int) -> bytes:
    """Value as a variable byte integer."""
    digits = bytearray()
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    digits.append(value)
    return bytes(digits)
