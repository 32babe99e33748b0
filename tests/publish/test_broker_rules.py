"""Brokers with rules: what they announce is kept to, and what they refuse is in nobody's way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from emoedge.health import Health
from emoedge.outcomes import HealthReport
from emoedge.publish.control import CONTROL_NAMES, Command
from emoedge.publish.messages import Message
from emoedge.publish.publisher import Publisher
from emoedge.publish.retry import MqttVersion
from emoedge.publish.suspects import MAX_STRIKES
from faults.strict_broker import StrictBroker, fixed_header

from .conftest import PATIENCE_S, until
from .samples import BEGIN, STATE, builder
from .test_messages import validate
from .test_publisher import BASE, event, ids, make_settings

DISCOVERY = "homeassistant/device/emoedge_living-room"


@pytest.fixture
def strict() -> Iterator[Callable[..., StrictBroker]]:
    brokers: list[StrictBroker] = []

    def make(**rules) -> StrictBroker:
        brokers.append(StrictBroker(**rules))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture
def publish(tmp_path) -> Iterator[Callable[..., Publisher]]:
    publishers: list[Publisher] = []

    def make(port: int, *, protocol="5", **mqtt) -> Publisher:
        settings = make_settings(port, tmp_path / "state", **mqtt)
        publisher = Publisher(settings, builder(), first_protocol=protocol)
        publisher.attach(lambda _: None, list)
        publisher.start()
        publishers.append(publisher)
        return publisher

    yield make
    for publisher in publishers:
        publisher.stop(1.0)


def numbers(broker: StrictBroker) -> list[str]:
    return [json.loads(payload)["id"] for payload in broker.on(f"{BASE}/event")]


def broker_part(publisher: Publisher):
    return publisher.health()[0]


def spool_part(publisher: Publisher):
    return publisher.health()[1]


@pytest.mark.parametrize(
    ("rules", "limits"),
    [
        pytest.param({"max_packet": 4096}, "packets of 4096 bytes", id="packet size"),
        pytest.param({"max_packet": 1500}, "packets of 1500 bytes", id="small packets"),
        pytest.param({"retain": False}, "no retained messages", id="retain"),
        pytest.param({"max_qos": 0}, "QoS 0", id="QoS"),
        pytest.param({"receive_maximum": 1, "delay_s": 0.01}, "1 on the way", id="receive maximum"),
        pytest.param({"wildcards": False}, "no wildcards", id="wildcards"),
        pytest.param(
            {"max_packet": 2048, "retain": False, "max_qos": 0, "receive_maximum": 3, "wildcards": False},
            "packets of 2048 bytes, no retained messages, QoS 0, 3 on the way, no wildcards",
            id="everything",
        ),
    ],
)
def test_what_the_broker_announces_is_kept_to(strict, publish, rules, limits):
    """Not one emotion arrived, and the log blamed another client with the id."""
    broker = strict(**rules)
    publisher = publish(broker.port)
    publisher.publish(builder().outcome(STATE))
    for number in range(30):
        publisher.publish(builder().outcome(event(number)))
    until(lambda: broker.on(f"{BASE}/emotion"), "the state arrives")
    until(lambda: len(numbers(broker)) >= 30, "the events arrive")
    last = f"{DISCOVERY}_more/config", f"{DISCOVERY}_margin/config"
    until(lambda: any(map(broker.on, last)), "announced")
    until(lambda: broker_part(publisher).figures["echo_ms"] is not None, "commands arrive")
    assert broker.violations == []
    health = broker_part(publisher)
    assert (health.state, health.figures["limits"]) == ("ok", limits)
    # One for each attempt with a last will that the broker does not take.
    refusals = ("retain" in rules) + ("max_qos" in rules)
    assert (broker.connections, health.figures["connections"]) == (1 + refusals, 1)


@pytest.mark.parametrize(
    "option", ["max_packet_size 4096", "retain_available false", "max_qos 0", "message_size_limit 4000"]
)
def test_the_same_with_a_real_broker(make_mosquitto, listen, publish, option):
    broker = make_mosquitto(f"allow_anonymous true\n{option}\n")
    listener = listen(broker)
    publisher = publish(broker.port)
    publisher.publish(builder().outcome(STATE))
    until(lambda: listener.last(f"{BASE}/emotion"), "the state arrives")
    for number in range(10):
        publisher.publish(builder().outcome(event(number)))
    until(lambda: len(ids(listener)) == 10, "the events arrive")
    until(lambda: listener.last(f"{DISCOVERY}_more/config"), "announced")
    assert broker_part(publisher).figures["connections"] == 1
    assert broker_part(publisher).state == "ok"


def test_a_message_that_is_too_large_is_set_aside_counted_and_named(strict, publish, tmp_path):
    broker = strict(max_packet=2000)
    publisher = publish(broker.port, discovery=False)
    publisher.publish(Message("text", "x" * 3000, retain=False, spool=True, time_s=0.0))
    publisher.publish(Message("emotion", "x" * 3000, retain=True, spool=False, time_s=0.0))
    publisher.publish(builder().outcome(event(1)))
    until(lambda: numbers(broker) == ["00001"], "the one behind arrives")
    until(lambda: spool_part(publisher).figures.get("set_aside") == 1, "counted")
    assert f"{BASE}/text" in spool_part(publisher).reason
    assert "reason code 0x95" in spool_part(publisher).reason
    assert f"{BASE}/emotion" in broker_part(publisher).reason
    until(lambda: spool_part(publisher).figures["depth"] == 0, "nothing waits")
    publisher.publish(builder().outcome(STATE))
    until(lambda: broker.on(f"{BASE}/emotion"), "a smaller state arrives")
    assert broker.violations == []


def test_health_is_shortened_where_the_broker_takes_only_small_messages(strict, publish):
    broker = strict(max_packet=1000)
    publisher = publish(broker.port, discovery=False)
    until(lambda: publisher.wait_connected(0.1) and broker.on(f"{BASE}/status"), "connected")
    parts = [Health(f"part{number}", "ok", figures={"fps": 15.0, "dropped": 2}) for number in range(20)]
    failed = Health("camera", "failed", "the camera was unplugged " * 5, {"fps": 0.0})
    publisher.publish(builder().outcome(HealthReport(30.0, 29.5, (*parts, failed))))
    until(lambda: broker.on(f"{BASE}/health"), "health arrives")
    payload = json.loads(broker.on(f"{BASE}/health")[-1])
    validate("health", payload)
    assert payload["state"] == "failed"
    assert payload["parts"]["camera"]["reason"].startswith("the camera was unplugged")
    assert broker.violations == []


@pytest.mark.parametrize("code", [0x80, 0x83, 0x87, 0x90, 0x97, 0x99])
def test_a_message_that_the_broker_refuses_is_not_in_the_way(strict, publish, monkeypatch, code):
    from emoedge.backoff import Backoff
    from emoedge.publish import refused_messages

    monkeypatch.setattr(refused_messages, "_BACKOFF", Backoff(0.05, longest_s=0.05, jitter=0.0))
    broker = strict(answer=lambda _topic, payload: code if b"00003" in payload else 0)
    publisher = publish(broker.port, discovery=False)
    for number in range(10):
        publisher.publish(builder().outcome(event(number)))
    until(lambda: {f"{n:05d}" for n in range(10)} <= set(numbers(broker)), "the others arrive")
    until(lambda: spool_part(publisher).figures.get("set_aside") == 1, "set aside")
    assert 1 <= numbers(broker).count("00003") <= refused_messages.DOUBTFUL_ATTEMPTS
    assert f"reason code 0x{code:02X}" in spool_part(publisher).reason
    assert f"{BASE}/event" in spool_part(publisher).reason
    assert spool_part(publisher).figures["dropped"] == 1


@pytest.mark.parametrize("code", [0x80, 0x97])
def test_what_a_full_broker_refuses_for_a_while_is_delivered_later(strict, publish, code):
    """These reason codes counted as delivered."""
    full = [True]
    broker = strict(answer=lambda topic, _payload: code if full and topic.endswith("/event") else 0)
    publisher = publish(broker.port, discovery=False)
    for number in range(20):
        publisher.publish(builder().outcome(event(number)))
    until(lambda: len(numbers(broker)) > 20, "tried again")
    assert "refuses messages" in broker_part(publisher).reason
    full.clear()
    until(lambda: spool_part(publisher).figures["depth"] == 0, "delivered")
    assert {f"{n:05d}" for n in range(20)} == set(numbers(broker))
    assert spool_part(publisher).figures["dropped"] == 0
    until(lambda: broker_part(publisher).state == "ok", "well again")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize(
    "topic",
    [
        pytest.param(f"{DISCOVERY}/config", id="discovery"),
        pytest.param("homeassistant/status", id="subscription"),
        pytest.param(f"{BASE}/emotion", id="state"),
        pytest.param(f"{BASE}/event", id="spooled"),
        pytest.param(f"{BASE}/face", id="now or never"),
        pytest.param(f"{BASE}/control/echo/set", id="echo"),
    ],
)
def test_a_broker_that_closes_the_connection_on_one_topic(strict, publish, topic, protocol):
    """Nothing arrived any more, and another client with the id was suspected."""
    broker = strict(closes_on=lambda name: name == topic)
    publisher = publish(broker.port, protocol=protocol)
    publisher.publish(builder().outcome(BEGIN))
    publisher.publish(Message("voice", "{}", retain=False, spool=True, time_s=0.0))
    named = f"closes the connection on the topic: {topic.partition('/device/')[0]}"
    reasons: set[str] = set()

    def is_left_out() -> bool:
        publisher.publish(builder().outcome(STATE))
        publisher.publish(Message("face", "{}", retain=False, spool=False, time_s=0.0))
        health = broker_part(publisher)
        reasons.add(health.reason)
        connected = publisher.wait_connected(0.01) and health.figures["connections"] > MAX_STRIKES
        return connected and named in health.reason

    until(is_left_out, "it is connected without the topic", 3 * PATIENCE_S)
    count = len(broker.on(f"{BASE}/voice"))
    publisher.publish(Message("voice", "{}", retain=False, spool=True, time_s=0.0))
    until(lambda: len(broker.on(f"{BASE}/voice")) > count, "others arrive")
    assert not [reason for reason in reasons if "another client" in reason]
    if topic == f"{BASE}/event":
        until(lambda: spool_part(publisher).figures.get("set_aside") == 1, "set aside")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_that_closes_the_connection_on_one_message(strict, publish, protocol):
    """It blocked all behind it."""
    broker = strict()
    broker.closes_on_payload = lambda payload: b"00003" in payload
    publisher = publish(broker.port, protocol=protocol, discovery=False)
    for number in range(6):
        publisher.publish(builder().outcome(event(number)))
    others = {f"{number:05d}" for number in (0, 1, 2, 4, 5)}
    until(lambda: others <= set(numbers(broker)), "the others arrive", 3 * PATIENCE_S)
    until(lambda: spool_part(publisher).figures.get("set_aside") == 1, "set aside")
    assert f"{BASE}/event" in spool_part(publisher).reason
    until(lambda: spool_part(publisher).figures["depth"] == 0, "nothing waits")
    publisher.publish(builder().outcome(event(6)))
    until(lambda: "00006" in numbers(broker), "the topic is open")


def test_a_broker_that_says_why_is_believed(strict, publish):
    """Three short connections looked like another client with the id."""
    broker = strict()
    publisher = publish(broker.port, discovery=False)
    reasons = set()

    def is_connected(number: int) -> bool:
        return broker.connections >= number and publisher.wait_connected(0.01)

    for count in range(1, 6):
        until(partial(is_connected, count), "connected")
        broker.send_raw(b"", bytes([0xE0, 2, 0x8B, 0]))
        until(lambda: broker_part(publisher).reason, "lost")
        reasons.add(broker_part(publisher).reason)
    assert any("shutting down" in reason for reason in reasons)
    assert not any("another client" in reason for reason in reasons)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_missing_acknowledgements_are_seen_and_no_state_freezes(strict, publish, monkeypatch, protocol):
    """Without any PUBACK, health was ok for ever, and a state stood at its first value."""
    from emoedge.publish import acknowledgements, retained_states

    monkeypatch.setattr(acknowledgements, "TIMEOUT_S", 1.0)
    monkeypatch.setattr(retained_states, "TIMEOUT_S", 1.0)
    broker = strict(answer=lambda topic, _payload: None if topic.endswith(("/margin", "/event")) else 0)
    publisher = publish(broker.port, protocol=protocol, discovery=False)
    publisher.publish(builder().outcome(BEGIN))

    def has_arrived(text: str) -> bool:
        return text.encode() in broker.on(f"{BASE}/control/margin")

    for value in ("0.1", "0.2", "0.3"):
        publisher.publish(builder().control("margin", value, 1.0))
        until(partial(has_arrived, value), value)
    until(lambda: broker_part(publisher).state == "degraded", "degraded")
    reason = broker_part(publisher).reason
    assert "does not acknowledge messages" in reason
    assert f"{BASE}/event" in reason
    # Not known to be delivered.
    assert spool_part(publisher).figures["depth"] == 1


def test_a_lost_acknowledgement_is_cured_by_a_fresh_connection(strict, publish, monkeypatch):
    from emoedge.backoff import Backoff
    from emoedge.publish import acknowledgements

    monkeypatch.setattr(acknowledgements, "TIMEOUT_S", 0.5)
    monkeypatch.setattr(acknowledgements, "_PATIENCE", Backoff(1.0, longest_s=60.0, jitter=0.0))
    lost: list[str] = []

    def answer(topic: str, _payload: bytes) -> int | None:
        if topic.endswith("/event") and not lost:
            lost.append(topic)
            return None
        return 0

    broker = strict(answer=answer)
    publisher = publish(broker.port, discovery=False)
    publisher.publish(builder().outcome(BEGIN))
    until(lambda: spool_part(publisher).figures["depth"] == 0 and broker.connections == 2, "delivered")
    first, second = broker.on(f"{BASE}/event")
    assert first == second
    until(lambda: broker_part(publisher).state == "ok", "well again")


SINGLE = {f"{BASE}/control/{name}/set" for name in (*CONTROL_NAMES, "echo")} | {"homeassistant/status"}


@pytest.fixture
def flooded(tmp_path) -> Iterator[Callable[..., tuple[Publisher, list[Command]]]]:
    """Start a publisher that notes its commands."""
    publishers: list[Publisher] = []

    def make(port: int, protocol: MqttVersion) -> tuple[Publisher, list[Command]]:
        commands: list[Command] = []
        settings = make_settings(port, tmp_path / "state", discovery=False)
        publisher = Publisher(settings, builder(), first_protocol=protocol)
        publisher.attach(commands.append, list)
        publisher.start()
        publishers.append(publisher)
        until(lambda: broker_part(publisher).figures["echo_ms"] is not None, "commands arrive")
        return publisher, commands

    yield make
    for publisher in publishers:
        publisher.stop(1.0)


def endless(topic: str, size: int, *, v5: bool, retain: bool = False) -> bytes:
    """The beginning of a PUBLISH that says that it will be so long."""
    name = topic.encode()
    start = fixed_header(0x30 | retain, size) + len(name).to_bytes(2, "big") + name
    return start + (b"\0" if v5 else b"") + b"x" * 1000


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("name", ["margin", "privacy", "unheard-of"])
def test_a_huge_message_is_not_waited_for(strict, flooded, protocol, name):
    """200 MB took 736 MB of memory, at every connection; and no command arrived meanwhile."""
    broker = strict()
    publisher, commands = flooded(broker.port, protocol)
    topic = f"{BASE}/control/{name}/set"
    # Of 200 MB only the beginning ever comes.
    broker.send_raw(endless(topic, 200_000_000, v5=False), endless(topic, 200_000_000, v5=True))
    until(lambda: broker.connections == 2 and broker_part(publisher).figures["connections"] == 2, "again")
    until(lambda: topic in broker_part(publisher).reason, "the topic is named")
    assert broker_part(publisher).figures["oversized_topic"] == topic
    assert "too large" in broker_part(publisher).reason
    until(lambda: {one for number, one in broker.subscribed if number == 2} == SINGLE - {topic}, "without it")
    broker.send(f"{BASE}/control/face_weight/set", b"0.4")
    wanted = [Command("privacy", True)] if name == "privacy" else []
    until(lambda: len(commands) > len(wanted), "commands arrive")
    assert [*commands] == [*wanted, Command("face_weight", 0.4)]
    # The way in is still watched.
    until(lambda: f"{BASE}/control/echo/set" not in broker_part(publisher).reason, "echo")


@pytest.mark.parametrize("name", ["margin", "privacy"])
def test_a_huge_retained_message_of_a_real_broker(mosquitto, listen, flooded, name):
    listener = listen(mosquitto, "none")
    topic = f"{BASE}/control/{name}/set"
    publisher, commands = flooded(mosquitto.port, "3.1.1")
    listener.send(topic, bytes(30_000_000), retain=True)
    until(lambda: topic in broker_part(publisher).reason, "named")

    def arrives() -> bool:  # the broker may not know the subscription yet
        listener.send(f"{BASE}/control/face_weight/set", b"0.4")
        return Command("face_weight", 0.4) in commands

    until(arrives, "commands arrive")
    assert broker_part(publisher).figures["connections"] == 2
    assert (Command("privacy", True) in commands) == (name == "privacy")


def test_a_topic_that_was_left_out_is_tried_again(strict, flooded, monkeypatch):
    from emoedge.backoff import Backoff
    from emoedge.publish import oversized

    monkeypatch.setattr(oversized, "_PAUSE", Backoff(10.0, longest_s=10.0, jitter=0.0))
    broker = strict()
    publisher, commands = flooded(broker.port, "5")
    topic = f"{BASE}/control/margin/set"
    broker.send_raw(b"", endless(topic, 200_000_000, v5=True))
    until(lambda: (2, topic) in broker.subscribed, "subscribed again on the same connection")
    broker.send(topic, b"0.25")
    until(lambda: Command("margin", 0.25) in commands, "carried out")
    assert broker_part(publisher).figures["connections"] == 2


def test_a_shortened_message_is_refused_and_its_topic_named(strict, flooded):
    broker = strict()
    publisher, commands = flooded(broker.port, "5")
    broker.send(f"{BASE}/control/privacy/set", b"OFF" + b" " * 100_000)
    until(lambda: broker_part(publisher).figures["refused_commands"] == 1, "refused")
    assert commands == []
    assert broker_part(publisher).figures["oversized_topic"] == f"{BASE}/control/privacy/set"
    assert (broker_part(publisher).state, broker.connections) == ("ok", 1)
