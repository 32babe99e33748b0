"""What is taken back, what is offered, and in which order: no broker, times from outside."""

from __future__ import annotations

import json

import pytest

from emoedge.config import Settings
from emoedge.publish import homeassistant
from emoedge.publish.announced_store import AnnouncedStore
from emoedge.publish.announcer import MOVE_PAUSE_S, Announcer
from emoedge.publish.limits import BrokerLimits

from .test_homeassistant import PARTS, STAYED


class Broker:
    """Takes every message at once and keeps the last of each topic."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def send(self, topic: str, payload: bytes, /, *, qos: int = 1) -> int:
        self.sent.append((topic, payload))
        return len(self.sent)

    def components(self, first: int = 0) -> list[tuple[str, dict]]:
        return [(topic, json.loads(payload)["cmps"]) for topic, payload in self.sent[first:] if payload]


def announce(announcer: Announcer, broker: Broker, now_s: float) -> int:
    """Send what is due; return how much was sent before."""
    before = len(broker.sent)
    announcer.send(broker.send, now_s)
    for token in range(before + 1, len(broker.sent) + 1):
        announcer.delivered(token)
    return before


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.model_validate({"device_id": "living-room", "paths": {"state": str(tmp_path)}})


OLD_SPLIT = {
    "": {
        "emotion": "sensor",
        "event": "event",
        "privacy": "switch",
        "record": "switch",
        "snapshot": "button",
    },
    "_values": {name: "sensor" for name in STAYED if name.startswith("probability")},
    "_diagnostics": dict.fromkeys(("health", "uptime", "spool", "latency"), "sensor"),
    "_more": {"recording_mode": "select", "face_weight": "number", "margin": "number"},
}
EARLIER = {"one message": {"": STAYED | {"uptime": "sensor"}}, "four messages": OLD_SPLIT}


@pytest.mark.parametrize("before", EARLIER.values(), ids=EARLIER)
def test_what_moved_or_went_is_taken_back_before_everything_is_offered(settings, tmp_path, before):
    AnnouncedStore(tmp_path).save(
        {homeassistant.config_topic(settings, part): names for part, names in before.items()}
    )
    announcer, broker = Announcer(settings), Broker()
    announcer.connected(BrokerLimits(), 100.0)
    announce(announcer, broker, 100.0)
    taken_back = {
        (homeassistant.config_topic(settings, part), name): {"p": platform}
        for part, names in before.items()
        if set(names) - set(PARTS[part])
        for name, platform in names.items()
    }
    said = {(topic, name): part for topic, parts in broker.components() for name, part in parts.items()}
    assert said == taken_back
    assert "uptime" in {name for _, name in said}
    first = announce(announcer, broker, 100.0 + MOVE_PAUSE_S - 0.1)
    assert len(broker.sent) == first, "Home Assistant needs a moment"
    assert announcer.due_in_s(100.0 + MOVE_PAUSE_S - 0.1) == pytest.approx(0.1)
    announce(announcer, broker, 100.0 + MOVE_PAUSE_S)
    offered = {topic: [*parts] for topic, parts in broker.components(first)}
    assert offered == {homeassistant.config_topic(settings, part): names for part, names in PARTS.items()}
    announcer.writer.join(60.0)
    assert {topic: [*names] for topic, names in AnnouncedStore(tmp_path).load().items()} == offered


def test_the_next_start_takes_nothing_back(settings, tmp_path):
    for _ in range(2):
        announcer, broker = Announcer(settings), Broker()
        announcer.connected(BrokerLimits(), 0.0)
        announce(announcer, broker, 0.0)
        assert {topic for topic, _ in broker.components()} == {
            homeassistant.config_topic(settings, part) for part in PARTS
        }
        assert announcer.due_in_s(0.0) == float("inf")
        announcer.writer.join(60.0)


def test_a_broker_for_small_packets_gets_a_message_for_each_component(settings, tmp_path):
    AnnouncedStore(tmp_path).save({homeassistant.config_topic(settings): STAYED})
    announcer, broker = Announcer(settings), Broker()
    announcer.connected(BrokerLimits(max_packet_bytes=1_200), 0.0)
    announce(announcer, broker, 0.0)
    assert broker.sent == [(homeassistant.config_topic(settings), b"")]
    announce(announcer, broker, MOVE_PAUSE_S)
    assert all(len(payload) <= 1_200 for _, payload in broker.sent)
    assert [name for _, parts in broker.components() for name in parts] == [
        name for names in PARTS.values() for name in names
    ]
