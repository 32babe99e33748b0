"""`emoedge run` as it is, looked at from outside: start-up, latencies, memory, context switches, rest.

The daemon plays a clip in real time as a process of its own; a broker on the loopback carries what it says: Mosquitto
where it is installed, else the one inside `emoedge[demo]`. Processor time and memory come from /proc.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, Final

from emoedge.bench.measure import short
from emoedge.bench.whole import BenchError
from emoedge.config import Settings
from emoedge.latency import SHARES, quantiles_ms
from emoedge.process import Usage, peak_mb, resident_mb

LOOPBACK: Final = "127.0.0.1"
DEVICE: Final = "bench"
FACE_HZ: Final = 30.0
"""Every picture that is looked at is published, which is ten a second; a limit of ten would leave out those that come early."""
START_LIMIT_S: Final = 120.0
"""A slow board, emulated, with a cold disk."""
SETTLE_S: Final = 5.0
"""After the first result: models of the other modalities are loaded, pages are touched."""
PRIVACY_SETTLE_S: Final = 3.0
STOP_LIMIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as it arrived; `at_s` on time.monotonic(), `wall_s` on time.time()."""

    at_s: float
    wall_s: float
    topic: str
    payload: bytes

    def json(self) -> dict[str, Any]:
        """The payload."""
        value: dict[str, Any] = json.loads(self.payload)
        return value


def live(settings: Settings, clip: Path, window_s: float = 20.0, rest_s: float = 15.0) -> dict[str, Any]:
    """Two runs of the daemon: everything on, then at rest; and no speech recognition, then recording, then not again.

    Args:
        settings: folder and name of the models are taken from it; all else is default.
        clip: played in real time, round and round.
        window_s: how long each run is looked at; best the length of the clip.
        rest_s: how long it is looked at with privacy on.

    Raises:
        BenchError: no broker, or the daemon does not start.
    """
    with ExitStack() as stack:
        port = stack.enter_context(broker())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emoedge-bench-")))

        def daemon(name: str, **changed: str) -> ObservedDaemon:
            (folder / name).mkdir()
            return ObservedDaemon(settings, clip, port, folder / name, changed)

        everything = _run(daemon("all"), window_s, rest_s=rest_s)
        without = _run(daemon("silent", EMOEDGE_SPEECH__ENABLED="false"), window_s, record=True)
    starts = (everything, without)
    return {
        **everything,
        # The better of two: what else the machine does can only make a start slower.
        "first_face_s": min(one["first_face_s"] for one in starts),
        "first_face_cpu_s": min(one["first_face_cpu_s"] for one in starts),
        "window_s": window_s,
        "peak_mb_without_speech": without["peak_mb"],
        "peak_mb_of_speech": short(everything["peak_mb"] - without["peak_mb"], 1),
        "cpu_cores_without_speech": without["cpu_cores"],
        "cpu_cores_of_recording": without["cpu_cores_of_recording"],
        "peak_mb_with_recording_without_speech": without["peak_mb_with_recording"],
    }


