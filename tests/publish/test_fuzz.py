"""Damaged spools, discovery records and MQTT packets: no error that was not foreseen, and nothing hangs."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from emoedge.config import Settings
from emoedge.publish.announced_store import ANNOUNCED_FILE, AnnouncedStore
from emoedge.publish.command_queue import CommandQueue
from emoedge.publish.connection import Connection, Terms
from emoedge.publish.control import CONTROL_NAMES, Command
from emoedge.publish.homeassistant import discovery_messages, platforms, withdrawals
from emoedge.publish.limits import BrokerLimits
from emoedge.publish.messages import to_json
from emoedge.publish.spool import Spool, SpoolError
from emoedge.publish.spool_entry import Entry
from tests.mutation import INPUTS, mutate

from .conftest import PATIENCE_S
from .samples import builder

BASE = "emoedge/fuzz"


@pytest.fixture(autouse=True)
def no_traceback(caplog, monkeypatch) -> Iterator[None]:
    """No thread ends with an error, and none is logged with a traceback."""
    ended: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", ended.append)
    caplog.set_level(logging.WARNING)
    yield
    assert [str(one.exc_value) for one in ended] == []
    assert [one.getMessage() for one in caplog.records if one.exc_info] == []


def spool_files(folder: Path) -> dict[str, bytes]:
    """A spool with messages in the database and in its log, as a power cut leaves them."""
    spool = Spool(folder / "spool.sqlite3", 1000)
    for number in range(1, 60):
        spool.append([Entry(number, f"{BASE}/event", json.dumps({"id": number, "x": "é" * 40}).encode())])
        if number == 40:
            spool.close()  # moves the log into the database
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    spool.close()
    assert sorted(files) == ["spool.sqlite3", "spool.sqlite3-wal"]
    return files


@INPUTS
def test_spools(tmp_path, inputs):
    """Whatever is in the files: what comes out is whole, what is put in is kept, a fault is a SpoolError."""
    good_folder, folder = tmp_path / "good", tmp_path / "damaged"
    good_folder.mkdir()
    folder.mkdir()
    good, dice = spool_files(good_folder), Random(1)
    written = {f"{BASE}/event"}
    for number in range(inputs):
        for path in folder.iterdir():
            path.unlink()
        hit = dice.choice(("spool.sqlite3", "spool.sqlite3-wal", ""))
        for name, data in good.items():
            (folder / name).write_bytes(mutate(data, dice) if name == hit or not hit else data)
        spool = Spool(folder / "spool.sqlite3", 1000)
        with contextlib.suppress(SpoolError):
            found, seq = list[Entry](), 0
            while entries := spool.after(seq, 50):
                assert entries[0].seq > seq, f"input {number} goes round"
                seq = entries[-1].seq
                found += entries
            assert {entry.topic for entry in found} <= written, f"input {number}"
            assert all(json.loads(entry.payload)["x"] == "é" * 40 for entry in found)
            new = Entry(spool.last_seq() + 1, f"{BASE}/event", b"{}")
            spool.append([new])
            assert spool.after(new.seq - 1, 9) == [new], f"input {number}"
            assert (spool.depth() >= 1, spool.dropped() >= 0, spool.lost >= 0) == (True, True, True)
            spool.delete([entry.seq for entry in found])
        spool.close()


@INPUTS
def test_discovery_records(tmp_path, inputs):
    """Whatever is in the file: what is announced and emptied because of it can be published."""
    settings = Settings(device_id="fuzz")
    messages = discovery_messages(settings)
    store = AnnouncedStore(tmp_path)
    store.save({topic: platforms(payload) for topic, payload in messages.items()})
    path, dice = tmp_path / ANNOUNCED_FILE, Random(2)
    good = path.read_bytes()
    for _ in range(inputs):
        path.write_bytes(mutate(good, dice))
        previous = store.load()
        for topic in previous:
            assert re.fullmatch(r"[^+#\x00-\x20\x7f-\x9f]+", topic)
            topic.encode()
        for payload in withdrawals(messages, previous).values():
            to_json(payload).encode()


@INPUTS
def test_commands(inputs):
    """Whatever is sent to whatever control: it is carried out, refused or ignored, and the thread goes on."""
    carried_out: list[Command] = []
    done = threading.Event()

    def handle(command: Command) -> None:
        carried_out.append(command)
        if command == Command("margin", 0.123):
            done.set()

    commands, dice = CommandQueue(builder(), lambda message: message.encode()), Random(3)
    commands.handler = handle
    commands.start()
    good = (b"ON", b"OFF", b"ON 3600", b"0.25", b"PRESS", b"continuous", b"60")
    names = [*CONTROL_NAMES, "", "error", "x" * 300, "\x00", "ñ"]
    for _ in range(inputs):
        payload = mutate(dice.choice(good), dice, good)
        commands.take(dice.choice(names), payload, retained=dice.random() < 0.3)
    commands.take("margin", b"0.123", retained=False)
    assert done.wait(PATIENCE_S)
    commands.stop()
    for command in carried_out:
        if command.name in ("face_weight", "margin"):
            assert isinstance(command.value, float)
            assert 0 <= command.value <= 1


def packet(kind: int, body: bytes) -> bytes:
    """One MQTT packet; bodies are short here."""
    assert len(body) < 16_384
    length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) % 128 | 0x80, len(body) // 128])
    return bytes([kind]) + length + body


def publication(topic: str, payload: bytes, *, v5: bool) -> bytes:
    name = topic.encode()
    return packet(0x32, len(name).to_bytes(2, "big") + name + b"\0\7" + (b"\0" if v5 else b"") + payload)


def conversation(*, v5: bool) -> bytes:
    """What a broker says: CONNACK, SUBACK, commands, PUBACK, PINGRESP, DISCONNECT."""
    none = b"\0" if v5 else b""
    connack = packet(0x20, b"\0\0" + (b"\x08\x21\0\x14\x27\0\1\0\0" if v5 else b""))
    return (
        connack
        + packet(0x90, b"\0\1" + none + b"\1")
        + publication(f"{BASE}/control/margin/set", b"0.25", v5=v5)
        + publication("homeassistant/status", b"online", v5=v5)
        + publication(f"{BASE}/control/margin/set", b"x" * 9_000, v5=v5)
        + packet(0x40, b"\0\2")
        + packet(0xD0, b"")
        + (packet(0xE0, b"\x8b\0") if v5 else b"")
    )


class Listener:
    """Takes what a session would; counts."""

    def __init__(self) -> None:
        self.taken = 0

    def __getattr__(self, name: str):
        def take(*_: object, **__: object) -> None:
            self.taken += 1

        return take


@INPUTS
def test_mqtt_packets(inputs, monkeypatch):
    """Whatever a broker says: the connection goes on or ends with a reason, and its threads end."""
    from emoedge.publish import connection

    monkeypatch.setitem(connection.CONNACK_TIMEOUT_S, "5", PATIENCE_S)
    dice, listener = Random(4), Listener()
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings = Settings.model_validate(
            {"mqtt": {"host": "127.0.0.1", "port": server.getsockname()[1]}, "device_id": "fuzz"}
        )
        topics = (f"{BASE}/control/+/set", "homeassistant/status")
        for _ in range(inputs):
            protocol = dice.choice(("5", "3.1.1"))
            said = mutate(conversation(v5=protocol == "5"), dice)
            terms = Terms(settings.mqtt, "fuzz", f"{BASE}/status", topics, listener)
            one = Connection(terms, protocol, listener, BrokerLimits())
            one.open()
            peer, _ = server.accept()
            with peer:
                with contextlib.suppress(OSError):
                    for part in range(0, len(said), 700):
                        peer.sendall(said[part : part + 700])
                    peer.shutdown(socket.SHUT_WR)
                end = one.wait()
                one.join()
            assert end.detail
    assert listener.taken > inputs / 10, "some of it was understood"
