"""The life cycle of the daemon: its parts are started, watched, and stopped in order."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final, Protocol

from emoedge.capture.capture_threads import CameraWorker, MicrophoneWorker
from emoedge.health import Health
from emoedge.logs import dropped_lines
from emoedge.observations import Modality
from emoedge.outcomes import HealthReport
from emoedge.supervise.assembly import Parts
from emoedge.supervise.malloc import give_back
from emoedge.supervise.stop_request import StopRequest
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

# SIGTERM promises an end within 3 s. Deadlines of the parts, from the beginning: time that one part does not
# use is available to the next, and the interpreter needs the rest.
CAPTURE_STOP_S: Final = 0.6
DECISIONS_STOP_S: Final = 0.9
RECORDER_STOP_S: Final = 1.9
CONTROLS_STOP_S: Final = 2.0
PUBLISHER_STOP_S: Final = 2.7
LOOK_S: Final = 1.0
"""Interval between two looks at the parts: a change of health is published that soon."""


class Daemon:
    """The running device.

    Args:
        parts: connected and not started, see `emoedge.supervise.assembly.assemble`.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.health_parts: tuple[Health, ...] = ()
        """As last published."""
        self.restart = threading.Event()
        """Set to end in order and be started again."""
        self._started_s = parts.clock.now_s()
        self._health_sent: tuple[tuple[str, str, str], ...] = ()
        self._health_sent_s = float("-inf")

    def start(self) -> None:
        """Start every part; returns at once, what is not available is reported in `health` and retried."""
        parts = self.parts
        parts.history.start()
        parts.controls.start()
        if parts.controls.overrides.privacy:  # before anything that is queued can leave
            parts.device.set_privacy(True)
        parts.sink.start()
        parts.recorder.start()
        parts.decisions.thread.start()
        for stage in parts.stages:
            stage.thread.start()
        for worker in self._workers():
            worker.start()
        parts.gpio.start()
        parts.socket.restart, parts.socket.parts = self.restart.set, lambda: self.health_parts
        parts.socket.start()
        for state in (*parts.controls.states(), parts.builder.picture(None)):
            parts.publish(state)

    def look(self) -> None:
        """Publish the health when it has changed or is due, and let the governor and the controls look."""
        parts, now_s = self.parts, self.parts.clock.now_s()
        parts.controls.look()
        parts.history.look()
        parts.gpio.look()
        health = self.health_parts = tuple(self._health())
        summary = tuple((part.name, part.state, part.reason) for part in health)
        due = now_s - self._health_sent_s >= parts.settings.publish.health_interval
        if summary != self._health_sent or due:
            self._health_sent, self._health_sent_s = summary, now_s
            parts.publish(parts.builder.outcome(HealthReport(now_s, now_s - self._started_s, health)))
            give_back()
        self._forget_lost_sources(health)
        self._govern(health)

    def stuck(self) -> str:
        """Reason to restart the process, or an empty string.

        While privacy is ON nothing is lost by waiting: the disk may hang for hours, and a new process would
        hang too.
        """
        parts = self.parts
        threads = [stage.thread for stage in parts.stages]
        threads += [parts.decisions.thread, *parts.recorder.threads, parts.controls.thread]
        for thread in (*threads, *parts.sink.threads, parts.adaptation.writer.thread):
            if thread is None:
                continue
            if thread.died or (thread.is_hung and not parts.controls.overrides.privacy):
                return thread.fault
        return ""

    def stop(self) -> None:
        """End everything in the order of the data, within 3 s."""
        parts, begun_s = self.parts, time.monotonic()

        def left_s(until_s: float) -> float:
            return max(0.0, begun_s + until_s - time.monotonic())

        closers = [WorkerThread(f"{worker.name}-closer", worker.stop) for worker in self._workers()]
        for closer in closers:
            closer.start()
        for stage in parts.stages:
            stage.thread.request_stop()
        parts.socket.stop(0.0)
        for thread in (*closers, *(stage.thread for stage in parts.stages)):
            thread.join(left_s(CAPTURE_STOP_S))
        parts.adaptation.save()
        parts.decisions.thread.stop(left_s(DECISIONS_STOP_S))
        parts.history.request_stop()
        if not parts.recorder.stop(left_s(RECORDER_STOP_S)):
            logger.warning("the last segment was not closed in time; it will be recovered at the next start")
        parts.history.join(left_s(CONTROLS_STOP_S))
        parts.controls.stop(left_s(CONTROLS_STOP_S))
        parts.adaptation.writer.join(left_s(CONTROLS_STOP_S))
        parts.metrics.stop(left_s(CONTROLS_STOP_S))
        parts.gpio.stop()
        parts.sink.stop(left_s(PUBLISHER_STOP_S))

    def _workers(self) -> list[CameraWorker | MicrophoneWorker]:
        return [worker for worker in self.parts.capture if worker is not None]

    def _health(self) -> list[Health]:
        parts = self.parts
        health: list[Health] = []
        for name, worker in zip(("camera", "microphone"), parts.capture, strict=True):
            # A released device reports off; one that its driver still holds must not appear released.
            health.append(Health(name, "off") if worker is None else worker.health())
        health += [stage.health() for stage in parts.stages]
        present = {part.name for part in health}
        health += [Health(name, "off") for name in ("face", "voice", "text") if name not in present]
        health += [parts.decisions.health(), parts.recorder.health(), *parts.sink.health()]
        health.append(parts.history.health())
        health += [parts.machine.read(), parts.load_control.health(), *parts.metrics.health()]
        if dropped := dropped_lines():
            reason = tr("log lines were lost: standard error is not read, or not fast enough")
            health.append(Health("log", "degraded", reason, {"dropped": dropped}))
        if fault := parts.controls.fault or parts.adaptation.writer.fault:
            health.append(Health("control", "degraded", fault))
        health += parts.gpio.health()
        if (socket := parts.socket.health()).state == "degraded":
            health.append(socket)
        return health

    def _govern(self, health: tuple[Health, ...]) -> None:
        parts = self.parts
        loading = any(stage.is_loading for stage in parts.stages)
        parts.load_control.look(health, time.monotonic(), loading=loading)
        parts.recorder.set_drawing(parts.load_control.step.overlay)

    def _forget_lost_sources(self, health: tuple[Health, ...]) -> None:
        modality: dict[str, Modality] = {"camera": "face", "microphone": "voice"}
        lost = [modality[part.name] for part in health if part.name in modality and part.state == "failed"]
        if lost:
            self.parts.decisions.forget(*lost)


class Manager(Protocol):
    """Supervisor of the process (`emoedge.supervise.systemd_notify.Notifier`)."""

    def pulse(self, daemon: Daemon) -> None:
        """All is well."""
        ...

    def stopping(self) -> None:
        """The end has begun."""
        ...


def run(daemon: Daemon, stop: StopRequest, manager: Manager) -> str:
    """Run until told to stop, or until a part hangs.

    Args:
        daemon: not yet started.
        stop: set to end.
        manager: notified about once a second that all is well, and of the end.

    Returns:
        Reason for an end without a request; empty for a requested end.
    """
    daemon.start()
    reason = ""
    try:
        while not stop.is_set() and not daemon.restart.is_set() and not reason:
            daemon.look()
            reason = daemon.stuck()
            if not reason:
                manager.pulse(daemon)
            stop.wait(LOOK_S)
    finally:
        manager.stopping()
        daemon.stop()
    return reason
