"""Reading packets: small ones untouched, large ones shortened, in whatever pieces they come."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.publish.packet_reader import (
    ABANDONED_BYTES,
    CHUNK_BYTES,
    MAX_OTHER_BYTES,
    MAX_PACKET_BYTES,
    MAX_PAYLOAD_BYTES,
    READS_PER_CALL,
    PacketReader,
)

PINGRESP = b"\xd0\x00"


def packet(first: int, body: bytes) -> bytes:
    """One packet with its fixed header."""
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([first]) + digits + body


def publish(
    topic: bytes, payload: bytes, *, qos: int = 1, retain: bool = False, properties: bytes | None
) -> bytes:
    """A PUBLISH of version 5, or of 3.1.1 where `properties` is None."""
    body = len(topic).to_bytes(2, "big") + topic + (b"\x12\x34" if qos else b"")
    if properties is not None:
        # The length of the properties is written as that of a packet is.
        body += packet(0, properties)[1:]
    return packet(0x30 | qos << 1 | retain, body + payload)


class Wire:
    """A socket that hands out pieces, with nothing to read between them."""

    def __init__(self, data: bytes, pieces: list[int]) -> None:
        self.data = data
        self.pieces = pieces
        self.largest = 0
        self._waits = False

    def receive(self, size: int) -> bytes:
        self.largest = max(self.largest, size)
        self._waits = not self._waits and bool(self.pieces)
        if self._waits or not self.data:
            raise BlockingIOError
        count = min(size, self.pieces.pop()) if self.pieces else size
        taken, self.data = self.data[:count], self.data[count:]
        return taken


def read_all(wire: Wire, *, has_properties: bool) -> bytes:
    reader = PacketReader(wire.receive, has_properties=has_properties)
    out = b""
    while True:
        try:
            out += reader.read(7)
        except BlockingIOError:
            if not wire.data:
                return out


pieces = st.lists(st.integers(1, 40_000), max_size=30)


@given(
    bodies=st.lists(st.binary(max_size=400), max_size=5),
    first=st.sampled_from([0x20, 0x32, 0x90]),
    cut=pieces,
)
def test_small_packets_pass_untouched(bodies, first, cut):
    data = b"".join(packet(first, body) for body in bodies)
    assert read_all(Wire(data, cut), has_properties=True) == data


@given(
    size=st.integers(MAX_PACKET_BYTES, 300_000),
    topic=st.binary(max_size=300),
    properties=st.one_of(st.none(), st.integers(0, 200_000).map(bytes)),
    qos=st.sampled_from([0, 1, 2]),
    retain=st.booleans(),
    cut=pieces,
)
def test_large_messages_keep_their_head(size, topic, properties, qos, retain, cut):
    payload = (b"0123456789" * (size // 10 + 1))[:size]
    data = publish(topic, payload, qos=qos, retain=retain, properties=properties)
    short = publish(
        topic,
        payload[:MAX_PAYLOAD_BYTES],
        qos=qos,
        retain=retain,
        properties=None if properties is None else b"",
    )
    wire = Wire(data + PINGRESP, cut)
    out = read_all(wire, has_properties=properties is not None)
    assert out == short + PINGRESP
    assert wire.largest <= CHUNK_BYTES


def test_a_large_message_that_is_nearly_all_properties():
    data = publish(b"a/b", b"ON", properties=bytes(500_000))
    assert read_all(Wire(data, []), has_properties=True) == publish(b"a/b", b"ON", properties=b"")


def test_the_caller_gets_its_turn_while_a_large_message_arrives():
    wire = Wire(publish(b"a", bytes(4 * READS_PER_CALL * CHUNK_BYTES), properties=None), [])
    reader = PacketReader(wire.receive, has_properties=False)
    turns = 0
    while True:
        try:
            reader.read(1)
            break
        except BlockingIOError:
            turns += 1
    assert turns >= 3


def test_the_end_of_the_connection_is_handed_on():
    assert PacketReader(lambda _: b"", has_properties=True).read(1) == b""


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(packet(0x20, bytes(MAX_OTHER_BYTES + 1)), id="another packet is too large"),
        pytest.param(packet(0x32, b"\xff\xff" + bytes(MAX_PACKET_BYTES)), id="topic too long"),
        pytest.param(b"\x30\xff\xff\xff\xff\x01", id="five bytes of length"),
        pytest.param(
            packet(0x32, b"\x00\x01a\x12\x34\xff\xff\xff\x7f" + bytes(MAX_PACKET_BYTES)),
            id="properties too long",
        ),
    ],
)
def test_a_broken_protocol_ends_the_connection(data):
    wire = Wire(data, [])
    with pytest.raises(ConnectionError):
        read_all(wire, has_properties=True)


@given(data=st.binary(max_size=2000), has_properties=st.booleans())
def test_rubbish_ends_the_connection_or_waits_for_more(data, has_properties):
    with contextlib.suppress(ConnectionError):
        read_all(Wire(data, []), has_properties=has_properties)


def test_who_sends_a_large_message_is_told():
    told: list[tuple[bytes, int]] = []
    small = publish(b"small", b"x", properties=None)
    large = publish(b"large", bytes(100_000), properties=None)
    # Nothing but the head is necessary for one that will not be waited for.
    huge = publish(b"huge", bytes(ABANDONED_BYTES), properties=None)[:20]
    wire = Wire(small + large + huge, [])
    reader = PacketReader(wire.receive, has_properties=False, on_oversized=lambda *one: told.append(one))
    with contextlib.suppress(BlockingIOError):
        while True:
            reader.read(1000)
    assert told == [(b"large", 100_009), (b"huge", ABANDONED_BYTES + 8)]