class ObservedDaemon:
    """`emoedge run` with a configuration of its own, and who hears it."""

    def __init__(
        self, settings: Settings, clip: Path, port: int, folder: Path, changed: dict[str, str]
    ) -> None:
        config = folder / "emoedge.toml"
        config.touch()
        values = {
            "DEVICE_ID": DEVICE,
            "CAMERA__SOURCE": f"file:{clip}",
            "MICROPHONE__SOURCE": f"file:{clip}",
            "MQTT__HOST": LOOPBACK,
            "MQTT__PORT": str(port),
            "PUBLISH__FACE_HZ": str(FACE_HZ),
            "RECORDING__MODE": "off",
            "RECORDING__DIR": str(folder / "recordings"),
            "RECORDING__MIN_FREE_BYTES": "0",
            "PATHS__STATE": str(folder / "state"),
            "PATHS__MODELS": str(settings.paths.models),
            "SPEECH__MODEL": settings.speech.model,
        }
        self._environment = {k: v for k, v in os.environ.items() if not k.startswith("EMOEDGE_")}
        self._environment |= {f"EMOEDGE_{name}": value for name, value in values.items()} | changed
        self._command = [sys.executable, "-m", "emoedge", "run", "--config", str(config)]
        self._log = folder / "log"
        self._port = port
        self.heard: list[Heard] = []

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start it, listen, and end it; BenchError when it dies."""
        from paho.mqtt.client import Client, MQTTMessage
        from paho.mqtt.enums import CallbackAPIVersion

        def hear(_client: Client, _data: Any, message: MQTTMessage) -> None:
            self.heard.append(Heard(time.monotonic(), time.time(), message.topic, bytes(message.payload)))

        client = Client(CallbackAPIVersion.VERSION2)
        client.on_message = hear
        client.on_connect = lambda client, *_: client.subscribe(f"emoedge/{DEVICE}/#", qos=1)
        client.connect(LOOPBACK, self._port)
        client.loop_start()
        self._client = client
        with self._log.open("wb") as log:
            process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            client.disconnect()
            client.loop_stop()

    def send(self, suffix: str, value: str) -> None:
        """Publish a command."""
        self._client.publish(f"emoedge/{DEVICE}/{suffix}", value, qos=1).wait_for_publish(5)

    def on(self, suffix: str) -> list[Heard]:
        """All on one topic."""
        return [one for one in list(self.heard) if one.topic == f"emoedge/{DEVICE}/{suffix}"]

    def log(self) -> str:
        """The last line that it wrote."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _run(
    daemon: ObservedDaemon, window_s: float, *, rest_s: float = 0.0, record: bool = False
) -> dict[str, Any]:
    begun_s = time.monotonic()
    with daemon.running() as process:

        def first() -> Heard | None:
            if process.poll() is not None:
                raise BenchError(f"emoedge run ended: {daemon.log()}", "run: emoedge doctor")
            return next((one for one in daemon.on("face") if one.json()["faces"]), None)

        found = wait_for(first, "a face is published")
        proc = Path("/proc") / str(process.pid)
        starting = Usage.read(proc)
        time.sleep(SETTLE_S)
        before, window_begun_s = Usage.read(proc), time.monotonic()
        time.sleep(window_s)
        used, window_end_s = Usage.read(proc).since(before), time.monotonic()
        result: dict[str, Any] = {
            "first_face_s": short(found.at_s - begun_s, 3),
            "first_face_cpu_s": short(starting.cpu_s, 3),
            "cpu_cores": short(used.cpu_s / (window_end_s - window_begun_s)),
            "peak_mb": peak_mb(proc),
            "resident_mb": resident_mb(proc),
            "threads": sum(1 for _ in (proc / "task").iterdir()),
            "voluntary_switches_per_s": short(used.voluntary / window_s, 1),
            "involuntary_switches_per_s": short(used.involuntary / window_s, 1),
        }
        times = (window_begun_s, window_end_s)
        result |= _delays("capture_to_publish", daemon.on("face"), times, "time")
        result |= _delays("end_of_speech_to_text", daemon.on("text"), times, "end")
        if record:
            result |= _recording(daemon, proc, window_s, result["cpu_cores"])
        if rest_s:
            daemon.send("control/privacy/set", "ON")
            wait_for(
                lambda: [one for one in daemon.on("control/privacy") if one.payload == b"ON"], "privacy is on"
            )
            time.sleep(PRIVACY_SETTLE_S)
            before, window_begun_s = Usage.read(proc), time.monotonic()
            time.sleep(rest_s)
            idle = Usage.read(proc).since(before)
            result["privacy_cpu_cores"] = short(idle.cpu_s / (time.monotonic() - window_begun_s), 5)
            result["privacy_switches_per_s"] = short(idle.voluntary / rest_s, 1)
        return result


def _recording(daemon: ObservedDaemon, proc: Path, window_s: float, before_cores: float) -> dict[str, Any]:
    """What continuous recording adds: over the mean of the windows before and after it, in the same process."""
    cores = []
    for mode in ("continuous", "off"):
        daemon.send("control/recording_mode/set", mode)
        wait_for(
            partial(_is_mode, daemon, mode),
            f"recording is {mode}",
        )
        time.sleep(SETTLE_S)
        before, begun_s = Usage.read(proc), time.monotonic()
        time.sleep(window_s)
        cores.append(Usage.read(proc).since(before).cpu_s / (time.monotonic() - begun_s))
    return {
        "cpu_cores_of_recording": short(cores[0] - (before_cores + cores[1]) / 2),
        "peak_mb_with_recording": peak_mb(proc),
    }


def _is_mode(daemon: ObservedDaemon, mode: str) -> bool:
    return any(one.payload == mode.encode() for one in daemon.on("control/recording_mode")[-1:])


def _delays(name: str, heard: list[Heard], window: tuple[float, float], key: str) -> dict[str, Any]:
    """From a payload's time to the moment it reached the subscriber: quantiles and how many there were."""
    taken = [one.wall_s - wall_s(one.json()[key]) for one in heard if window[0] <= one.at_s < window[1]]
    if not taken:
        return {f"{name}_count": 0}
    figures = {f"{name}_{key}_ms": short(value, 1) for key, value in quantiles_ms(taken, *SHARES).items()}
    return {f"{name}_count": len(taken), **figures}


def wall_s(stamp: str) -> float:
    """Seconds since 1970 of an RFC 3339 time in UTC, as payloads have it."""
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """The first true answer of a condition; BenchError where it does not come."""
    end_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end_s:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise BenchError(f"after {START_LIMIT_S:.0f} s still not: {what}", "run: emoedge doctor")


@contextmanager
def broker() -> Iterator[int]:
    """A broker of our own on a free port of the loopback; its port.

    Raises:
        BenchError: neither Mosquitto nor the extra `demo` is installed.
    """
    # Debian keeps daemons where only root's PATH looks.
    mosquitto = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if mosquitto is None:
        from emoedge.demo.broker import EmbeddedBroker
        from emoedge.errors import BrokerError

        try:
            with EmbeddedBroker() as embedded:
                yield embedded.port
        except BrokerError as error:
            raise BenchError(f"no broker: {error}", "apt install mosquitto") from error
        return
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="emoedge-broker-") as folder:
        config = Path(folder) / "mosquitto.conf"
        config.write_text(
            f"listener {port} {LOOPBACK}\nallow_anonymous true\npersistence false\nuser root\n",
            encoding="utf-8",
        )
        process = subprocess.Popen(
            [mosquitto, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_for(lambda: listens(port), "mosquitto listens")
            yield port
        finally:
            process.terminate()
            process.wait()


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
