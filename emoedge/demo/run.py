"""The whole daemon on a clip, in real time, with a broker of its own where none answers."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from typing_extensions import Self

from emoedge.capture.media import probe
from emoedge.config import MqttSettings, Settings
from emoedge.demo.console import console
from emoedge.errors import BrokerError, MediaError, RecordingError
from emoedge.publish.messages import MessageBuilder
from emoedge.publish.publisher import Publisher
from emoedge.publish.sinks import Sink
from emoedge.supervise.assembly import assemble
from emoedge.supervise.daemon import Daemon
from emoedge.translation import tr
from emoedge.watch.lines import clock_of, disagreement, line_of
from emoedge.watch.subscription import Subscription
from emoedge.watch.words import word
from emoedge.worker_thread import WorkerThread

DEVICE: Final = "demo"
DEMO_SPEECH_MODEL: Final = "vosk-es-demo"
START_WAIT_S: Final = 300.0
"""Loading the models takes seconds; a slow board that does something else needs more."""
NOTICE_S: Final = 20.0
"""Seconds after which a message reports that a segment is being closed, which takes about one."""
FINISH_WAIT_S: Final = 300.0
"""Seconds in which a machine that is busy with something else encodes what waits."""

ORDER_S: Final = 3.0
"""Seconds for which lines are held, to print them in the order of their times."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """Result of the demo: the recording, and the number of messages of each topic."""

    recording: Path
    messages: dict[str, int]


def run_demo(
    settings: Settings, clip: Path, output: Path, say: Say, *, own_clip: bool, web: bool = False
) -> DemoResult:
    """Play a clip through the daemon and show what it publishes.

    Args:
        settings: the user's; sources, folders and device are replaced.
        clip: video with sound, video alone or sound alone.
        output: folder for the recording.
        say: told each readable line.
        own_clip: the clip is the user's, so the configured speech model is used; the bundled one speaks
            the few words of the demo model.
        web: whether the console runs beside it.

    Raises:
        MediaError: the clip cannot be read.
        BrokerError: no broker, and none can be started.
        RecordingError: the recording was not finished.
    """
    info = probe(clip)
    duration_s = info.duration_s or 0.0
    if info.still or duration_s <= 0:
        raise MediaError(tr("{clip}: not a clip with a duration", clip=clip), tr("use a video or audio file"))
    with ExitStack() as stack:
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emoedge-demo-")))
        mqtt, own_broker = stack.enter_context(_broker(settings.mqtt, say))
        settings = _demo_settings(
            settings, clip, output, state, mqtt, (info.has_video, info.has_audio), own_clip
        )
        if web:
            stack.enter_context(console(settings, state / "console", say))
        subscription = stack.enter_context(Subscription(mqtt, DEVICE))
        show = _Show(subscription, settings, say)
        stack.enter_context(show)
        daemon = Daemon(assemble(settings, _old_protocol if own_broker else None))
        daemon.start()
        try:
            _play(daemon, show, duration_s, say)
        finally:
            daemon.stop()
            time.sleep(0.3)  # the last messages are on their way
    if show.recording is None:
        raise RecordingError(
            tr("the recording was not finished: {failure}", failure=show.failure),
            tr("check that {output} can be written", output=output),
        )
    return DemoResult(show.recording, show.counts)


class _Show:
    """Prints what comes over the broker, in a thread, and takes note of the recording."""

    def __init__(self, subscription: Subscription, settings: Settings, say: Say) -> None:
        self._subscription = subscription
        self._language = settings.language
        self._say = say
        self._finished = threading.Event()
        self._thread = WorkerThread("demo-show", self._show)
        self._error: Exception | None = None
        self._waiting: list[tuple[str, float, str]] = []
        self._reason: str | None = None
        self._status = ""
        self.counts: dict[str, int] = {}
        self.recording: Path | None = None
        self.failure: str = tr("it was never started")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.stop(2)

    def wait_finished(self, timeout_s: float) -> bool:
        return self._finished.wait(timeout_s)

    def check(self) -> None:
        """Raise what has ended the thread, such as a reader of standard output that is gone."""
        if self._error is not None:
            raise self._error

    def _show(self) -> None:
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 - nothing is lost: it is raised again
            self._error = error  # by `check`, where the demonstration can end because of it
            self._finished.set()

    def _run(self) -> None:
        while not self._thread.stopping.is_set():
            received = self._subscription.take(0.2)
            if received is None:
                self._say_until(time.monotonic() - ORDER_S)
                continue
            self.counts[received.suffix] = self.counts.get(received.suffix, 0) + 1
            if received.suffix == "recording" and isinstance(received.payload, dict):
                self._note_recording(received.payload)
            self._note_lines(received.suffix, received.payload)
            self._say_until(time.monotonic() - ORDER_S)
        self._say_until(float("inf"))

    def _note_lines(self, suffix: str, payload: dict[str, Any] | str) -> None:
        if suffix.startswith("control/"):
            return
        if isinstance(payload, str):
            # A retained status is repeated by the one that is published at the start.
            if suffix == "status" and payload in ("online", "offline") and payload != self._status:
                self._status = payload
                clock = datetime.now().astimezone().isoformat(timespec="milliseconds")[11:21]
                self._waiting.append((clock, time.monotonic(), f"{clock}  {word(payload, self._language)}"))
            return
        line = line_of(suffix, payload, self._language)
        if not line:
            return
        self._waiting.append((clock_of(payload), time.monotonic(), line))
        if suffix == "emotion":
            reason = disagreement(payload, self._language)
            if reason and reason != self._reason:
                self._waiting.append((clock_of(payload), time.monotonic(), f"{'':24}{reason}"))
            self._reason = reason

    def _say_until(self, arrived_s: float) -> None:
        """Say what arrived before a moment, and all that is older, in the order of its times."""
        due = [when for when, arrival_s, _ in self._waiting if arrival_s <= arrived_s]
        if not due:
            return
        self._waiting.sort(key=lambda item: item[0])  # stable: at one moment, in the order of arrival
        for when, _, line in self._waiting:
            if when <= max(due):
                self._say(line)
        self._waiting = [item for item in self._waiting if item[0] > max(due)]

    def _note_recording(self, payload: dict[str, Any]) -> None:
        kind = payload.get("type")
        if kind == "finished" and payload.get("path"):
            self.recording = Path(payload["path"])
            self._finished.set()
        elif kind == "failed":
            self.failure = str(payload.get("reason"))
            self._finished.set()
        elif kind == "started":
            self.failure = tr("it did not end in time")


def _play(daemon: Daemon, show: _Show, duration_s: float, say: Say) -> None:
    ready_by_s = time.monotonic() + START_WAIT_S
    while not _ready(daemon):
        if time.monotonic() > ready_by_s:
            raise MediaError(tr("the clip could not be played"), tr("run: emoedge doctor"))
        daemon.look()
        time.sleep(0.1)
    daemon.parts.device.record(True, duration_s)
    end_s = time.monotonic() + duration_s
    while time.monotonic() < end_s:
        daemon.look()
        show.check()
        time.sleep(0.5)
    if not show.wait_finished(NOTICE_S):
        say(tr("this machine is busy or its disk is slow: waiting for the recording"))
        show.wait_finished(FINISH_WAIT_S)
    show.check()


def _ready(daemon: Daemon) -> bool:
    workers = [worker for worker in daemon.parts.capture if worker is not None]
    return all(worker.health().state == "ok" for worker in workers)


@contextmanager
def _broker(mqtt: MqttSettings, say: Say) -> Iterator[tuple[MqttSettings, bool]]:
    """The configured broker where it answers, else one of our own; and whether it is our own."""
    if mqtt.enabled and _answers(mqtt):
        say(tr("broker: {host}:{port}", host=mqtt.host, port=mqtt.port))
        yield mqtt, False
        return
    from emoedge.demo.broker import EmbeddedBroker

    with EmbeddedBroker() as broker:
        say(
            tr(
                "no broker at {host}:{port}; one runs in this process, on 127.0.0.1:{port2}",
                host=mqtt.host,
                port=mqtt.port,
                port2=broker.port,
            )
        )
        yield MqttSettings(host="127.0.0.1", port=broker.port, discovery=False), True


def _old_protocol(settings: Settings, builder: MessageBuilder) -> Sink:
    """Our own broker speaks MQTT 3.1.1 only; trying version 5 first would cost seconds."""
    return Publisher(settings, builder, first_protocol="3.1.1")


def _answers(mqtt: MqttSettings) -> bool:
    try:
        with socket.create_connection((mqtt.host, mqtt.port), timeout=1.0):
            pass
        with Subscription(mqtt, DEVICE):
            return True
    except (OSError, BrokerError):
        return False


def _demo_settings(
    settings: Settings,
    clip: Path,
    output: Path,
    state: Path,
    mqtt: MqttSettings,
    has: tuple[bool, bool],
    own_clip: bool,
) -> Settings:
    has_video, has_audio = has
    source = f"file:{clip.resolve()}"
    speech = settings.speech if own_clip else settings.speech.model_copy(update={"model": DEMO_SPEECH_MODEL})
    recording = {
        "mode": "manual",
        "dir": output.resolve(),
        "overlay": True,
        "min_free_bytes": 0,
        "keep_days": 0,
    }
    return settings.model_copy(
        update={
            "device_id": DEVICE,
            "camera": settings.camera.model_copy(update={"source": source if has_video else "none"}),
            "microphone": settings.microphone.model_copy(update={"source": source if has_audio else "none"}),
            "speech": speech,
            "mqtt": mqtt.model_copy(update={"discovery": False}),
            "publish": settings.publish.model_copy(update={"transcript": True}),
            "recording": settings.recording.model_copy(update=recording),
            "paths": settings.paths.model_copy(update={"state": state}),
        }
    )
