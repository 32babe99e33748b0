"""What stands under an earlier name is emptied, and nothing of another device is touched."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from emoedge.config import Settings
from emoedge.publish import old_names
from emoedge.publish.old_names import FILE_NAME, FOREIGN_S, OFFLINE_S, OldNames
from emoedge.publish.publisher import Publisher
from tests.mutation import INPUTS, mutate

from .conftest import PATIENCE_S, refuse_subscriptions, until
from .samples import STATE, builder

OLD, NEW = "emoedge/old", "emoedge/new"
STATUS = f"{OLD}/status"


class Wire:
    """Takes what is sent, and acknowledges on demand."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.tokens: list[int] = []

    def __call__(self, topic: str, payload: bytes, /, *, qos: int = 1) -> int:
        self.sent.append((topic, payload))
        self.tokens.append(len(self.sent))
        return len(self.sent)

    def acknowledge(self, names: OldNames) -> None:
        while self.tokens:
            names.delivered(self.tokens.pop(0))


def make(folder: Path, base: str = NEW) -> OldNames:
    return OldNames(folder, base)


@pytest.fixture
def renamed(tmp_path) -> OldNames:
    """After a change of the name."""
    first = make(tmp_path, OLD)
    first.note([f"{OLD}/emotion", f"{OLD}/control/privacy", STATUS])
    assert first.writer.join(PATIENCE_S)
    names = make(tmp_path)
    assert names.topics == (STATUS,)
    return names


def record(folder: Path) -> dict[str, list[str]]:
    return json.loads((folder / FILE_NAME).read_text())


def test_what_is_retained_is_remembered_and_written_once(tmp_path):
    names = make(tmp_path)
    for _ in range(3):
        names.note([f"{NEW}/emotion", f"{NEW}/status"])
        assert names.writer.join(PATIENCE_S)
    assert record(tmp_path) == {NEW: ["emotion"]}
    assert names.topics == ()
    assert names.due_in_s(0.0) == float("inf")


def test_an_old_name_that_stays_offline_is_emptied_status_last(renamed, tmp_path):
    wire = Wire()
    renamed.send(wire, 0.0)
    renamed.take(STATUS, b"offline", 10.0, retained=True)
    assert renamed.due_in_s(10.0) == OFFLINE_S
    renamed.send(wire, 10.0 + OFFLINE_S - 0.1)
    assert wire.sent == []
    renamed.send(wire, 10.0 + OFFLINE_S)
    assert sorted(wire.sent) == [(f"{OLD}/control/privacy", b""), (f"{OLD}/emotion", b"")]
    renamed.send(wire, 10.0 + OFFLINE_S)
    assert len(wire.sent) == 2, "status waits for the acknowledgements"
    wire.acknowledge(renamed)
    renamed.send(wire, 11.0 + OFFLINE_S)
    assert wire.sent[2:] == [(STATUS, b"")]
    wire.acknowledge(renamed)
    assert renamed.writer.join(PATIENCE_S)
    assert record(tmp_path) == {NEW: []}
    assert make(tmp_path).topics == ()


@pytest.mark.parametrize("after_s", [1.0, OFFLINE_S - 1])
def test_another_device_that_takes_the_name_keeps_it(renamed, tmp_path, after_s):
    wire = Wire()
    renamed.take(STATUS, b"offline", 0.0, retained=True)
    renamed.take(STATUS, b"online", after_s, retained=False)
    renamed.take(STATUS, b"offline", after_s + 1, retained=False)
    renamed.send(wire, 9e9)
    assert wire.sent == []
    assert renamed.writer.join(PATIENCE_S)
    assert OLD not in record(tmp_path), "it is never asked for again"


def test_a_retained_online_is_ours_until_the_last_will_or_anothers(renamed, tmp_path):
    wire = Wire()
    renamed.take(STATUS, b"online", 0.0, retained=True)
    renamed.send(wire, 50.0)
    renamed.take(STATUS, b"offline", 45.0, retained=False)
    renamed.send(wire, 45.0 + OFFLINE_S)
    assert len(wire.sent) == 2
    other = make(tmp_path)
    other.take(STATUS, b"online", 0.0, retained=True)
    other.send(wire, FOREIGN_S)
    other.take(STATUS, b"offline", FOREIGN_S + 1, retained=False)
    other.send(wire, 9e9)
    assert len(wire.sent) == 2


@pytest.mark.parametrize("payload", [b"", b"\xff", b"OFFLINE"])
def test_without_a_status_nothing_is_touched(renamed, payload):
    wire = Wire()
    renamed.send(wire, 9e9)
    renamed.take(STATUS, payload, 0.0, retained=True)
    renamed.take("emoedge/third/status", b"offline", 0.0, retained=True)
    renamed.send(wire, 9e9)
    assert wire.sent == []


