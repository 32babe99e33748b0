"""The publisher against a real Mosquitto: every topic, control, spool, stop."""

from __future__ import annotations

import functools
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from emoedge.config import Settings
from emoedge.outcomes import EmotionEvent, HealthReport, RecordingChange
from emoedge.publish.control import Command
from emoedge.publish.messages import Message, mark_late
from emoedge.publish.payloads import PAYLOADS
from emoedge.publish.publisher import Publisher
from emoedge.publish.spool import Spool
from emoedge.worker_thread import WorkerThread

from .conftest import PATIENCE_S, Mosquitto, free_port, refuse_subscriptions, until
from .samples import BEGIN, HEALTH, STATE, builder, every_message
from .test_messages import validate

BASE = "emoedge/living-room"


def make_settings(port: int, state: Path, **mqtt) -> Settings:
    return Settings.model_validate(
        {
            "device_id": "living-room",
            "mqtt": {"host": "127.0.0.1", "port": port, **mqtt},
            "paths": {"state": state},
        }
    )


@pytest.fixture
def publish(tmp_path) -> Iterator[Callable[..., Publisher]]:
    publishers: list[Publisher] = []

    def make(port: int, *, on_command=None, state_provider=None, protocol="5", **mqtt) -> Publisher:
        settings = make_settings(port, tmp_path / "state", **mqtt)
        publisher = Publisher(settings, builder(), first_protocol=protocol)
        publisher.attach(on_command, state_provider or list)
        publisher.start()
        publishers.append(publisher)
        return publisher

    yield make
    for publisher in publishers:
        publisher.stop(1.0)


def event(number: int) -> EmotionEvent:
    return EmotionEvent("begin", f"{number:05d}", "happiness", float(number), None, 0.6)


def ids(listener) -> list[str]:
    return [json.loads(payload)["id"] for payload in listener.payloads(f"{BASE}/event")]


def spool(publisher: Publisher) -> dict:
    return publisher.health()[1].figures


def wait_for_commands(publisher: Publisher) -> None:
    """Until the broker knows the subscription, which takes a little longer than the connection."""
    until(lambda: publisher.health()[0].figures["echo_ms"] is not None, "the echo comes back")


def _has(listener, message: Message) -> bool:
    sent = message.encode()
    # Some of the samples are older than their clock by more than 10 s.
    return bool({sent, mark_late(sent)} & {*listener.payloads(f"{BASE}/{message.suffix}")})


def test_every_topic_arrives_and_validates(mosquitto, listen, publish):
    listener = listen(mosquitto)
    publisher = publish(mosquitto.port)
    assert publisher.wait_connected(PATIENCE_S)
    messages = every_message(builder())
    for message in messages:
        publisher.publish(message)
        # One at a time: of states only the newest is promised.
        until(partial(_has, listener, message), message.suffix)
    for suffix in PAYLOADS:
        for payload in listener.payloads(f"{BASE}/{suffix}"):
            validate(suffix, json.loads(payload))
    assert listener.last(f"{BASE}/status") == b"online"
    # Nothing but discovery leaves its own branch.
    outside = {topic for topic, _, _ in listener.messages if not topic.startswith(BASE + "/")}
    parts = ("", "_values", "_diagnostics", "_more")
    assert outside == {f"homeassistant/device/emoedge_living-room{part}/config" for part in parts}
    broker, kept = publisher.health()
    assert (broker.state, broker.figures["protocol"]) == ("ok", "5")
    assert (kept.state, kept.figures["dropped"], kept.figures["commits"]) == ("ok", 0, 0)


def test_states_are_retained_and_others_are_not(mosquitto, listen, publish):
    publisher = publish(mosquitto.port, discovery=False)
    for message in every_message(builder()):
        publisher.publish(message)
    publisher.publish(builder().control("privacy", "OFF", 1.0))
    first = listen(mosquitto)
    until(lambda: first.last(f"{BASE}/health"), "health arrives")
    publisher.stop(PATIENCE_S)
    late = listen(mosquitto)
    until(lambda: len(late.messages) >= 6, "retained messages arrive")
    assert {topic.removeprefix(BASE + "/") for topic, _, _ in late.messages} == {
        "status",
        "emotion",
        "summary",
        "health",
        "picture",
        "control/privacy",
    }
    assert all(retained for _, _, retained in late.messages)
    assert late.last(f"{BASE}/status") == b"offline"


