"""What is subscribed to, and what messages become."""

from __future__ import annotations

import shutil
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoedge.config import MqttSettings
from emoedge.errors import BrokerError
from emoedge.watch.subscription import Subscription, parse
from tests.publish.conftest import Mosquitto, refuse_subscriptions


@given(st.text(max_size=60), st.binary(max_size=200))
def test_parsing_never_fails(topic, payload):
    parse("emoedge", topic, payload)
    received = parse("emoedge", f"emoedge/x/{topic}", payload)
    if received is not None and isinstance(received.payload, dict):
        assert received.device == "x"


def test_what_is_not_of_the_interface_is_left_out():
    assert parse("emoedge", "other/x/emotion", b"{}") is None
    assert parse("emoedge", "emoedge/x/emotion", b"[1]") is None
    assert parse("emoedge", "emoedge/x/emotion", b"{" * 100_000) is None
    assert parse("emoedge", "emoedge/x/status", b"online").payload == "online"
    assert parse("emoedge", "emoedge/x/control/record", b"ON").payload == "ON"


def test_a_refused_subscription_is_an_error(tmp_path):
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    broker = Mosquitto(program, tmp_path, extra=refuse_subscriptions(tmp_path))
    broker.start()
    try:
        settings = MqttSettings(host="127.0.0.1", port=broker.port)
        with (
            pytest.raises(BrokerError, match=r"the subscription to emoedge/\+/#"),
            Subscription(settings, "+"),
        ):
            pass
    finally:
        broker.stop()


def test_the_devices_of_a_broker_are_listed(tmp_path):
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    broker = Mosquitto(program, tmp_path)
    broker.start()
    try:
        settings = MqttSettings(host="127.0.0.1", port=broker.port)
        with Subscription(settings, "sala") as subscription:
            subscription.publish("status", "online", "cocina")
            deadline_s = time.monotonic() + 60
            while "cocina" not in subscription.devices and time.monotonic() < deadline_s:
                subscription.take(0.2)
            assert subscription.devices == {"cocina": "online"}
            assert subscription.take(0.0) is None, "what others say is not shown"
    finally:
        broker.stop()
