"""`emoedge watch` in a terminal of 80 x 24 and in a pipe, with a real broker."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import queue
import re
import struct
import subprocess
import sys
import termios
import time
from dataclasses import dataclass

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from emoedge.clock import MediaClock
from emoedge.publish.messages import MessageBuilder

from .test_view import fused

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Device:
    """The other end: publishes, and takes down what is sent to it."""

    client: mqtt.Client
    commands: queue.Queue

    def say(self, suffix: str, payload: str) -> None:
        self.client.publish(f"emoedge/sala/{suffix}", payload, qos=1, retain=True).wait_for_publish(20)


@pytest.fixture
def broker():
    pytest.importorskip("amqtt")
    from emoedge.demo.broker import EmbeddedBroker

    with EmbeddedBroker() as one:
        yield one


@pytest.fixture
def device(broker):
    commands: queue.Queue = queue.Queue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _u, m: commands.put((m.topic, m.payload.decode()))
    client.connect("127.0.0.1", broker.port)
    client.subscribe("emoedge/sala/control/+/set", qos=1)
    client.loop_start()
    one = Device(client, commands)
    one.say("status", "online")
    one.say("control/record", "OFF")
    one.say("control/privacy", "OFF")
    one.say("emotion", json.dumps(MessageBuilder("sala", MediaClock()).outcome(fused()).payload))
    yield one
    client.loop_stop()
    client.disconnect()


def command(broker) -> list[str]:
    place = ["--host", "127.0.0.1", "--port", str(broker.port), "--device", "sala"]
    return [sys.executable, "-m", "emoedge", "watch", *place]


def test_bars_and_keys_in_a_terminal(broker, device):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(command(broker), stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    os.set_blocking(ours, False)
    screen = ""

    def until(text: str) -> None:
        nonlocal screen
        deadline = time.monotonic() + 120
        while text not in SEQUENCE.sub("", screen):
            assert process.poll() is None, screen
            assert time.monotonic() < deadline, screen
            try:
                screen += os.read(ours, 65536).decode(errors="replace")
            except BlockingIOError:
                time.sleep(0.05)

    try:
        until("ALEGRÍA 70 %")
        until("q: salir")
        os.write(ours, b"r")
        assert device.commands.get(timeout=120) == ("emoedge/sala/control/record/set", "ON")
        device.say("control/record", "ON")
        until("grabar ON")
        os.write(ours, b"rp")  # two keys at once
        assert device.commands.get(timeout=120) == ("emoedge/sala/control/record/set", "OFF")
        assert device.commands.get(timeout=120) == ("emoedge/sala/control/privacy/set", "ON")
        os.write(ours, b"q")
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_lines_of_what_was_kept_are_in_the_order_of_their_times(broker, device):
    kept = {
        "recording": {"time": "2026-11-22T09:30:02Z", "type": "finished", "path": "second"},
        "snapshot": {"time": "2026-11-22T09:30:01Z", "path": "first"},
        "health": {"time": "2026-11-22T09:30:03Z", "state": "third"},
    }
    for suffix, payload in kept.items():
        device.say(suffix, json.dumps(payload))
    process = subprocess.Popen([*command(broker), "--lines"], stdout=subprocess.PIPE, text=True)
    lines: list[str] = []
    try:
        while "alegría 70 %" not in "".join(lines):
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended"
        device.say("snapshot", json.dumps({"time": "2026-11-22T10:00:00Z", "path": "last"}))
        while not lines[-1].rstrip().endswith("last"):
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    timed = [line.split()[-1] for line in lines if line.split()[-1] in ("first", "second", "third", "last")]
    assert timed == ["first", "second", "third", "last"]
    assert sum(line.startswith("status") for line in lines) == 1, lines


def test_plain_lines_in_a_pipe(broker, device):
    process = subprocess.Popen(command(broker), stdout=subprocess.PIPE, text=True)
    try:
        line = ""
        while "alegría 70 %" not in line:
            line = process.stdout.readline()
            assert line, "it ended"
        assert "\x1b" not in line
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