def test_clean_stop_says_offline_last(mosquitto, listen, publish):
    listener = listen(mosquitto)
    publisher = publish(mosquitto.port)
    assert publisher.wait_connected(PATIENCE_S)
    for number in range(50):
        publisher.publish(builder().outcome(event(number)))
    publisher.stop(PATIENCE_S)
    until(lambda: listener.last(f"{BASE}/status") == b"offline", "offline")
    # What a busy machine could not send in time is on the disk already, and goes out after the next start.
    delivered = ids(listener)
    assert delivered == [f"{number:05d}" for number in range(len(delivered))]
    assert spool(publisher)["depth"] >= 50 - len(delivered)
    assert listener.messages[-1][0] == f"{BASE}/status"
    assert publisher.health()[0].state == "off"


def test_broker_away_at_the_start_then_back_with_nothing_retained(mosquitto, start_and_listen, publish):
    mosquitto.stop()
    publisher = publish(mosquitto.port)
    publisher.publish(builder().outcome(STATE))
    for number in range(100):
        publisher.publish(builder().outcome(event(number)))
    until(lambda: spool(publisher)["depth"] == 100 and spool(publisher)["in_memory"] == 0, "spooled")
    until(lambda: "cannot be reached" in publisher.health()[0].reason, "health says why")
    assert publisher.health()[0].state == "degraded"
    listener = start_and_listen(mosquitto)
    until(lambda: len(ids(listener)) >= 100, "drained")
    assert ids(listener) == [f"{number:05d}" for number in range(100)]
    assert json.loads(listener.payloads(f"{BASE}/event")[7])["started"] == "1970-01-01T00:00:07.000Z"
    # The state is sent again, and before what has waited.
    topics = [topic for topic, _, _ in listener.messages]
    assert topics.index(f"{BASE}/emotion") < topics.index(f"{BASE}/event")
    until(lambda: spool(publisher)["depth"] == 0, "spool empty")
    # A restart of the broker loses everything retained: it all comes back.
    mosquitto.stop()
    for number in range(100, 120):
        publisher.publish(builder().outcome(event(number)))
    again = start_and_listen(mosquitto)
    until(lambda: len(ids(again)) >= 20 and again.last(f"{BASE}/status"), "drained again")
    assert ids(again)[-20:] == [f"{number:05d}" for number in range(100, 120)]
    assert again.last(f"{BASE}/status") == b"online"
    assert json.loads(again.last(f"{BASE}/emotion"))["emotion"] == "happiness"
    assert publisher.health()[0].figures["connections"] == 2


def test_spool_survives_a_restart_of_the_daemon(mosquitto, listen, publish):
    mosquitto.stop()
    first = publish(mosquitto.port)
    for number in range(30):
        first.publish(builder().outcome(event(number)))
    first.stop(PATIENCE_S)
    mosquitto.start()
    listener = listen(mosquitto)
    second = publish(mosquitto.port)
    second.publish(builder().outcome(event(30)))
    until(lambda: len(ids(listener)) == 31, "all arrive")
    assert ids(listener) == [f"{number:05d}" for number in range(31)]


def test_late_is_what_waited_too_long_or_was_found_at_a_start(
    mosquitto, start_and_listen, publish, monkeypatch
):
    from emoedge.publish import publisher as module

    monkeypatch.setattr(module, "LATE_AFTER_S", 4.0)
    mosquitto.stop()
    first = publish(mosquitto.port)
    first.publish(builder().outcome(event(1)))
    until(lambda: spool(first)["depth"] == 1 and spool(first)["in_memory"] == 0, "spooled")
    first.stop(PATIENCE_S)
    second = publish(mosquitto.port)
    # The clock of the messages stands at 12.56 s.
    second.publish(builder().outcome(event(2)))
    second.publish(builder().outcome(event(3600)))
    until(lambda: spool(second)["depth"] == 3, "spooled")
    listener = start_and_listen(mosquitto)
    until(lambda: len(ids(listener)) == 3, "drained")
    second.publish(builder().outcome(event(12)))
    until(lambda: len(ids(listener)) == 4, "live")
    payloads = [json.loads(payload) for payload in listener.payloads(f"{BASE}/event")]
    assert [(one["id"], one["late"]) for one in payloads] == [
        ("00001", True),
        ("00002", True),
        ("03600", False),
        ("00012", False),
    ]
    for payload in payloads:
        validate("event", payload)


