"""Builds the parts of the daemon and connects them.

camera ─> slot ─> face ─────────────────────────┐
microphone ─> queue ─> activity ─┬─> voice ─────┼─> decisions ─> publisher, recorder, history
                                 └─> text ──────┘
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from emoedge.capture.capture_threads import CameraWorker, make_camera_worker, make_microphone_worker
from emoedge.clock import Clock, SystemClock
from emoedge.config import Settings
from emoedge.history.recorder import HistoryRecorder
from emoedge.observations import Box
from emoedge.outcomes import RecordingChange
from emoedge.pipeline.decisions import DecisionStage
from emoedge.pipeline.perception import learned_fusion, load_confidence
from emoedge.provenance import describe
from emoedge.publish.control import Command
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.publish.metrics import MetricsFile
from emoedge.publish.publisher import Publisher
from emoedge.publish.sinks import NoSink, Sink
from emoedge.record.recorder import Recorder
from emoedge.record.snapshots import Snapshots
from emoedge.supervise.adaptation import AdaptationStore
from emoedge.supervise.child_jobs import ChildJobs
from emoedge.supervise.controls import Controls
from emoedge.supervise.decision_thread import DecisionThread
from emoedge.supervise.device import Device
from emoedge.supervise.episode_images import EpisodeImages
from emoedge.supervise.feed import Feed
from emoedge.supervise.forget import Forgetter
from emoedge.supervise.gpio import Gpio
from emoedge.supervise.load_control import LoadControl
from emoedge.supervise.machine import MachineMonitor
from emoedge.supervise.overrides import OverrideStore
from emoedge.supervise.picture import PictureFeed
from emoedge.supervise.placement import PlacementWatch
from emoedge.supervise.recording_requests import RecordingRequests
from emoedge.supervise.socket_service import SocketService
from emoedge.supervise.stage_thread import StageThread
from emoedge.supervise.stages import Capture, build_stages

EVENT_MARGIN_S: Final = 1.0
"""An event is known when it has held for its shortest duration, and one tick and a busy moment later."""

MakeSink = Callable[[Settings, MessageBuilder], Sink]
MakeCapture = Callable[[Settings], Capture]


@dataclass(frozen=True)
class Parts:
    """Everything that the daemon starts, watches and stops; connected, not started.

    Attributes:
        settings: as configured, with what commands have changed.
        publish: to the broker, and to the clients of the socket.
    """

    settings: Settings
    clock: Clock
    builder: MessageBuilder
    sink: Sink
    controls: Controls
    device: Device
    capture: Capture
    stages: list[StageThread[Any]]
    decisions: DecisionThread
    recorder: Recorder
    history: HistoryRecorder
    load_control: LoadControl
    adaptation: AdaptationStore
    metrics: MetricsFile
    machine: MachineMonitor
    gpio: Gpio
    publish: Callable[[Message], None]
    socket: SocketService


def assemble(
    configured: Settings,
    make_sink: MakeSink | None = None,
    make_capture: MakeCapture | None = None,
    clock: Clock | None = None,
) -> Parts:
    """Build all parts.

    Args:
        configured: the configuration.
        make_sink: where messages go; over MQTT by default.
        make_capture: camera and microphone; those of the configuration by default.
        clock: the system's by default.
    """
    clock = clock or SystemClock()
    builder = MessageBuilder(
        configured.device_id,
        clock,
        transcript=configured.publish.transcript,
        language=configured.language,
        run=uuid.uuid4().hex[:8],
    )
    sink = (make_sink or _mqtt)(configured, builder)
    metrics = MetricsFile(configured.metrics.textfile, configured.device_id)
    camera, microphone = capture = (make_capture or _configured_capture)(configured)

    def publish(message: Message) -> None:
        sink.publish(message)
        feed.publish(message)
        metrics.publish(message)

    ignored = tuple(Box(*part) for part in configured.face.ignore)
    picture = PictureFeed(
        builder, clock, publish, lambda: _camera_fault(camera), configured.language, ignored
    )
    with_words = builder.with_words() if configured.web.transcript else None
    feed = Feed(builder, clock, picture.offer_faces, with_words)
    children = ChildJobs(configured, feed.tell)
    placement = PlacementWatch()

    images = EpisodeImages(builder, sink.publish, clock.now_s, enabled=configured.publish.image)

    def hold(on: bool) -> None:
        picture.set_private(on)
        images.set_private(on)
        children.set_private(on)
        placement.set_private(on)
        sink.hold(on)

    def on_change(change: RecordingChange) -> None:
        publish(builder.outcome(change))

    store = OverrideStore(configured.paths.state)
    overrides = store.load()
    settings = overrides.apply(configured)
    recorder = Recorder(
        settings.recording,
        clock=clock,
        fps=settings.camera.fps,
        language=settings.language,
        describe=lambda: describe(settings),
        on_change=on_change,
        expects_video=settings.camera.source != "none",
        expects_sound=settings.microphone.source != "none",
        event_lag_s=settings.events.min_duration_s + EVENT_MARGIN_S,
    )
    stage = DecisionStage(
        settings,
        lambda _started_s: uuid.uuid4().hex[:16],
        learned_fusion(settings),
        load_confidence(settings),
    )
    history = HistoryRecorder(settings.history, settings.paths.state, clock, settings.zone)
    decisions = DecisionThread(stage, builder, clock, publish, recorder, history, feed, images)
    load_control = LoadControl(settings)
    snapshots = Snapshots(settings.recording.dir, settings.recording.keep_days)
    workers = tuple(worker for worker in capture if worker is not None)
    adaptation = AdaptationStore(settings.paths.state)
    device = Device(
        workers,
        recorder,
        history,
        decisions,
        load_control,
        snapshots,
        clock,
        images.on_snapshot,
        adaptation.forget_faces,
        hold,
    )
    if camera is not None:
        for tap in (device.see, picture.offer_frame, placement.offer_frame, images.offer_frame):
            camera.add_tap(tap)
    if microphone is not None:
        microphone.add_tap(recorder.offer_sound)
        microphone.add_tap(feed.offer_sound)
    listeners = (feed.offer_activity, history.offer_activity)
    stages = build_stages(settings, capture, load_control, adaptation, device.observe, listeners)
    controls = Controls(configured, device, store, overrides, builder, clock, publish)
    sink.attach(controls.handle, controls.states)
    machine = MachineMonitor(settings.recording.dir)

    def toggle_privacy() -> None:
        controls.handle(Command("privacy", not controls.overrides.privacy))

    gpio = Gpio(
        settings.gpio,
        toggle_privacy,
        lambda: not all(worker.released for worker in workers),
        lambda: bool(picture.state()["on"]),
    )
    return Parts(
        settings,
        clock,
        builder,
        sink,
        controls,
        device,
        capture,
        stages,
        decisions,
        recorder,
        history,
        load_control,
        adaptation,
        metrics,
        machine,
        gpio,
        publish,
        SocketService(
            settings,
            controls,
            feed,
            lambda: _recording(recorder),
            Forgetter(recorder, sink, adaptation, history, feed, settings.paths.state),
            RecordingRequests(recorder),
            picture,
            children,
            placement,
        ),
    )


def _camera_fault(camera: CameraWorker | None) -> str:
    """Return why there is no picture; empty if there is one."""
    if camera is None:
        return "there is no camera"
    health = camera.health()
    return health.reason if health.state == "failed" else ""


def _recording(recorder: Recorder) -> dict[str, Any]:
    segment_id = recorder.segment_id
    return {"on": segment_id is not None, "id": segment_id, "seconds": recorder.recorded_s}


def _mqtt(settings: Settings, builder: MessageBuilder) -> Sink:
    return Publisher(settings, builder) if settings.mqtt.enabled else NoSink()


def _configured_capture(settings: Settings) -> Capture:
    return make_camera_worker(settings.camera, settings.performance.analysis_fps), make_microphone_worker(
        settings.microphone
    )
