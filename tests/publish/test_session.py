"""The connection against a real Mosquitto: will, credentials, TLS, one id twice."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from emoedge.publish.connection import CONNACK_TIMEOUT_S
from emoedge.publish.control import Command
from emoedge.publish.publisher import Publisher
from emoedge.publish.retry import SHORT_CONNECTIONS

from .conftest import PATIENCE_S, Listener, free_port, until
from .samples import BEGIN, builder
from .test_publisher import BASE, make_settings, wait_for_commands

CHILD = """
import sys, time
from pathlib import Path
sys.path[:0] = [{root!r}]
from tests.publish.samples import builder
from tests.publish.test_publisher import make_settings
from emoedge.publish.connection import CONNACK_TIMEOUT_S
from emoedge.publish.publisher import Publisher
publisher = Publisher(make_settings({port}, Path({state!r})), builder())
publisher.start()
time.sleep(60)
"""


def start(tmp_path: Path, port: int, **mqtt) -> Publisher:
    publisher = Publisher(make_settings(port, tmp_path / "state", **mqtt), builder())
    publisher.start()
    return publisher


def test_last_will_when_the_process_is_killed(mosquitto, listen, tmp_path):
    listener = listen(mosquitto)
    code = CHILD.format(root=str(Path(__file__).parents[2]), port=mosquitto.port, state=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code]) as child:
        until(lambda: listener.last(f"{BASE}/status") == b"online", "online")
        os.kill(child.pid, signal.SIGKILL)
        until(lambda: listener.last(f"{BASE}/status") == b"offline", "offline")
    late = listen(mosquitto)
    until(lambda: late.last(f"{BASE}/status") == b"offline", "offline is retained")


@pytest.fixture
def guarded(make_mosquitto, tmp_path):
    """A broker that wants a password."""
    passwords = tmp_path / "passwords"
    # As root, mosquitto_passwd and the broker agree on the owner; otherwise it is ours anyway.
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(passwords), "emoedge", "right"], check=True)
    return make_mosquitto(f"allow_anonymous false\npassword_file {passwords}\n")


def test_wrong_password_is_said_and_not_hammered(guarded, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    publisher = start(tmp_path, guarded.port, username="emoedge", password="s3cr3t-wrong")
    until(lambda: publisher.health()[0].state == "failed", "failed")
    assert not publisher.wait_connected(1.0)
    reason = publisher.health()[0].reason
    assert "refuses the connection" in reason
    assert "mqtt.password" in reason
    publisher.publish(builder().outcome(BEGIN))
    until(lambda: publisher.health()[1].figures["depth"] == 1, "spooled")
    publisher.stop(1.0)
    assert guarded.log().count("not authorised") == 1
    assert "s3cr3t" not in caplog.text + reason + repr(publisher.health()) + repr(vars(publisher))


def test_right_password(guarded, tmp_path):
    publisher = start(tmp_path, guarded.port, username="emoedge", password="right")
    assert publisher.wait_connected(PATIENCE_S)
    publisher.stop(1.0)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> Path:
    """A CA, a server certificate for 127.0.0.1 signed by it, and another CA that signed nothing."""
    directory = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=directory)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    for name in ("ca", "other"):
        openssl("req", "-x509", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    openssl("req", *key[:-2], "-subj", "/CN=broker", "-keyout", "broker.key", "-out", "broker.csr")
    for name, address in (("broker", "127.0.0.1"), ("elsewhere", "192.0.2.1")):
        (directory / f"{name}.ext").write_text(f"subjectAltName=IP:{address}\n")
        openssl(
            *("x509", "-req", "-in", "broker.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt"),
        )
    return directory


def tls_config(certificates: Path, name: str = "broker") -> str:
    return (
        f"allow_anonymous true\ncertfile {certificates}/{name}.crt\nkeyfile {certificates}/broker.key\n"
        f"cafile {certificates}/ca.crt\n"
    )


def test_tls(make_mosquitto, certificates, tmp_path):
    broker = make_mosquitto(tls_config(certificates))
    publisher = start(tmp_path, broker.port, tls=True, ca_file=certificates / "ca.crt")
    assert publisher.wait_connected(PATIENCE_S)
    publisher.stop(1.0)


@pytest.mark.parametrize(
    ("server", "authority", "reason"),
    [
        ("broker", "other.crt", "self-signed certificate in certificate chain"),
        ("broker", None, "self-signed certificate in certificate chain"),
        ("broker", "missing.crt", "no such file"),
        ("elsewhere", "ca.crt", "IP address mismatch"),
    ],
)
def test_tls_is_always_verified(make_mosquitto, certificates, tmp_path, server, authority, reason):
    broker = make_mosquitto(tls_config(certificates, server))
    ca_file = None if authority is None else certificates / authority
    publisher = start(tmp_path, broker.port, tls=True, ca_file=ca_file)
    until(lambda: publisher.health()[0].state == "failed", "failed")
    assert reason in publisher.health()[0].reason
    assert "mqtt.ca_file" in publisher.health()[0].reason
    publisher.stop(1.0)


def test_a_large_message_over_tls(make_mosquitto, certificates, tmp_path):
    broker = make_mosquitto(tls_config(certificates) + f"listener {(port := free_port())} 127.0.0.1\n")
    commands: list[Command] = []
    settings = make_settings(broker.port, tmp_path / "state", tls=True, ca_file=certificates / "ca.crt")
    publisher = Publisher(settings, builder())
    publisher.attach(commands.append, list)
    publisher.start()
    wait_for_commands(publisher)
    sender = Listener(port, "none")
    for _ in range(3):
        sender.send(f"{BASE}/control/margin/set", b"x" * 3_000_000)
    sender.send(f"{BASE}/control/privacy/set", "ON")
    until(lambda: commands == [Command("privacy", True)], "carried out")
    assert publisher.health()[0].figures["refused_commands"] == 3
    assert publisher.health()[0].figures["connections"] == 1
    sender.close()
    publisher.stop(1.0)


def test_no_tls_where_tls_is_expected(make_mosquitto, certificates, tmp_path):
    broker = make_mosquitto(tls_config(certificates))
    publisher = start(tmp_path, broker.port)
    until(lambda: "mqtt.tls" in publisher.health()[0].reason, "reason names mqtt.tls")
    assert publisher.health()[0].state == "degraded"
    publisher.stop(1.0)


def test_another_client_with_the_same_id(mosquitto, listen, tmp_path):
    # Mosquitto 2.0.11 closes the older connection without a word, so it takes a few rounds to suspect it;
    # newer ones say it.
    pair = [start(tmp_path / name, mosquitto.port) for name in ("first", "second")]
    until(lambda: any(one.health()[0].state == "failed" for one in pair), "one of them notices")
    reason = next(one.health()[0].reason for one in pair if one.health()[0].state == "failed")
    assert "another client connects with the id emoedge-living-room" in reason
    # And then leaves the other alone: no fight.
    connections = [one.health()[0].figures["connections"] for one in pair]
    assert sum(connections) <= 2 * (SHORT_CONNECTIONS + 1)
    for one in pair:
        one.stop(1.0)


class ScriptedBroker:
    """Answers each CONNECT with the bytes of its version, then holds or closes the connection."""

    ACCEPT_3_1_1 = bytes([0x20, 2, 0, 0])
    ACCEPT_5 = bytes([0x20, 3, 0, 0, 0])

    def __init__(self, answers: dict[int, bytes | None]) -> None:
        """answers: protocol level (4 or 5) -> what to send before closing; None keeps silent and open."""
        self.answers = answers
        self.levels: list[int] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self._open.append(connection)
            # Fixed header (2 bytes here: the CONNECT is longer than 16 and shorter than 16 KiB), "MQTT",
            # level.
            data = connection.recv(4096)
            level = data[data.index(b"MQTT") + 4]
            self.levels.append(level)
            answer = self.answers[level]
            if answer is None:
                continue
            connection.sendall(answer)
            if answer != self.ACCEPT_3_1_1:
                connection.close()

    def close(self) -> None:
        self._server.close()
        for connection in self._open:
            connection.close()


@pytest.fixture
def scripted():
    brokers: list[ScriptedBroker] = []

    def make(answers: dict[int, bytes | None]) -> ScriptedBroker:
        brokers.append(ScriptedBroker(answers))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.close()


@pytest.mark.parametrize(
    "answer_to_5",
    [
        pytest.param(bytes([0x20, 2, 0, 1]), id="unsupported in the words of 3.1.1"),
        pytest.param(bytes([0x20, 3, 0, 0x84, 0]), id="unsupported in the words of 5"),
        pytest.param(b"", id="closes without a word"),
        pytest.param(None, id="never answers"),
        pytest.param(b"\x20\x01\x00", id="malformed CONNACK"),
        pytest.param(b"\xff" * 8, id="not MQTT"),
    ],
)
# paho dies on some of these, and says so; the session has to live on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_fallback_to_3_1_1(scripted, tmp_path, answer_to_5, monkeypatch):
    monkeypatch.setitem(CONNACK_TIMEOUT_S, "5", 1.0)
    broker = scripted({5: answer_to_5, 4: ScriptedBroker.ACCEPT_3_1_1})
    publisher = start(tmp_path, broker.port)
    until(lambda: publisher.health()[0].state == "ok", "connected")
    assert broker.levels == [5, 4]
    assert publisher.health()[0].figures["protocol"] == "3.1.1"
    publisher.stop(0.5)


def test_taken_over_in_the_words_of_version_5(scripted, tmp_path):
    taken_over = bytes([0xE0, 1, 0x8E])
    broker = scripted({5: ScriptedBroker.ACCEPT_5 + taken_over})
    publisher = start(tmp_path, broker.port)
    until(lambda: publisher.health()[0].state == "failed", "taken over")
    assert "another client connects with the id emoedge-living-room" in publisher.health()[0].reason
    assert broker.levels == [5]
    publisher.stop(0.5)


def test_busy_broker_is_tried_again(scripted, tmp_path):
    server_busy = bytes([0x20, 3, 0, 0x89, 0])
    broker = scripted({5: server_busy, 4: bytes([0x20, 2, 0, 3])})
    publisher = start(tmp_path, broker.port)
    until(lambda: len(broker.levels) >= 2, "second attempt")
    assert publisher.health()[0].state == "degraded"
    publisher.stop(0.5)


def test_stop_at_any_moment_leaves_nothing_behind(mosquitto, listen, tmp_path):
    listener = listen(mosquitto)
    before = set(threading.enumerate())
    for step in range(12):
        publisher = Publisher(make_settings(mosquitto.port, tmp_path / "state"), builder())
        publisher.attach(lambda _: None, list)
        publisher.start()
        time.sleep(step * 0.004)
        publisher.stop(2.0)
    names = ("publisher", "commands", "privacy", "session", "paho-mqtt-client-emoedge")
    until(
        lambda: not [thread for thread in {*threading.enumerate()} - before if thread.name.startswith(names)],
        "all threads have ended",
    )
    # Only the listener's connection is left at the broker.
    until(lambda: mosquitto.connections() == 1, "all connections are closed")
    statuses = listener.payloads(f"{BASE}/status")
    assert not statuses or statuses[-1] == b"offline"


def test_unresolvable_host(tmp_path):
    publisher = start(tmp_path, free_port(), host="broker.invalid")
    until(lambda: "broker.invalid" in publisher.health()[0].reason, "named in health")
    publisher.stop(1.0)


def test_a_fault_nobody_thought_of_is_tried_again(mosquitto, tmp_path, monkeypatch):
    """paho starts a thread for each connection; where there was none left, ours ended with that error."""
    from emoedge.publish.connection import Connection

    def refuse(_connection):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as crowded:
        crowded.setattr(Connection, "open", refuse)
        publisher = start(tmp_path, mosquitto.port)
        until(lambda: "can't start new thread" in publisher.health()[0].reason, "it says so")
    until(lambda: publisher.health()[0].state == "ok", "it connects")
    publisher.stop()