def test_oldest_go_first_and_the_loss_is_counted(mosquitto, start_and_listen, publish):
    mosquitto.stop()
    publisher = publish(mosquitto.port, spool_max_messages=10)
    for number in range(25):
        publisher.publish(builder().outcome(event(number)))
    until(lambda: spool(publisher)["dropped"] == 15, "loss counted")
    assert publisher.health()[1].state == "degraded"
    assert "15 messages lost" in publisher.health()[1].reason
    listener = start_and_listen(mosquitto)
    until(lambda: len(ids(listener)) == 10, "the rest arrives")
    assert ids(listener) == [f"{number:05d}" for number in range(15, 25)]


def test_commands(mosquitto, listen, publish):
    commands: list[Command] = []
    publisher = publish(mosquitto.port, on_command=commands.append)
    wait_for_commands(publisher)
    listener = listen(mosquitto)
    listener.send(f"{BASE}/control/privacy/set", "ON")
    listener.send(f"{BASE}/control/record/set", "2.5")
    listener.send(f"{BASE}/control/margin/set", "lots")
    until(lambda: listener.last(f"{BASE}/control/error"), "answer")
    until(lambda: len(commands) == 2, "the good ones are carried out")
    # Each in its own thread.
    assert sorted(commands, key=lambda one: one.name) == [Command("privacy", True), Command("record", 2.5)]
    answer = json.loads(listener.last(f"{BASE}/control/error"))
    validate("control/error", answer)
    assert (answer["control"], answer["value"]) == ("margin", "lots")
    assert "0 to 1" in answer["reason"]
    assert publisher.health()[0].figures["refused_commands"] == 1


def test_a_flood_of_bad_commands_gets_few_answers(mosquitto, listen, publish):
    publisher = publish(mosquitto.port)
    wait_for_commands(publisher)
    listener = listen(mosquitto)
    for number in range(300):
        listener.send(f"{BASE}/control/margin/set", b"\xff" * number)
    listener.send(f"{BASE}/control/margin/set", "x" * 200_000)
    until(lambda: publisher.health()[0].figures["refused_commands"] > 0, "refused")
    assert len(listener.payloads(f"{BASE}/control/error")) < 20
    assert publisher.health()[0].state == "ok"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("retain", [False, True])
def test_oversized_messages_do_not_keep_commands_out(mosquitto, listen, publish, protocol, retain):
    """Mosquitto counted undeliverable messages as in flight, until nothing was delivered any more."""
    commands: list[Command] = []
    listener = listen(mosquitto)
    topic = f"{BASE}/control/margin/set"
    if retain:
        listener.send(topic, b"x" * 65_000, retain=True)
    publisher = publish(mosquitto.port, on_command=commands.append, protocol=protocol)
    wait_for_commands(publisher)
    for _ in range(60):
        listener.send(topic, b"x" * 65_000)
    listener.send(f"{BASE}/control/privacy/set", "ON")
    until(lambda: commands, "privacy is carried out")
    assert commands == [Command("privacy", True)]
    broker = publisher.health()[0]
    assert broker.figures["refused_commands"] == 60 + retain
    assert (broker.state, broker.figures["connections"]) == ("ok", 1)
    assert broker.figures["protocol"] == protocol


def test_oversized_properties_do_not_keep_commands_out(mosquitto, listen, publish):
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    commands: list[Command] = []
    publisher = publish(mosquitto.port, on_command=commands.append)
    wait_for_commands(publisher)
    sender = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    sender.connect("127.0.0.1", mosquitto.port)
    sender.loop_start()
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("name", "x" * 50_000)] * 3
    sender.publish(f"{BASE}/control/privacy/set", b"ON", qos=1, properties=properties).wait_for_publish(
        PATIENCE_S
    )
    until(lambda: commands == [Command("privacy", True)], "carried out")
    assert publisher.health()[0].figures["connections"] == 1
    sender.disconnect()
    sender.loop_stop()


