"""The broker inside: amqtt answers version 5 with "unsupported", so this tests the fallback for real."""

from __future__ import annotations

import socket
import sys

import pytest

from emoedge.demo.broker import EmbeddedBroker
from emoedge.errors import BrokerError
from emoedge.publish.publisher import Publisher
from tests.publish.conftest import Listener, until
from tests.publish.samples import STATE, builder
from tests.publish.test_publisher import BASE, make_settings


def test_version_3_1_1_fallback(tmp_path):
    pytest.importorskip("amqtt", reason="extra demo is not installed")
    with EmbeddedBroker() as broker:
        publisher = Publisher(make_settings(broker.port, tmp_path), builder())
        publisher.start()
        try:
            assert publisher.wait_connected(60)
            publisher.publish(builder().outcome(STATE))
            listener = Listener(broker.port)
            until(lambda: listener.last(f"{BASE}/emotion"), "emotion")
            assert listener.last(f"{BASE}/status") == b"online"
            health = publisher.health()[0]
            assert (health.state, health.figures["protocol"]) == ("ok", "3.1.1")
            listener.close()
        finally:
            publisher.stop()
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.1", broker.port), timeout=60),
    ):
        pass


def test_known_version_spares_the_fallback(tmp_path):
    pytest.importorskip("amqtt", reason="extra demo is not installed")
    with EmbeddedBroker() as broker:
        publisher = Publisher(make_settings(broker.port, tmp_path), builder(), first_protocol="3.1.1")
        publisher.start()
        assert publisher.wait_connected(60)
        figures = publisher.health()[0].figures
        assert (figures["protocol"], figures["connections"]) == ("3.1.1", 1)
        publisher.stop()


def test_port_taken():
    pytest.importorskip("amqtt", reason="extra demo is not installed")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(BrokerError, match="is taken"):
            EmbeddedBroker(other.getsockname()[1]).start()


def test_without_amqtt(monkeypatch):
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    with pytest.raises(BrokerError, match=r"amqtt\.broker is not installed"):
        EmbeddedBroker().start()