def test_a_lost_connection_and_a_refusal_leave_it_for_another_time(renamed, tmp_path):
    wire = Wire()
    renamed.take(STATUS, b"offline", 0.0, retained=True)
    renamed.send(wire, OFFLINE_S)
    renamed.connection_lost()
    renamed.send(wire, 9e9)
    assert len(wire.sent) == 2
    renamed.take(STATUS, b"offline", 0.0, retained=True)
    renamed.send(wire, OFFLINE_S)
    assert len(wire.sent) == 4
    renamed.refused(3, OFFLINE_S, was_sent=True)
    renamed.delivered(4)
    renamed.send(wire, 9e9)
    assert len(wire.sent) == 4
    assert make(tmp_path).topics == (STATUS,)


def test_several_old_names_go_one_after_the_other(tmp_path):
    for base in ("a", "b", NEW):
        names = make(tmp_path, base)
        names.note([f"{base}/emotion"])
        assert names.writer.join(PATIENCE_S)
    wire = Wire()
    for base in ("a", "b"):
        names.take(f"{base}/status", b"offline", 0.0, retained=True)
    for _ in range(6):
        names.send(wire, OFFLINE_S)
        wire.acknowledge(names)
    assert [topic for topic, _ in wire.sent] == ["a/emotion", "a/status", "b/emotion", "b/status"]


@INPUTS
def test_whatever_is_in_the_record_can_be_published_to(tmp_path, inputs):
    names = make(tmp_path, OLD)
    names.note([f"{OLD}/emotion", f"{OLD}/control/privacy/until"])
    assert names.writer.join(PATIENCE_S)
    path, dice = tmp_path / FILE_NAME, Random(6)
    good = path.read_bytes()
    for _ in range(inputs):
        path.write_bytes(mutate(good, dice))
        wire, damaged = Wire(), make(tmp_path)
        for topic in damaged.topics:
            damaged.take(topic, b"offline", 0.0, retained=True)
            damaged.send(wire, OFFLINE_S)
            wire.acknowledge(damaged)
        for topic, _ in wire.sent:
            assert not set(topic) & set("+# \0")
            topic.encode()


def settings_of(port: int, state: Path, device: str) -> Settings:
    mqtt = {"host": "127.0.0.1", "port": port}
    return Settings.model_validate({"device_id": device, "mqtt": mqtt, "paths": {"state": state}})


def test_a_renamed_device_leaves_nothing_behind_at_the_broker(mosquitto, listen, tmp_path, monkeypatch):
    monkeypatch.setattr(old_names, "OFFLINE_S", 0.5)
    first = Publisher(settings_of(mosquitto.port, tmp_path, "old"), builder())
    first.start()
    assert first.wait_connected(PATIENCE_S)
    for message in (builder().outcome(STATE), builder().control("privacy", "OFF", 1.0)):
        first.publish(message)
    until((tmp_path / FILE_NAME).exists, "remembered")
    first.stop(PATIENCE_S)
    before = listen(mosquitto, f"{OLD}/#")
    until(lambda: len(before.messages) == 3, "emotion, control and status are retained")
    second = Publisher(settings_of(mosquitto.port, tmp_path, "new"), builder())
    second.start()
    try:
        until(lambda: before.last(STATUS) == b"", "emptied")
        until(lambda: OLD not in record(tmp_path), "forgotten")
        topics = [topic for topic, payload, _ in before.messages if not payload]
        assert topics[-1] == STATUS
        assert set(topics) == {STATUS, f"{OLD}/emotion", f"{OLD}/control/privacy"}
        assert second.health()[0].state == "ok"
    finally:
        second.stop(PATIENCE_S)


def test_a_broker_that_refuses_to_show_the_old_name_is_no_fault(make_mosquitto, tmp_path):
    (tmp_path / FILE_NAME).write_text(json.dumps({OLD: ["emotion"]}))
    allowed = (f"{NEW}/control/+/set", "homeassistant/status")
    broker = make_mosquitto(refuse_subscriptions(tmp_path, *allowed))
    publisher = Publisher(settings_of(broker.port, tmp_path, "new"), builder())
    publisher.start()
    try:
        until(lambda: publisher.health()[0].figures["echo_ms"] is not None, "the echo comes back")
        until(lambda: publisher.health()[0].state == "ok", "it is well")
    finally:
        publisher.stop(PATIENCE_S)
