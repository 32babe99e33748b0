"""Faults of delivery: the broker announces limits, refuses, disconnects, or does not answer."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import Any

from faults.bench import BASE, DEVICE, STAGES, START_S, Bench
from faults.fault import fault
from faults.strict_broker import StrictBroker
from faults.surroundings import holds, until

DISCOVERY = f"homeassistant/device/emoedge_{DEVICE}"
ENOUGH = 5
"""Number of further messages that count as proof of delivery."""
HUGE_BYTES = 200_000_000
GROWTH_BYTES = 40e6
"""Memory growth of a daemon that has just started; the message may take 1 MB of it."""
SETTLED_BYTES = 1e6
SETTLED_S = 10.0
"""Memory that grows by less than this within the interval is stable."""
LEFT_OUT_S = 180.0
"""Seconds for four connections and the waits between them."""


def _start(bench: Bench, broker: StrictBroker) -> None:
    bench.cleanup(broker.close)
    bench.start(mqtt__port=broker.port)
    until(lambda: broker.on(f"{BASE}/emotion"), "an emotion arrives", START_S)


def _part(broker: StrictBroker, name: str) -> dict[str, Any]:
    payloads = broker.on(f"{BASE}/health")
    return dict(json.loads(payloads[-1])["parts"].get(name, {})) if payloads else {}


def _settled_bytes(bench: Bench) -> int:
    """Return the resident memory once it no longer grows; models and buffers fill at first."""
    before = 0
    while (now := bench.resident_bytes()) - before > SETTLED_BYTES:
        before = now
        time.sleep(SETTLED_S)
    return now


def _says(broker: StrictBroker, what: str) -> bool:
    return what in _part(broker, "broker").get("reason", "")


def _carries_out(broker: StrictBroker, value: bytes) -> None:
    broker.send(f"{BASE}/control/margin/set", value)
    until(lambda: value in broker.on(f"{BASE}/control/margin"), "a command is carried out")


def _goes_on(broker: StrictBroker, suffix: str) -> float:
    count = len(broker.on(f"{BASE}/{suffix}"))
    return until(lambda: len(broker.on(f"{BASE}/{suffix}")) > count, f"{suffix} goes on")


@fault(quick=True)
def broker_takes_small_packets_only(bench: Bench) -> float:
    """Mosquitto with `max_packet_size 4096`, which closes the connection on anything larger.

    Everything arrives on one connection: states, `health` and the complete discovery.
    """
    bench.broker.access = "allow_anonymous true\nmax_packet_size 4096"
    bench.start_all()
    for part in ("", "_values", "_diagnostics", "_more"):
        topic = f"{DISCOVERY}{part}/config"
        until(partial(bench.listener.on, topic), f"{topic} arrives")
    took_s = bench.goes_on("emotion", "emotions go on")
    bench.goes_on("health", "health continues")
    holds(bench.figure("broker", "connections") == 1, "there was one connection")
    holds(bench.state_of("broker") == "ok", "health reports the broker as ok")
    return took_s


@fault(quick=True)
def broker_with_the_strictest_limits(bench: Bench) -> float:
    """Limits of 2,048 bytes a packet, QoS 0, one message in flight, no retained messages, no wildcards.

    No packet breaks a rule, states are published, and commands arrive.
    """
    broker = StrictBroker(max_packet=2048, retain=False, max_qos=0, receive_maximum=1, wildcards=False)
    _start(bench, broker)
    until(lambda: any(one.topic.startswith(DISCOVERY) for one in list(broker.received)), "it is announced")
    until(lambda: _part(broker, "broker").get("state") == "ok", "health reports the broker as ok")
    _carries_out(broker, b"0.31")
    took_s = _goes_on(broker, "emotion")
    holds(not broker.violations, f"no rule is broken: {broker.violations[:3]}")
    return took_s


@fault()
def broker_closes_on_one_topic(bench: Bench) -> float:
    """The broker closes the connection without a reason on every message below `homeassistant/`.

    Discovery is skipped, `health` names the topic and does not blame another client, and everything else
    continues.
    """
    broker = StrictBroker(closes_on=lambda topic: topic.startswith("homeassistant/"))
    _start(bench, broker)
    # First for the subscription, then for the announcement.
    for topic in ("homeassistant/status", "homeassistant"):
        what = f"closes the connection on the topic: {topic} ("
        took_s = until(partial(_says, broker, what), what, LEFT_OUT_S)
    connections = broker.connections
    for _ in range(ENOUGH):
        _goes_on(broker, "emotion")
    holds(broker.connections == connections, "the connection stays")
    holds("another client" not in bench.log_text(), "no other client is blamed")
    return took_s


@fault()
def broker_refuses_a_message(bench: Bench) -> float:
    """The broker answers every message on `voice` with "quota exceeded" (0x97) and accepts all others.

    Those messages are retried, then set aside, counted and named in `health`. `text` and states are
    published.
    """
    broker = StrictBroker(answer=lambda topic, _payload: 0x97 if topic == f"{BASE}/voice" else 0)
    _start(bench, broker)
    until(lambda: broker.on(f"{BASE}/voice"), "somebody speaks")
    until(lambda: "reason code 0x97" in _part(broker, "spool").get("reason", ""), "set aside", LEFT_OUT_S)
    holds(f"{BASE}/voice" in _part(broker, "spool")["reason"], "the topic is named")
    figures = _part(broker, "spool")["figures"]
    holds(figures["dropped"] >= figures["set_aside"] > 0, "they are counted")
    _goes_on(broker, "text")
    return _goes_on(broker, "emotion")


@fault()
def broker_acknowledges_nothing(bench: Bench) -> float:
    """The broker accepts every message and acknowledges none (no PUBACK).

    `health` reports it, states keep changing, and messages count as undelivered and wait.
    """
    broker = StrictBroker(answer=lambda _topic, _payload: None)
    _start(bench, broker)
    took_s = until(lambda: _says(broker, "does not acknowledge"), "health reports it")
    holds(_part(broker, "broker")["state"] == "degraded", "it is degraded")
    until(lambda: len(set(broker.on(f"{BASE}/emotion"))) >= ENOUGH, "states go on")
    until(lambda: _part(broker, "spool")["figures"]["depth"] > 0, "messages wait")
    return took_s


@fault(quick=True)
def huge_message_on_the_switch_of_privacy(bench: Bench) -> float:
    """A retained message of 200 MB on `control/privacy/set`, over MQTT 3.1.1; the connection breaks later.

    Privacy is ON, `health` names the topic, memory stays bounded, and commands arrive after each
    reconnection.
    """
    broker = StrictBroker(versions=(4,))
    _start(bench, broker)
    until(lambda: _part(broker, "broker").get("figures", {}).get("echo_ms"), "commands arrive")
    until(
        lambda: all(_part(broker, stage).get("figures", {}).get("processed") for stage in STAGES),
        "all models are loaded",
        START_S,
    )
    before = _settled_bytes(bench)
    topic = f"{BASE}/control/privacy/set"
    broker.retained[topic] = bytes(HUGE_BYTES)
    broker.send(topic, broker.retained[topic], retain=True)
    took_s = until(lambda: b"ON" in broker.on(f"{BASE}/control/privacy"), "privacy is on")
    holds(not bench.has_open(bench.clip), "the source is closed")
    until(partial(_says, broker, topic), "the topic is named")
    _carries_out(broker, b"0.31")
    connections = broker.connections
    broker.drop_clients()
    until(lambda: broker.connections > connections, "it connects again")
    _goes_on(broker, "health")
    _carries_out(broker, b"0.32")
    growth = bench.resident_bytes() - before
    bench.within(growth, GROWTH_BYTES, f"memory grew by {growth / 1e6:.0f} MB")
    return took_s
