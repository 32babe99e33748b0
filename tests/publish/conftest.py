"""A real Mosquitto on a free loopback port, and a listener to see what arrives."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from emoedge.publish.spool import Spool
from emoedge.publish.spool_entry import Entry
from emoedge.publish.spool_log import log_of

# Generous: a busy machine must not make a test fail, and no test waits longer than it has to.
PATIENCE_S = 60.0
MAX_PACKET_BYTES = 100_000_000


def until(condition: Callable[[], object], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Wait for a condition; fail with a sentence."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            pytest.fail(f"after {timeout_s:.0f} s still not: {what}")
        time.sleep(0.01)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(autouse=True)
def impatient(monkeypatch) -> None:
    """The first waits of the session, shortened; their true lengths are tested in test_retry.py."""
    from emoedge.publish import connection, retry

    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.1)
    # A broker on a busy machine must not be taken for one that never answers.
    monkeypatch.setitem(connection.CONNACK_TIMEOUT_S, "5", PATIENCE_S)


@dataclass
class Mosquitto:
    """A broker process of our own."""

    program: str
    directory: Path
    port: int = field(default_factory=free_port)
    extra: str = "allow_anonymous true\n"
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Mosquitto:
        config = self.directory / "mosquitto.conf"
        # `user root` keeps it from giving up rights to the temporary directory when the tests run as root.
        # Mosquitto 2.1 refuses packets of more than 2 MB unless told otherwise.
        size = "" if "max_packet_size" in self.extra else f"max_packet_size {MAX_PACKET_BYTES}\n"
        config.write_text(f"{size}listener {self.port} 127.0.0.1\npersistence false\nuser root\n{self.extra}")
        log = (self.directory / "mosquitto.log").open("ab")
        self.process = subprocess.Popen(
            [self.program, "-c", str(config), "-v"], stdout=log, stderr=subprocess.STDOUT
        )
        until(self._listens, "mosquitto listens")
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(3 * PATIENCE_S)
            self.process = None

    def connections(self) -> int:
        """Established connections to the broker."""
        import psutil

        assert self.process is not None
        return sum(one.status == "ESTABLISHED" for one in psutil.Process(self.process.pid).net_connections())

    def log(self) -> str:
        return (self.directory / "mosquitto.log").read_text()

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def make_mosquitto(tmp_path_factory) -> Iterator[Callable[..., Mosquitto]]:
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")
    brokers: list[Mosquitto] = []

    def make(extra: str = "allow_anonymous true\n") -> Mosquitto:
        broker = Mosquitto(program, tmp_path_factory.mktemp("mosquitto"), extra=extra)
        brokers.append(broker)
        return broker.start()

    yield make
    for broker in brokers:
        broker.stop()


@pytest.fixture
def mosquitto(make_mosquitto) -> Mosquitto:
    return make_mosquitto()


def refuse_subscriptions(folder: Path, *allowed: str) -> str:
    """Lines of a configuration with which Mosquitto refuses subscriptions, except for these topics."""
    plugin = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
    if plugin is None:
        pytest.skip("mosquitto has no plugin mosquitto_dynamic_security")
    rules = [{"acltype": "subscribePattern", "topic": topic, "allow": True} for topic in allowed]
    security = {
        "defaultACLAccess": {
            "publishClientSend": True,
            "publishClientReceive": True,
            "subscribe": False,
            "unsubscribe": True,
        },
        "clients": [],
        "groups": [{"groupname": "all", "roles": [{"rolename": "some"}], "clients": []}],
        "roles": [{"rolename": "some", "acls": rules}],
        "anonymousGroup": "all",
    }
    file = folder / "dynamic-security.json"
    file.write_text(json.dumps(security))
    return f"allow_anonymous true\nplugin {plugin}\nplugin_opt_config_file {file}\n"


class Listener:
    """Subscribes to everything and keeps it in the order of arrival: (topic, payload, retained)."""

    def __init__(self, port: int, topic: str = "#") -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self.messages: list[tuple[str, bytes, bool]] = []
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, bytes(message.payload), bool(message.retain))
        )
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE_S)

    def payloads(self, topic: str) -> list[bytes]:
        return [payload for name, payload, _ in self.messages if name == topic]

    def last(self, topic: str) -> bytes | None:
        return next(iter(reversed(self.payloads(topic))), None)

    def send(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    listeners: list[Listener] = []

    def make(broker: Mosquitto, topic: str = "#") -> Listener:
        listeners.append(Listener(broker.port, topic))
        return listeners[-1]

    yield make
    for listener in listeners:
        listener.close()


@pytest.fixture
def start_and_listen(listen, monkeypatch) -> Callable[[Mosquitto], Listener]:
    """Start a broker so that the listener is there before a publisher that waits for it can say anything."""
    from emoedge.publish.connection import Connection

    def refuse(_connection: Connection) -> None:
        raise ConnectionRefusedError

    def start(broker: Mosquitto) -> Listener:
        with monkeypatch.context() as closed:
            closed.setattr(Connection, "open", refuse)
            broker.start()
            return listen(broker)

    return start


COUNT = 30


def entries(*seqs: int) -> list[Entry]:
    return [Entry(seq, "emoedge/x/event", b'{"n":%d}' % seq + b"x" * 600) for seq in seqs]


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A spool of which everything is still in the log, as after a SIGKILL."""
    spool = Spool(tmp_path / "made" / "spool.sqlite3", 1000)
    for seq in range(1, COUNT + 1):
        spool.append(entries(seq))
    path = tmp_path / "killed" / "spool.sqlite3"
    path.parent.mkdir()
    for source, target in ((spool.path, path), (log_of(spool.path), log_of(path))):
        target.write_bytes(source.read_bytes())
    spool.close()
    return path