@pytest.fixture
def quick_echo(monkeypatch):
    """The waits of the echo, shortened; their true lengths are tested in test_echo.py."""
    from emoedge.publish import connection, echo

    monkeypatch.setattr(echo, "INTERVAL_S", 0.1)
    monkeypatch.setattr(echo, "RETRY_S", 0.2)
    for module in (echo, connection):
        monkeypatch.setattr(module, "TIMEOUT_S", 3.0)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_subscription_that_the_broker_forgets_is_made_again(
    mosquitto, publish, listen, quick_echo, protocol, caplog
):
    commands: list[Command] = []
    publisher = publish(mosquitto.port, on_command=commands.append, protocol=protocol)
    wait_for_commands(publisher)
    assert publisher.health()[0].state == "ok"
    connection = publisher._session._connection
    assert connection is not None
    connection._client.unsubscribe(f"{BASE}/control/+/set")
    until(lambda: publisher.health()[0].figures["echo_failures"] == 1, "seen in health")
    until(lambda: publisher.health()[0].figures["connections"] >= 2, "a fresh connection")
    until(lambda: publisher.health()[0].state == "ok", "it is well again")
    listen(mosquitto).send(f"{BASE}/control/privacy/set", "ON")
    until(lambda: commands == [Command("privacy", True)], "carried out")
    assert "commands do not arrive" in caplog.text
    assert f"{BASE}/control/echo/set" in caplog.text


def test_an_access_list_that_keeps_commands_out_is_seen_in_health(
    make_mosquitto, tmp_path, publish, quick_echo
):
    rules = tmp_path / "acl"
    rules.write_text(f"topic write {BASE}/#\n")
    broker = make_mosquitto(f"allow_anonymous true\nacl_file {rules}\n")
    publisher = publish(broker.port, discovery=False)
    until(lambda: publisher.health()[0].figures["connections"] == 2, "a fresh connection is tried")
    until(lambda: publisher.health()[0].state == "degraded", "degraded")
    assert f"{BASE}/control/echo/set" in publisher.health()[0].reason
    assert "access list" in publisher.health()[0].reason
    # It helped nothing, so that what goes out is not interrupted again so soon.
    time.sleep(4)
    assert publisher.health()[0].figures["connections"] == 2
    rules.write_text(f"topic readwrite {BASE}/#\n")
    assert broker.process is not None
    broker.process.send_signal(signal.SIGHUP)
    until(lambda: publisher.health()[0].state == "ok", "it recovers")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_refused_subscription_is_seen_in_health(make_mosquitto, tmp_path, publish, protocol):
    """The switch was dead, and health was ok."""
    broker = make_mosquitto(refuse_subscriptions(tmp_path, "homeassistant/status"))
    publisher = publish(broker.port, protocol=protocol, discovery=False)
    refused = f"refuses the subscription to {BASE}/control/+/set"
    until(lambda: refused in publisher.health()[0].reason, "health says it")
    health = publisher.health()[0]
    assert health.state == "degraded"
    assert "homeassistant" not in health.reason


def test_retained_commands(mosquitto, listen, publish):
    listener = listen(mosquitto)
    listener.send(f"{BASE}/control/privacy/set", "ON", retain=True)
    listener.send(f"{BASE}/control/record/set", "ON", retain=True)
    commands: list[Command] = []
    publish(mosquitto.port, on_command=commands.append)
    until(lambda: listener.last(f"{BASE}/control/error"), "answer")
    until(lambda: commands, "privacy is carried out")
    assert commands == [Command("privacy", True)]


