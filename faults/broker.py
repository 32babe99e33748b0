"""Faults of the broker: away, refusing, forgetful, or with another client that uses our id."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from faults.bench import BASE, DEVICE, SPOOLED, START_S, Bench
from faults.fault import fault
from faults.surroundings import Listener, Skipped, holds, program, until

STATES: Final = ("status", "emotion", "health", "control/privacy", "control/margin", "control/recording_mode")
"""Retained topics: a client that subscribes later must receive them."""
ENOUGH: Final = 3
"""Number of messages that must wait on disk before the broker returns."""
RETURN_S: Final = 180.0
"""The longest wait between two attempts is 60 s plus a quarter; the rest is for a busy machine."""
WRONG: Final = "not-the-right-one"
REFUSED_S: Final = 12.0
"""Seconds during which attempts are counted."""
HOUR: Final = 2_000
"""Messages of an hour with speech in a third of it: one voice result a second, and the texts."""
FLOOD_PER_S: Final = 120.0
"""The spool is drained at 50 a second; one second may include parts of two batches and live messages."""
FROZEN_S: Final = 90.0
"""Noticed within one and a half times the 30 s of the keep-alive, or when an answer is overdue."""
RENAMED_S: Final = 180.0
"""One minute during which the old name must stay offline, plus time to send."""
PERSISTENT_S: Final = 90.0
"""Refused credentials are retried once a minute."""


@fault(quick=True)
def broker_absent_at_start(bench: Bench) -> float:
    """The daemon is started before the broker.

    It keeps trying to connect. Then all states are published, and the spooled messages arrive complete and in
    order.
    """
    bench.start()
    wait_spooled(bench, START_S)
    waiting = bench.spooled()
    return _comes_back_with(bench, waiting)


@fault(quick=True)
def broker_killed_and_restarted(bench: Bench) -> float:
    """The broker is killed, stays away while people speak, and returns without its retained messages.

    All states are retained again. All messages that waited on disk arrive in order, with their original
    times.
    """
    bench.start_all()
    bench.kill_broker()
    away_s = time.monotonic()
    wait_spooled(bench)
    waiting = bench.spooled()
    holds(time.monotonic() - away_s > 1.0, "the broker was away for a while")
    return _comes_back_with(bench, waiting)


@fault()
def broker_away_for_too_long(bench: Bench) -> float:
    """The broker is away for longer than the spool, limited to three messages, can hold.

    The oldest messages are dropped, and no more than necessary. The newest arrive, and the loss is counted in
    `health`.
    """
    bench.start(mqtt__spool_max_messages=ENOUGH)
    until(lambda: bench.dropped_on_disk() > 0, "the spool overflows", START_S)
    holds(len(bench.spooled()) <= ENOUGH, "the bound is kept")
    with bench.held():
        newest = bench.spooled()[-1:]
        dropped = bench.dropped_on_disk()
        bench.start_broker()
    took_s = until(lambda: bench.last("status") == b"online", "the daemon is connected", RETURN_S)
    until(lambda: bench.figure("spool", "dropped") >= dropped, "the loss is counted in health")
    # Until it is connected, newer messages may replace those that were the newest.
    until(
        lambda: not lost(bench, newest) or bench.figure("spool", "dropped") >= dropped + ENOUGH,
        "the newest have arrived",
    )
    return took_s


@fault()
def broker_away_for_an_hour(bench: Bench) -> float:
    """The broker returns when an hour's worth of messages (2,000) waits on disk.

    All of them arrive in order, with their original times, and at a limited rate.
    """
    waiting = fill_spool(bench, HOUR)
    bench.start()
    until(lambda: len(bench.spooled()) > HOUR, "the daemon adds to what waits", START_S)
    listener = bench.start_broker()
    took_s = until(lambda: not lost(bench, waiting), "all that waited has arrived", RETURN_S + HOUR / 20)
    check_order(bench, waiting)
    arrived_s = [one.at_s for one in list(listener.heard) if one.topic in SPOOLED]
    most = max(sum(at_s <= one < at_s + 1 for one in arrived_s) for at_s in arrived_s[::10])
    holds(most <= FLOOD_PER_S, f"{most} messages in a second are a flood")
    until(lambda: bench.figure("spool", "depth") == 0, "the spool is empty again")
    holds(bench.figure("spool", "dropped") == 0, "nothing was dropped")
    return took_s


@fault()
def broker_freezes(bench: Bench) -> float:
    """The broker keeps its connections but stops responding (SIGSTOP), and continues later.

    The loss is noticed. Messages wait on disk, and all of them arrive once the broker continues.
    """
    bench.start_all()
    process = bench.broker.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    wait_spooled(bench)
    # Noticed by the keep-alive or by the missing echo of a command.
    until(
        lambda: any(words in bench.log_text() for words in ("was lost", "commands do not arrive")),
        "the log reports that it is lost",
        FROZEN_S,
    )
    waiting = bench.spooled()
    bench.check_alive()
    process.send_signal(signal.SIGCONT)
    took_s = until(lambda: not lost(bench, waiting), "all that waited has arrived", RETURN_S)
    check_order(bench, waiting)
    bench.goes_on("emotion", "it publishes again")
    until(lambda: bench.last("status") == b"online", "it is online again")
    return took_s


@fault()
def broker_refuses_credentials(bench: Bench) -> float:
    """The broker requires a password that the daemon does not have; later it accepts all clients.

    The daemon tries once a minute, and the log names the remedy. Messages wait on disk and arrive later.
    """
    passwords = bench.folder / "passwords"
    # mosquitto_passwd hashes the password in place.
    passwords.write_text("somebody:something\n", encoding="ascii")
    subprocess.run([program("mosquitto_passwd", "mosquitto"), "-U", str(passwords)], check=True)
    bench.broker.access = f"allow_anonymous false\npassword_file {passwords}"
    bench.broker.start()
    bench.start(mqtt__username=DEVICE, mqtt__password=WRONG)
    until(lambda: "refuses the connection" in bench.log_text(), "the log reports that it is refused", START_S)
    time.sleep(REFUSED_S)
    attempts = bench.broker.log().count("New client connected") + bench.broker.log().count("not authorised")
    holds(attempts <= 3, f"{attempts} attempts in {REFUSED_S:.0f} s are too many")
    holds("correct mqtt.username and mqtt.password" in bench.log_text(), "the log names the remedy")
    holds(WRONG not in bench.log_text(), "the password is not in the log")
    wait_spooled(bench)
    waiting = bench.spooled()
    bench.broker.kill()
    bench.broker.access = "allow_anonymous true"
    return _comes_back_with(bench, waiting, PERSISTENT_S)


@fault()
def device_renamed(bench: Bench) -> float:
    """The device gets another `device_id` after a clean stop.

    One minute after the first connection nothing is retained under the old name; `status` is removed last.
    """
    bench.start_all()
    bench.command("margin", "0.3")
    until(lambda: bench.control("margin") == "0.3", "the controls are there")
    bench.terminate()
    holds(_retained(bench), "something is retained under the old name")
    bench.start(device_id="renamed")
    renamed = "emoedge/renamed/status"
    until(lambda: bench.listener.on(renamed), "the daemon is connected", START_S)
    begun_s = time.monotonic()
    until(lambda: bench.last("status") == b"", "the old status is emptied", RENAMED_S)
    took_s = time.monotonic() - begun_s
    holds(not _retained(bench), f"still retained: {_retained(bench)}")
    holds(bench.listener.on(renamed)[-1].payload == b"online", "the new name is online")
    return took_s


def _retained(bench: Bench) -> list[str]:
    """Return the retained topics below the base."""
    other = Listener(bench.broker.port)
    try:
        mark = "emoedge-faults/mark"
        other.send(mark, b"")  # arrives after all retained messages
        until(lambda: other.on(mark), "the mark comes back")
        return [one.topic for one in list(other.heard) if one.retained and one.topic.startswith(f"{BASE}/")]
    finally:
        other.close()


@fault(quick=True)
def broker_refuses_subscriptions(bench: Bench) -> None:
    """The broker's access list rejects every subscription of the daemon.

    `health` reports the broker as degraded and names the command topic and the remedy. Messages are
    published.
    """
    plugin = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
    if plugin is None:
        raise Skipped("mosquitto has no plugin mosquitto_dynamic_security")
    hear = {"acltype": "subscribePattern", "topic": "#", "allow": True}
    rules = {
        "defaultACLAccess": {
            "publishClientSend": True, "publishClientReceive": True, "subscribe": False, "unsubscribe": True
        },
        "groups": [{"groupname": "all", "roles": [], "clients": []}],
        "anonymousGroup": "all",
        "roles": [{"rolename": "listener", "acls": [hear]}],
        "clients": [{"username": WRONG, "roles": [{"rolename": "listener"}], **_hashed(WRONG)}],
    }  # fmt: skip
    file = bench.folder / "dynamic-security.json"
    file.write_text(json.dumps(rules), encoding="utf-8")
    bench.broker.access = f"allow_anonymous true\nplugin {plugin}\nplugin_opt_config_file {file}"
    bench.broker.start()
    bench._listener = Listener(bench.broker.port, (WRONG, WRONG))  # noqa: SLF001 - one that may subscribe
    bench.start()
    topic = f"{BASE}/control/+/set"
    until(lambda: topic in str(bench.part("broker").get("reason")), "health names the topic", START_S)
    holds(bench.state_of("broker") == "degraded", "health reports degraded")
    holds("allow this client to subscribe" in str(bench.part("broker")["reason"]), "and the remedy")
    bench.goes_on("emotion", "messages go out")


def _hashed(password: str) -> dict[str, str | int]:
    """Return a password entry in the format of the plugin."""
    salt, rounds = os.urandom(12), 101
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return {
        "password": base64.b64encode(digest).decode(),
        "salt": base64.b64encode(salt).decode(),
        "iterations": rounds,
    }


@fault()
def another_client_with_the_same_id(bench: Bench) -> float:
    """Another client keeps connecting with the daemon's client id, and leaves later.

    The log names the cause and the remedy, and the daemon tries at growing intervals. Once the other client
    is gone, the daemon is connected with all its states.
    """
    bench.start_all()
    rival = _rival(bench.broker.port)
    until(lambda: "another client connects with the id" in bench.log_text(), "the log names the cause", 60)
    before = bench.broker.log().count(f"as emoedge-{DEVICE} ")
    time.sleep(REFUSED_S)
    attempts = bench.broker.log().count(f"as emoedge-{DEVICE} ") - before
    holds(attempts <= 3, f"{attempts} connections in {REFUSED_S:.0f} s are a fight")
    rival.disconnect()
    rival.loop_stop()
    bench.listener.heard.clear()
    took_s = until(lambda: bench.last("status") == b"online", "it is back", RETURN_S)
    bench.goes_on("emotion", "it publishes again")
    return took_s


def _rival(port: int) -> Any:
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    rival = Client(CallbackAPIVersion.VERSION2, f"emoedge-{DEVICE}")
    rival.connect("127.0.0.1", port)
    rival.loop_start()
    return rival


def fill_spool(bench: Bench, count: int) -> list[tuple[str, bytes]]:
    """Fill the spool as if the daemon had spooled these messages before its restart."""
    from emoedge.publish.publisher import SPOOL_FILE
    from emoedge.publish.spool import Spool
    from emoedge.publish.spool_entry import Entry

    bench.state.mkdir(parents=True)
    entries = [
        Entry(number, f"{BASE}/event", json.dumps({"id": f"waits-{number:05d}", "of": "an hour"}).encode())
        for number in range(1, count + 1)
    ]
    spool = Spool(bench.state / SPOOL_FILE, 10 * count)
    spool.append(entries)
    spool.close()
    return [(entry.topic, entry.payload) for entry in entries]


def wait_spooled(bench: Bench, timeout_s: float = 60.0) -> None:
    """Wait until several messages are on disk."""
    until(lambda: len(bench.spooled()) >= ENOUGH, f"{ENOUGH} messages wait on the disk", timeout_s)


def _comes_back_with(bench: Bench, waiting: list[tuple[str, bytes]], timeout_s: float = RETURN_S) -> float:
    """Start the broker; return the seconds until all states and all waiting messages have arrived."""
    bench.check_alive()
    bench.start_broker()
    took_s = until(lambda: bench.last("status") == b"online", "the daemon is connected", timeout_s)
    took_s += until(lambda: all(bench.last(suffix) for suffix in STATES), "all states are retained again")
    took_s += until(lambda: not lost(bench, waiting), "all that waited has arrived")
    check_order(bench, waiting)
    until(lambda: bench.state_of("spool") == "ok", "health reports the spool as ok")
    holds(bench.figure("spool", "dropped") == 0, "nothing was dropped")
    until(lambda: bench.figure("spool", "depth") == 0, "the spool is empty again")
    return took_s


def lost(bench: Bench, waiting: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the spooled messages that have not arrived byte for byte, with their original times."""
    arrived = {(one.topic, _as_spooled(one.payload)) for one in list(bench.listener.heard)}
    return [message for message in waiting if message not in arrived]


def check_order(bench: Bench, waiting: list[tuple[str, bytes]]) -> None:
    """Check that the spooled messages arrived in their order; later duplicates are allowed."""
    first: dict[tuple[str, bytes], int] = {}
    for place, one in enumerate(list(bench.listener.heard)):
        if one.topic in SPOOLED and not one.retained:
            first.setdefault((one.topic, _as_spooled(one.payload)), place)
    places = [first[message] for message in waiting]
    holds(places == sorted(places), f"the order is kept below {BASE}")


def _as_spooled(payload: bytes) -> bytes:
    """Return the payload without the mark of a late message."""
    return payload.replace(b'"late":true', b'"late":false', 1)
