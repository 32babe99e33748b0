"""Load of many devices on one broker: `python -m benchmarks.broker --devices 200 --json FILE`.

Each simulated device publishes over MQTT 5 what the pipeline yields for one minute of the demo clip, at its
own phase, with the publisher's topics, retain flags and QoS, and a health message every 30 s. The broker is a
real Mosquitto on its own port. One subscriber receives everything, as Home Assistant would. Bytes and
messages are counted by the broker ($SYS), its processor time by the kernel.
"""

from __future__ import annotations

import argparse
import json
import selectors
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from heapq import heappop, heappush
from pathlib import Path
from typing import Any, Final

import numpy as np

from emoedge.bench.clips import DEMO_BEGIN_S, looped
from emoedge.bench.machine import describe_machine
from emoedge.bench.whole import BenchError, with_a_speech_model
from emoedge.config import Settings
from emoedge.demo.clip import ensure_demo_clip
from emoedge.pipeline.pipeline import Pipeline
from emoedge.process import PROC, Usage, resident_mb
from emoedge.publish.messages import MessageBuilder
from faults.surroundings import LOOPBACK, Mosquitto, program

MINUTE_S: Final = 60.0
HEALTH_EVERY_S: Final = 30.0
KEEP_ALIVE_S: Final = 60
RUN_S: Final = 60.0
COUNTERS: Final = ("messages/received", "bytes/received", "messages/sent", "bytes/sent")


@dataclass(frozen=True, slots=True)
class Said:
    """One message of a device, with its time in the minute."""

    at_s: float
    suffix: str
    payload: bytes
    retain: bool
    qos: int


def script() -> list[Said]:
    """Return the messages of one device in a minute."""
    settings = with_a_speech_model(Settings())
    with tempfile.TemporaryDirectory(prefix="emoedge-bench-") as folder:
        clip = looped(ensure_demo_clip(), Path(folder) / "clip.mp4", MINUTE_S, DEMO_BEGIN_S)
        pipeline = Pipeline(settings)
        builder = MessageBuilder.for_replay(settings, pipeline.clock)
        messages = [builder.outcome(outcome) for outcome in pipeline.replay(clip)]
    said = [
        # The same as the publisher: a message that is neither a state nor spooled may be lost.
        Said(
            message.time_s,
            message.suffix,
            message.encode(),
            message.retain,
            int(message.retain or message.spool),
        )
        for message in messages
        if message.suffix != "health" and message.time_s < MINUTE_S
    ]
    health = next(message for message in reversed(messages) if message.suffix == "health")
    beats = np.arange(0.0, MINUTE_S, HEALTH_EVERY_S)
    said += [Said(float(at_s), health.suffix, health.encode(), health.retain, 1) for at_s in beats]
    return sorted(said, key=lambda one: one.at_s)


class Device:
    """MQTT client, driven by the loop in `simulate`."""

    def __init__(self, index: int, port: int) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        self.base = f"emoedge/device-{index:03d}"
        self.client = Client(
            CallbackAPIVersion.VERSION2, f"device-{index:03d}", protocol=MQTTProtocolVersion.MQTTv5
        )
        self.client.will_set(f"{self.base}/status", "offline", qos=1, retain=True)
        self.client.connect(LOOPBACK, port, keepalive=KEEP_ALIVE_S)

    def say(self, said: Said) -> None:
        """Publish with the publisher's QoS."""
        self.client.publish(f"{self.base}/{said.suffix}", said.payload, qos=said.qos, retain=said.retain)


def simulate(devices: int, run_s: float) -> dict[str, Any]:
    """Simulate a number of devices for some seconds.

    Raises:
        Skipped: Mosquitto is not installed.
    """
    said = script()
    with tempfile.TemporaryDirectory(prefix="emoedge-broker-") as folder:
        access = "allow_anonymous true\nsys_interval 1"
        broker = Mosquitto(Path(folder), access=access, options=())
        broker.start()
        try:
            assert broker.process is not None
            return _talk(devices, said, broker.port, PROC / str(broker.process.pid), run_s)
        finally:
            broker.kill()