def test_a_retained_off_never_switches_privacy_off(mosquitto, listen, publish):
    """ON came later; 0.6 s after the connection broke, camera and microphone were open again."""
    commands: list[Command] = []
    publisher = publish(mosquitto.port, on_command=commands.append)
    wait_for_commands(publisher)
    listener = listen(mosquitto)
    listener.send(f"{BASE}/control/privacy/set", "OFF", retain=True)
    until(lambda: commands == [Command("privacy", False)], "it counts when it is sent")
    listener.send(f"{BASE}/control/privacy/set", "ON")
    until(lambda: commands[-1] == Command("privacy", True), "carried out")
    connection = publisher._session._connection
    assert connection is not None
    connection.abort()
    until(lambda: listener.payloads(f"{BASE}/control/error"), "refused on the new connection")
    answer = json.loads(listener.last(f"{BASE}/control/error"))
    assert (answer["control"], answer["value"]) == ("privacy", "OFF")
    assert "retain" in answer["reason"]
    wait_for_commands(publisher)
    assert commands == [Command("privacy", False), Command("privacy", True)]
    assert len(listener.payloads(f"{BASE}/control/error")) == 1, "once a connection"


def test_messages_about_people_wait_while_privacy_is_on(mosquitto, start_and_listen, publish):
    mosquitto.stop()
    publisher = publish(mosquitto.port)
    for number in range(100):
        publisher.publish(builder().outcome(event(number)))
    publisher.hold(True)
    publisher.publish(builder().outcome(replace(event(7), kind="end", ended_s=8.0)))
    publisher.publish(builder().outcome(event(100)))
    publisher.publish(builder().outcome(RecordingChange("finished", "r", 1.0)))
    listener = start_and_listen(mosquitto)
    until(lambda: listener.payloads(f"{BASE}/recording"), "what names files goes out")
    until(lambda: ids(listener), "and the end of the event that was under way")
    until(lambda: spool(publisher)["depth"] == 101, "the others wait")
    assert ids(listener) == ["00007"]
    publisher.hold(False)
    until(lambda: len(ids(listener)) == 102, "they go out after OFF")
    assert ids(listener)[1:] == [f"{number:05d}" for number in range(101)]


def test_state_provider_is_asked_on_every_connection(mosquitto, listen, publish):
    publisher = publish(
        mosquitto.port, state_provider=lambda: [builder().outcome(HealthReport(1.0, 1.0, HEALTH))]
    )
    listener = listen(mosquitto)
    until(lambda: listener.last(f"{BASE}/health"), "health")
    assert publisher.health()[0].state == "ok"


def test_a_handler_that_fails_is_answered_and_harms_nothing(mosquitto, listen, publish):
    def broken(command: Command) -> None:
        raise OSError("no space left")

    publisher = publish(mosquitto.port, on_command=broken)
    listener = listen(mosquitto)
    wait_for_commands(publisher)
    listener.send(f"{BASE}/control/snapshot/set", "PRESS")
    until(lambda: listener.last(f"{BASE}/control/error"), "answer")
    assert "no space left" in json.loads(listener.last(f"{BASE}/control/error"))["reason"]
    publisher.publish(builder().outcome(BEGIN))
    until(lambda: ids(listener), "still publishing")
    assert publisher.health()[0].state == "ok"


def test_a_slow_handler_holds_nothing_up(mosquitto, listen, publish):
    release = threading.Event()
    publisher = publish(mosquitto.port, on_command=lambda _: release.wait(PATIENCE_S))
    listener = listen(mosquitto)
    wait_for_commands(publisher)
    listener.send(f"{BASE}/control/privacy/set", "ON")
    publisher.publish(builder().outcome(BEGIN))
    until(lambda: ids(listener), "published meanwhile")
    assert not release.is_set()
    release.set()


def test_states_that_cannot_be_asked_for_harm_nothing(mosquitto, listen, publish):
    def broken() -> list:
        raise KeyError("states")

    publisher = publish(mosquitto.port, state_provider=broken)
    listener = listen(mosquitto)
    until(lambda: listener.last(f"{BASE}/status") == b"online", "online")
    assert publisher.health()[0].state == "ok"


def test_a_dead_publisher_is_failed_and_offline(mosquitto, listen, publish, monkeypatch):
    publisher = publish(mosquitto.port)
    listener = listen(mosquitto)
    until(lambda: listener.last(f"{BASE}/status") == b"online", "online")
    monkeypatch.setattr(publisher._outbox, "add", lambda *_, **__: 1 / 0)
    publisher.publish(builder().outcome(BEGIN))
    until(lambda: publisher.health()[0].state == "failed", "failed")
    assert "ZeroDivisionError" in publisher.health()[0].reason
    # The broker must not go on saying "online" for a device that says nothing any more.
    until(lambda: listener.last(f"{BASE}/status") == b"offline", "will")


