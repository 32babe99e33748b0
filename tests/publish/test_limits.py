"""What CONNACK announces, and the size of a packet. Pure."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.publish.limits import MAX_IN_FLIGHT, BrokerLimits, packet_bytes
from faults.strict_broker import publish_packet


def test_a_broker_that_announces_nothing_takes_everything():
    assert BrokerLimits.from_properties(None) == BrokerLimits()
    assert BrokerLimits.from_properties(SimpleNamespace()) == BrokerLimits()
    assert BrokerLimits().text == ""


def test_more_than_we_use_is_no_limit():
    limits = BrokerLimits.from_properties(SimpleNamespace(ReceiveMaximum=65535, MaximumQoS=1))
    assert limits == BrokerLimits()


def test_the_stricter_of_both_counts():
    one = BrokerLimits(4096, retain=False, max_qos=1, in_flight=3)
    other = BrokerLimits(None, retain=True, max_qos=0, in_flight=MAX_IN_FLIGHT, wildcards=False)
    both = BrokerLimits(4096, retain=False, max_qos=0, in_flight=3, wildcards=False)
    assert one.and_also(other) == other.and_also(one) == both


@pytest.mark.parametrize(
    ("code", "fewer"),
    [
        (0x9A, BrokerLimits(retain=False)),
        (0x9B, BrokerLimits(max_qos=0)),
        (0x93, BrokerLimits(in_flight=1)),
        (0x87, None),
    ],
)
def test_reason_codes_that_say_what_was_too_much(code, fewer):
    assert BrokerLimits().without(code) == fewer
    assert fewer is None or fewer.without(code) is None


@given(topic=st.text("ab/é", min_size=1, max_size=200), size=st.integers(0, 40_000))
def test_size_of_a_packet(topic, size):
    # Two more bytes, as many as the packet identifier of QoS 1 has.
    assert packet_bytes(topic, bytes(size)) == len(publish_packet(topic, bytes(size + 2)))
