"""The daemon: builds the parts, connects them, watches them, and ends them in order.

camera ─> slot ─> face thread ──┐
microphone ─> queue ─> voice ───┼─> decisions thread ─> publisher, recorder
└> queue ─> speech ──┘
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from emoedge.capture.capture_threads import (
    CameraWorker,
    MicrophoneWorker,
    make_camera_worker,
    make_microphone_worker,
)
from emoedge.capture.queues import BlockQueue
from emoedge.clock import Clock, SystemClock
from emoedge.config import RecordingMode, Settings
from emoedge.errors import RecordingError
from emoedge.files import sha256_of
from emoedge.frames import AudioBlock, Frame
from emoedge.health import Health
from emoedge.observations import AudioActivity, Modality
from emoedge.outcomes import HealthReport, RecordingChange
from emoedge.pipeline.decisions import DecisionStage
from emoedge.pipeline.perception import build_activity, build_face, build_speech, build_voice, learned_fusion
from emoedge.pipeline.stages import VoicePerceiver
from emoedge.publish.messages import Message, MessageBuilder
from emoedge.publish.publisher import Publisher
from emoedge.publish.sinks import Sink
from emoedge.record.recorder import Recorder
from emoedge.record.snapshots import Snapshots
from emoedge.supervise.adaptation import AdaptationKeeper
from emoedge.supervise.controls import Controls
from emoedge.supervise.decision_thread import Deciding, Observation
from emoedge.supervise.load_control import Governing
from emoedge.supervise.machine import MachineMonitor
from emoedge.supervise.overrides import OverrideStore
from emoedge.supervise.stage_thread import StageSpec, StageThread
from emoedge.supervise.workers import face_stage, sound_stage
from emoedge.vad.stage import ActivityStage

logger = logging.getLogger(__name__)

# SIGTERM promises an end within 3 s. Until when each part may take, from the beginning: what one leaves is
# the next one's, and the interpreter needs the rest.
CAPTURE_STOP_S: Final = 0.6
DECIDING_STOP_S: Final = 0.9
RECORDER_STOP_S: Final = 1.9
PUBLISHER_STOP_S: Final = 2.7
EVENT_MARGIN_S: Final = 1.0
"""An event is known when it has held for its shortest duration, and one look and a busy moment later."""
DECIDING_SILENT_S: Final = 120.0
"""It looks four times a second and never waits for anything, but on a machine without time it may have to."""
RECORDER_SILENT_S: Final = 180.0
"""One fsync on a bad card takes many seconds; the first segment loads and tries the encoders, which took more than
a minute on a machine without time: ending the process for that lost the recording, again and again."""
LOOK_S: Final = 1.0
"""How often the parts are looked at: a change of health is published that soon."""


class Daemon:
    """The running device.

    Args:
        settings: the configuration.
        sink: where messages go; an MQTT publisher by default.
        clock: for tests.
    """

    def __init__(
        self,
        settings: Settings,
        sink: Callable[[Settings, MessageBuilder, Controls], Sink] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self._started_s = self.clock.now_s()
        self._builder = MessageBuilder(settings.device_id, self.clock, transcript=settings.publish.transcript)
        store = OverrideStore(settings.paths.state)
        self._controls = Controls(settings, self, store, self._builder, self.clock, self._publish)
        self.settings = self._controls.overrides.apply(settings)
        self._sink = (sink or _mqtt)(settings, self._builder, self._controls)
        self.recorder = self._make_recorder()
        self._governing = Governing(self.settings)
        self.camera, self.microphone = self._make_capture()
        self._deciding = Deciding(
            DecisionStage(self.settings, lambda _started_s: uuid.uuid4().hex[:16], learned_fusion(settings)),
            self._builder,
            self.clock,
            self._publish,
            self.recorder,
        )
        self._voice: VoicePerceiver | None = None
        self._adaptation: AdaptationKeeper | None = None
        self._stages = self._make_stages()
        self._snapshots = Snapshots(settings.recording.dir, settings.recording.keep_days)
        self._machine = MachineMonitor(settings.recording.dir)
        self._health_sent: tuple[tuple[str, str, str], ...] = ()
        self._health_sent_s = float("-inf")
        self._newest: Frame | None = None
        self._manual = False
        self._private = False
        self.health_parts: tuple[Health, ...] = ()

    # ---- life cycle ----

    def start(self) -> None:
        """Start every part; returns at once, what cannot be had is reported in `health` and retried."""
        self._sink.start()
        self.recorder.start()
        self._deciding.start()
        for stage in self._stages:
            stage.start()
        if self._controls.overrides.privacy:
            self.set_privacy(True)
        for worker in self._workers():
            worker.start()
        for state in self._controls.states():
            self._publish(state)

    def look(self) -> None:
        """Publish the health when it has changed or is due, and the state of `record` when it ended by itself."""
        now_s = self.clock.now_s()
        self._controls.look()
        parts = self.health_parts = tuple(self._health())
        summary = tuple((part.name, part.state, part.reason) for part in parts)
        due = now_s - self._health_sent_s >= self.settings.publish.health_interval
        if summary != self._health_sent or due:
            self._health_sent, self._health_sent_s = summary, now_s
            self._publish(self._builder.outcome(HealthReport(now_s, now_s - self._started_s, parts)))
        self._forget_lost_sources(parts)
        self._govern(parts)
        if self.recorder.manual != self._manual:
            self._manual = self.recorder.manual
            for state in self._controls.states():
                self._publish(state)

    def stuck(self) -> str:
        """Why the process had better end and be started again; empty while there is no such reason."""
        for stage in self._stages:
            if stage.hung:
                return f"stage {stage.name} hangs"
        now_s = time.monotonic()
        if now_s - self._deciding.heartbeat_s > DECIDING_SILENT_S:
            return "the decisions thread hangs"
        if now_s - self.recorder.heartbeat_s > RECORDER_SILENT_S:
            return "the recorder hangs"
        died = self._sink.died()
        return f"the publisher has died: {died}" if died else ""

    def stop(self) -> None:
        """End everything in the order of the data, within 3 s."""
        begun_s = time.monotonic()

        def left_s(until_s: float) -> float:
            return max(0.0, begun_s + until_s - time.monotonic())

        closers = [threading.Thread(target=worker.stop, daemon=True) for worker in self._workers()]
        for closer in closers:
            closer.start()
        for stage in self._stages:
            stage.stop()
        for closer in closers:
            closer.join(left_s(CAPTURE_STOP_S))
        for stage in self._stages:
            stage.join(left_s(CAPTURE_STOP_S))
        if self._adaptation is not None:
            self._adaptation.save()
        self._deciding.stop(left_s(DECIDING_STOP_S))
        if not self.recorder.stop(left_s(RECORDER_STOP_S)):
            logger.warning("the last segment was not closed in time; it is recovered at the next start")
        self._sink.stop(left_s(PUBLISHER_STOP_S))

    # ---- what commands act on ----

    def set_privacy(self, on: bool) -> bool:
        """ON releases camera and microphone and forgets what waits; whether the devices were released."""
        self._private = on
        self.recorder.set_privacy(on)
        released = True
        if on:
            for worker in self._workers():
                released = worker.pause() and released
            self._newest = None
            self._deciding.forget("face", "voice", "text", close=True)
        else:
            for worker in self._workers():
                worker.resume()
        return released

    def set_weights(self, *, face_weight: float | None = None, margin: float | None = None) -> None:
        """Change the rule."""
        self._deciding.set_weights(face_weight=face_weight, margin=margin)

    def set_recording_mode(self, mode: RecordingMode) -> None:
        """Change the mode."""
        self.recorder.set_mode(mode)

    def record(self, on: bool, seconds: float | None = None) -> None:
        """Manual recording; raises RecordingError."""
        self.recorder.record(on, seconds)
        self._manual = self.recorder.manual

    def snapshot(self) -> Path:
        """Keep the newest picture in the store; raises RecordingError."""
        frame = self._newest
        if frame is None:
            raise RecordingError("there is no picture to keep", "switch privacy off and check the camera")
        wall = self.clock.wall(frame.time_s)
        path = self._snapshots.keep(frame, wall, clock_synced=self.clock.synchronized())
        size, digest = path.stat().st_size, sha256_of(path)
        self._on_change(
            RecordingChange(
                "finished", path.stem, frame.time_s, path, bytes=size, sha256=digest, reason="snapshot"
            )
        )
        return path

    @property
    def recording_by_hand(self) -> bool:
        """State of the control `record`."""
        return self.recorder.manual

    # ---- the parts ----

    def _observe(self, observation: Observation) -> None:
        # What was in work when privacy was switched on is nobody's business any more.
        if not self._private:
            self._deciding.observe(observation)

    def _publish(self, message: Message) -> None:
        self._sink.publish(message)

    def _workers(self) -> list[CameraWorker | MicrophoneWorker]:
        return [worker for worker in (self.camera, self.microphone) if worker is not None]

    def _make_recorder(self) -> Recorder:
        settings = self.settings
        return Recorder(
            settings.recording,
            clock=self.clock,
            fps=settings.camera.fps,
            language=settings.language,
            describe=self._describe,
            on_change=self._on_change,
            expects_video=settings.camera.source != "none",
            expects_sound=settings.microphone.source != "none",
            event_lag_s=settings.events.min_duration_s + EVENT_MARGIN_S,
        )

    def _make_capture(self) -> tuple[CameraWorker | None, MicrophoneWorker | None]:
        settings = self.settings
        camera = make_camera_worker(settings.camera)
        microphone = make_microphone_worker(settings.microphone)
        if camera is not None:
            camera.add_tap(self._offer_recording)
            camera.add_tap(self._keep_newest)
        if microphone is not None:
            microphone.add_tap(self.recorder.offer_sound)
        return camera, microphone

    def _offer_recording(self, frame: Frame) -> None:
        if self._governing.recorded(frame):
            self.recorder.offer_frame(frame)

    def _keep_newest(self, frame: Frame) -> None:
        self._newest = frame

    def _make_stages(self) -> list[StageThread[Any]]:
        settings, observe = self.settings, self._observe
        stages: list[StageThread[Any]] = []
        if self.camera and settings.face.enabled:
            slot = self.camera.subscribe()
            build = face_stage(lambda: build_face(settings), self._governing, observe)
            stages.append(StageThread(StageSpec("face", build, slot.take)))
        listeners: list[StageThread[AudioActivity]] = []
        relays: list[BlockQueue[AudioActivity]] = []
        if self.microphone and settings.voice.enabled:
            relays.append(self.microphone.relay())
            build_v = sound_stage(self._build_voice, observe, self._look_after_voice)
            listeners.append(StageThread(StageSpec("voice", build_v, relays[-1].take)))
        if self.microphone and settings.speech.enabled:
            relays.append(self.microphone.relay())
            build_s = sound_stage(lambda: build_speech(settings), observe)
            listeners.append(StageThread(StageSpec("text", build_s, relays[-1].take)))
        if self.microphone and listeners:
            blocks, consumers = self.microphone.subscribe(), [relay.put for relay in relays]

            def build_activity_stage() -> Callable[[AudioBlock], None]:
                return ActivityStage(build_activity(), consumers).process

            stages.append(StageThread(StageSpec("activity", build_activity_stage, blocks.take)))
        stages += listeners
        return stages

    def _build_voice(self) -> VoicePerceiver:
        self._voice = stage = build_voice(self.settings)
        if self.settings.voice.adapt:
            self._adaptation = AdaptationKeeper(self.settings.paths.state, stage.adaptation)
        return stage

    def _look_after_voice(self) -> None:
        if self._voice is not None:
            self._voice.hop_s = self._governing.step.voice_hop_s
        if self._adaptation is not None:
            self._adaptation.look()

    def _describe(self) -> Mapping[str, Any]:
        from emoedge.provenance import describe

        return describe(self.settings)

    def _on_change(self, change: RecordingChange) -> None:
        self._publish(self._builder.outcome(change))

    # ---- health ----

    def _health(self) -> list[Health]:
        parts: list[Health] = []
        for name, worker in (("camera", self.camera), ("microphone", self.microphone)):
            if worker is None:
                parts.append(Health(name, "off"))
            else:
                # A released device says off by itself; one whose driver holds on to it must not seem released.
                parts.append(worker.health())
        parts += [stage.health() for stage in self._stages]
        present = {part.name for part in parts}
        parts += [Health(name, "off") for name in ("face", "voice", "text") if name not in present]
        parts += [self._deciding.health(), self.recorder.health(), *self._sink.health(), self._machine.read()]
        parts.append(self._governing.health())
        if self._controls.fault:
            parts.append(Health("control", "degraded", self._controls.fault))
        return parts

    def _govern(self, parts: tuple[Health, ...]) -> None:
        loading = any(stage.loading for stage in self._stages)
        self._governing.look(parts, time.monotonic(), loading=loading)
        self.recorder.set_drawing(self._governing.step.overlay)

    def _forget_lost_sources(self, parts: tuple[Health, ...]) -> None:
        lost: list[Modality] = []
        for part in parts:
            if part.name == "camera" and part.state == "failed":
                lost.append("face")
            elif part.name == "microphone" and part.state == "failed":
                lost += ["voice"]
        if lost:
            self._deciding.forget(*lost)


def _mqtt(settings: Settings, builder: MessageBuilder, controls: Controls) -> Sink:
    if not settings.mqtt.enabled:
        return NoSink()
    return Publisher(settings, builder, controls.handle, controls.states)


class NoSink:
    """Stands in for the publisher where mqtt.enabled is false."""

    def start(self) -> None:
        """Nothing to do."""

    def publish(self, message: Message) -> None:
        """Nothing to do."""

    def stop(self, timeout_s: float = 2.0) -> None:
        """Nothing to do."""

    def health(self) -> tuple[Health, ...]:
        """Switched off."""
        return (Health("broker", "off", "mqtt.enabled = false"),)

    def died(self) -> str:
        """Never."""
        return ""


class Manager(Protocol):
    """Who watches over the process (`emoedge.supervise.systemd_notify.Notifier`)."""

    def pulse(self, daemon: Daemon) -> None:
        """All is well."""
        ...

    def stopping(self) -> None:
        """The end has begun."""
        ...


def run(daemon: Daemon, stop: threading.Event, manager: Manager) -> str:
    """Run until told to stop, or until a part hangs.

    Args:
        daemon: not yet started.
        stop: set to end.
        manager: told about once a second that all is well, and of the end.

    Returns:
        Why it ended by itself; empty when it was told to.
    """
    daemon.start()
    reason = ""
    try:
        while not stop.is_set() and not reason:
            daemon.look()
            reason = daemon.stuck()
            if not reason:
                manager.pulse(daemon)
            stop.wait(LOOK_S)
    finally:
        manager.stopping()
        daemon.stop()
    return reason