def test_access_list_of_the_broker_is_seen_in_health(make_mosquitto, tmp_path, listen, publish):
    rules = tmp_path / "acl"
    rules.write_text(f"topic readwrite {BASE}/status\ntopic readwrite {BASE}/control/echo/set\n")
    broker = make_mosquitto(f"allow_anonymous true\nacl_file {rules}\n")
    publisher = publish(broker.port, discovery=False)
    assert publisher.wait_connected(PATIENCE_S)
    assert publisher.health()[0].state == "ok"
    publisher.publish(builder().outcome(BEGIN))
    until(lambda: publisher.health()[0].state == "degraded", "degraded")
    assert "refuses messages: Not authorized" in publisher.health()[0].reason
    until(lambda: spool(publisher)["depth"] == 0, "it is not kept")


def test_what_the_client_library_refuses_stops_nothing(mosquitto, listen, publish):
    publisher = publish(mosquitto.port)
    listener = listen(mosquitto)
    assert publisher.wait_connected(PATIENCE_S)
    for suffix in ("event/+", "event/" + "x" * 70_000):
        publisher.publish(Message(suffix, "x", retain=False, spool=True, time_s=0.0))
    publisher.publish(Message("emotion/#", "x", retain=True, spool=False, time_s=0.0))
    publisher.publish(builder().outcome(event(1)))
    until(lambda: ids(listener) == ["00001"], "the good one arrives")
    until(lambda: spool(publisher)["depth"] == 0, "nothing waits")
    assert "refuses messages" in publisher.health()[0].reason


def test_secondary_leaves_the_daemon_alone(mosquitto, listen, publish, tmp_path):
    daemon = publish(mosquitto.port)
    listener = listen(mosquitto)
    until(lambda: listener.last(f"{BASE}/status") == b"online", "online")
    beside = Publisher(make_settings(mosquitto.port, tmp_path / "state"), builder(), secondary=True)
    beside.start()
    for number in range(200):
        beside.publish(builder().outcome(event(number)))
    beside.stop(PATIENCE_S)
    until(lambda: len(ids(listener)) == 200, "all arrive")
    assert listener.payloads(f"{BASE}/status") == [b"online"]
    assert len(listener.payloads("homeassistant/device/emoedge_living-room/config")) == 1
    assert daemon.health()[0].figures["connections"] == 1


def test_publish_never_waits(publish, monkeypatch):
    """The disk hangs until all has been handed over."""
    handed_over, writes = threading.Event(), threading.Event()

    def hang(*_):
        writes.set()
        assert handed_over.wait(PATIENCE_S)

    monkeypatch.setattr(Spool, "append", hang)
    publisher = publish(9, discovery=False)
    message = builder().outcome(BEGIN)
    publisher.publish(message)
    assert writes.wait(PATIENCE_S)
    for _ in range(1000):
        publisher.publish(message)
    handed_over.set()


@pytest.mark.parametrize("from_the_start", [True, False])
def test_a_disk_that_hangs_holds_up_neither_states_nor_the_end(
    mosquitto, listen, publish, monkeypatch, from_the_start
):
    """Neither a spool whose fsync does not return, nor the record of what was announced."""
    listener = listen(mosquitto)
    hung, thawed = threading.Event(), threading.Event()
    run, sync = Spool._run, os.fsync

    def wait() -> None:
        hung.set()
        thawed.wait(3 * PATIENCE_S)

    def arrived(value: bytes) -> bool:
        return bool(listener.last(f"{BASE}/control/privacy") == value)

    def freeze() -> None:
        monkeypatch.setattr(Spool, "_run", lambda self, work: (wait(), run(self, work))[1])
        monkeypatch.setattr(os, "fsync", lambda descriptor: (wait(), sync(descriptor))[1])

    if from_the_start:
        freeze()
    publisher = publish(mosquitto.port)
    assert publisher.wait_connected(PATIENCE_S)
    if not from_the_start:
        freeze()
        mosquitto.stop()
        publisher.publish(builder().outcome(BEGIN))  # is to be kept now
    assert hung.wait(PATIENCE_S)
    if not from_the_start:
        mosquitto.start()
        listener = listen(mosquitto)
    try:
        for number, value in enumerate(("ON", "OFF", "ON")):
            publisher.publish(builder().control("privacy", value, float(number)))
            until(functools.partial(arrived, value.encode()), value)
        stopper = WorkerThread("stopper", lambda: publisher.stop(PATIENCE_S))
        stopper.start()
        until(lambda: listener.last(f"{BASE}/status") == b"offline", "offline is said")
    finally:
        thawed.set()
    assert stopper.join(PATIENCE_S)
    assert not publisher.thread.is_alive


