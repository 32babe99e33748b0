"""What is retained at a real broker is taken back, by a command beside the daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.errors import BrokerError
from emoedge.publish.withdrawal import all_topics, empty_retained, result_topics
from tests.publish.conftest import Listener, Mosquitto, free_port, until

DISCOVERY = "homeassistant/device/emoedge_salon/config"


def settings_for(port: int, folder: Path) -> Settings:
    return Settings.model_validate(
        {
            "device_id": "salon",
            "mqtt": {"host": "127.0.0.1", "port": port},
            "paths": {"state": str(folder)},
        }
    )


def retain(listener: Listener, *topics: str) -> None:
    for topic in topics:
        listener.send(topic, '{"some": "state"}', retain=True)


def retained(listen: Callable[..., Listener], broker: Mosquitto) -> set[str]:
    """Topics at which the broker keeps something: they come first to whoever subscribes."""
    listener = listen(broker)
    listener.send("last", "of all")
    until(lambda: listener.last("last") is not None, "all that is retained has come")
    return {topic for topic, payload, is_retained in listener.messages if is_retained and payload}


def test_results_are_emptied_and_the_rest_stays(
    mosquitto: Mosquitto, listen: Callable[..., Listener], tmp_path: Path
) -> None:
    settings = settings_for(mosquitto.port, tmp_path)
    kept = {"emoedge/salon/health", "emoedge/salon/status", "emoedge/other/emotion", DISCOVERY}
    retain(listen(mosquitto), *kept, "emoedge/salon/emotion", "emoedge/salon/summary")
    empty_retained(settings, result_topics(settings))
    assert retained(listen, mosquitto) == kept


def test_everything_of_the_device_is_emptied(
    mosquitto: Mosquitto, listen: Callable[..., Listener], tmp_path: Path
) -> None:
    settings = settings_for(mosquitto.port, tmp_path)
    (tmp_path / "discovery.json").write_text(json.dumps({DISCOVERY: {"emotion": "sensor"}}))
    (tmp_path / "retained.json").write_text(json.dumps({"emoedge/salon": ["emotion", "later"]}))
    ours = [f"emoedge/salon/{name}" for name in ("emotion", "later", "health", "status", "control/privacy")]
    many = [f"emoedge/salon/control/{name}" for name in ("margin", "face_weight", "record", "recording_mode")]
    retain(
        listen(mosquitto),
        *ours,
        *many,
        "emoedge/salon/control/privacy/until",
        DISCOVERY,
        "emoedge/other/status",
    )
    empty_retained(settings, all_topics(settings))
    assert retained(listen, mosquitto) == {"emoedge/other/status"}


def test_a_broker_that_is_not_there_is_said(tmp_path: Path) -> None:
    settings = settings_for(free_port(), tmp_path)
    with pytest.raises(BrokerError, match="cannot be reached"):
        empty_retained(settings, result_topics(settings))


def test_a_broker_that_refuses_is_said(make_mosquitto: Callable[..., Mosquitto], tmp_path: Path) -> None:
    settings = settings_for(make_mosquitto("allow_anonymous false\n").port, tmp_path)
    with pytest.raises(BrokerError, match="refuses the connection"):
        empty_retained(settings, result_topics(settings))