def _talk(devices: int, said: list[Said], port: int, proc: Path, run_s: float) -> dict[str, Any]:
    listener = subprocess.Popen(
        [
            program("mosquitto_sub", "mosquitto-clients"),
            "-h",
            LOOPBACK,
            "-p",
            str(port),
            "-t",
            "emoedge/#",
            "-q",
            "1",
        ],
        stdout=subprocess.DEVNULL,
    )
    counters = _Counters(port)
    selector = selectors.DefaultSelector()
    everyone = [Device(index, port) for index in range(devices)]
    for device in everyone:
        socket = device.client.socket()
        assert socket is not None, "not connected"
        selector.register(socket, selectors.EVENT_READ, device)
    phases = np.random.default_rng(1).uniform(0, MINUTE_S, devices)
    due: list[tuple[float, int, int, Said]] = []
    for index, phase in enumerate(phases):  # a device that starts in mid-minute continues from there
        for order, one in enumerate(said):
            heappush(due, ((one.at_s - phase) % MINUTE_S, index, order, one))
    _serve(selector, everyone, 1.0)
    resting, before_rest = Usage.read(proc), counters.read(selector, everyone)
    time.sleep(0.1)
    begun_s = time.monotonic()
    sent, lag_s = 0, 0.0
    while due and (due[0][0] < run_s):
        at_s, index, order, one = heappop(due)
        wait_s = begun_s + at_s - time.monotonic()
        if wait_s > 0:
            _serve(selector, everyone, wait_s)
        else:
            lag_s = max(lag_s, -wait_s)
            if sent % 200 == 0:
                _serve(selector, everyone, 0.0)
        everyone[index].say(one)
        sent += 1
        heappush(due, (at_s + MINUTE_S, index, order, one))
    _serve(selector, everyone, 3.0)
    passed_s = time.monotonic() - begun_s
    used, after = Usage.read(proc).since(resting), counters.read(selector, everyone)
    resident = resident_mb(proc)
    for device in everyone:
        device.client.disconnect()
    listener.terminate()
    listener.wait()
    counters.close()
    hours = devices * run_s / 3600
    figures = {name: after[name] - before_rest[name] for name in COUNTERS}
    return {
        "devices": devices,
        "run_s": run_s,
        "passed_s": round(passed_s, 1),
        "latest_s": round(lag_s, 2),
        "published": sent,
        "published_per_device_hour": round(sent / hours),
        "payload_bytes_per_device_hour": round(sum(len(one.payload) for one in said) * 60),
        "by_topic_per_device_hour": _by_topic(said),
        "broker": {
            **{name.replace("/", "_"): round(value) for name, value in figures.items()},
            "bytes_received_per_device_hour": round(figures["bytes/received"] / hours),
            "bytes_sent_per_device_hour": round(figures["bytes/sent"] / hours),
            "cpu_s": round(used.cpu_s, 3),
            "cpu_s_per_device_hour": round(used.cpu_s / hours, 4),
            "cpu_us_per_message": round(used.cpu_s / max(sent, 1) * 1e6, 1),
            "cpu_cores": round(used.cpu_s / run_s, 4),
            "resident_mb": resident,
        },
    }


def _by_topic(said: list[Said]) -> dict[str, dict[str, int]]:
    topics: dict[str, dict[str, int]] = {}
    for one in said:
        topic = topics.setdefault(one.suffix, {"messages": 0, "payload_bytes": 0})
        topic["messages"] += 60
        topic["payload_bytes"] += 60 * len(one.payload)
    return topics


def _serve(selector: selectors.BaseSelector, everyone: list[Device], seconds: float) -> None:
    """Process the broker's answers for some seconds."""
    end_s = time.monotonic() + seconds
    while True:
        for key, _events in selector.select(max(0.0, end_s - time.monotonic())):
            key.data.client.loop_read()
            if key.data.client.want_write():
                key.data.client.loop_write()
        if time.monotonic() >= end_s:
            break
    for device in everyone[:: max(1, len(everyone) // 10)]:
        device.client.loop_misc()


class _Counters:
    """Counters of the broker."""

    def __init__(self, port: int) -> None:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        self._values: dict[str, tuple[float, float]] = {}
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe("$SYS/broker/#")
        self._client.connect(LOOPBACK, port)
        self._client.loop_start()

    def _hear(self, _client: Any, _data: Any, message: Any) -> None:
        name = message.topic.removeprefix("$SYS/broker/")
        if name in COUNTERS:
            self._values[name] = (time.monotonic(), float(message.payload))

    def read(self, selector: selectors.BaseSelector, everyone: list[Device]) -> dict[str, float]:
        """Return the present counters; Mosquitto publishes changed counters once a second."""
        _serve(selector, everyone, 2.2)
        if set(self._values) != set(COUNTERS):
            raise BenchError("the broker does not publish its counters ($SYS)")
        return {name: value for name, (_at_s, value) in self._values.items()}

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def main() -> int:
    """Simulate the devices and write the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.broker", description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, nargs="+", default=[10, 50, 100, 200])
    parser.add_argument("--seconds", type=float, default=RUN_S)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    runs = []
    for count in options.devices:
        print(f"measuring: {count} devices", file=sys.stderr)
        runs.append(simulate(count, options.seconds))
    mosquitto = subprocess.run(
        [program("mosquitto", "mosquitto"), "-h"], capture_output=True, text=True, check=False
    )
    result = {
        "schema": 1,
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": describe_machine()
        | {"broker": mosquitto.stdout.splitlines()[0] if mosquitto.stdout else None},
        "runs": runs,
    }
    options.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