def test_home_assistant_birth_message_is_answered(mosquitto, listen, publish, monkeypatch):
    from emoedge.publish import homeassistant

    monkeypatch.setattr(homeassistant, "BIRTH_DELAY_S", (0.0, 0.1))
    topic = "homeassistant/device/emoedge_living-room/config"
    publisher = publish(mosquitto.port)
    listener = listen(mosquitto)
    until(lambda: listener.payloads(topic), "announced")
    assert publisher.wait_connected(PATIENCE_S)
    before = len(listener.payloads(topic))
    listener.send("homeassistant/status", "offline")
    listener.send("homeassistant/status", "online")
    until(lambda: len(listener.payloads(topic)) > before, "announced again")
    assert listener.payloads(topic)[0] == listener.payloads(topic)[-1]


def test_a_picture_arrives_as_it_is_and_is_not_kept(mosquitto, listen, publish):
    jpeg = bytes(range(256)) * 100
    listener = listen(mosquitto)
    publisher = publish(mosquitto.port, discovery=False)
    assert publisher.wait_connected(PATIENCE_S)
    publisher.publish(builder().image(jpeg, 12.0))
    until(lambda: listener.last(f"{BASE}/image") == jpeg, "the picture")
    late = listen(mosquitto)
    until(lambda: late.last(f"{BASE}/status"), "what is retained")
    assert not late.payloads(f"{BASE}/image")


def test_discovery_switched_off_or_renamed_is_cleaned_up(mosquitto, listen, publish, tmp_path):
    topic = "homeassistant/device/emoedge_living-room/config"
    first = publish(mosquitto.port)
    listener = listen(mosquitto)
    until(lambda: listener.payloads(topic), "announced")
    until((tmp_path / "state" / "discovery.json").exists, "remembered")
    first.stop(PATIENCE_S)
    publish(mosquitto.port, discovery=False)
    until(lambda: listener.last(topic) == b"", "emptied")
    until(lambda: json.loads((tmp_path / "state" / "discovery.json").read_text()) == {}, "forgotten")


def test_publisher_is_its_own_session_listener(tmp_path):
    # Port 9 (discard) on loopback: refused at once.
    publisher = Publisher(make_settings(9, tmp_path / "state"), builder())
    publisher.start()
    publisher.publish(builder().outcome(BEGIN))
    until(lambda: publisher.health()[0].state == "degraded", "away")
    publisher.stop(1.0)


def test_mosquitto_fixture_is_real(mosquitto):
    assert isinstance(mosquitto, Mosquitto)
    assert "mosquitto version" in mosquitto.log()


def test_a_publisher_that_died_says_so_and_why(tmp_path, monkeypatch):
    """The daemon went on for ever without a word to anybody."""
    from emoedge.publish.outbox import Outbox

    def stumble(*_args, **_kwargs):
        raise ArithmeticError("nobody thought of it")

    monkeypatch.setattr(Outbox, "next_entry", stumble)
    monkeypatch.setattr(Outbox, "wake_in_s", stumble)
    publisher = Publisher(make_settings(free_port(), tmp_path), builder())
    assert publisher.fault == ""
    publisher.start()
    until(lambda: publisher.fault, "it has died")
    assert "nobody thought of it" in publisher.fault
    assert publisher.health()[0].state == "failed"
