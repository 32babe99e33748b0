"""The device as commands see it: what each control acts on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emoedge.capture.capture_threads import CameraWorker, MicrophoneWorker
from emoedge.clock import Clock
from emoedge.config import RecordingMode
from emoedge.errors import RecordingError
from emoedge.frames import Frame
from emoedge.history.recorder import HistoryRecorder
from emoedge.outcomes import Snapshot
from emoedge.record.recorder import Recorder
from emoedge.record.snapshots import Snapshots
from emoedge.supervise.decision_thread import DecisionThread, Observation
from emoedge.supervise.load_control import LoadControl
from emoedge.translation import tr


class Device:
    """Camera, microphone, recorder and decisions under one switchboard. Callable from any thread.

    Args:
        capture: the threads of the devices that are configured.
        recorder: of segments.
        history: what was felt when.
        decisions: the thread that fuses.
        load_control: how many frames are recorded.
        snapshots: where single frames are kept.
        clock: the pipeline's clock.
        on_snapshot: takes a snapshot once it is kept.
        forget_faces: drops what was learned of the people in the picture.
        hold: keeps queued messages about people back, or lets them go.
    """

    def __init__(
        self,
        capture: tuple[CameraWorker | MicrophoneWorker, ...],
        recorder: Recorder,
        history: HistoryRecorder,
        decisions: DecisionThread,
        load_control: LoadControl,
        snapshots: Snapshots,
        clock: Clock,
        on_snapshot: Callable[[Snapshot], None],
        forget_faces: Callable[[], None],
        hold: Callable[[bool], None],
    ) -> None:
        self._capture = capture
        self._recorder = recorder
        self._history = history
        self._decisions = decisions
        self._load_control = load_control
        self._snapshots = snapshots
        self._clock = clock
        self._on_snapshot = on_snapshot
        self._forget_faces = forget_faces
        self._hold = hold
        self._newest: Frame | None = None
        self._private = False

    # ---- from the capture and stage threads ----

    def see(self, frame: Frame) -> None:
        """Take a captured frame: for the recording, and for a snapshot."""
        if self._load_control.recorded(frame):
            self._recorder.offer_frame(frame)
        self._newest = frame

    def observe(self, observation: Observation) -> None:
        """Take what a stage found; what was in work when privacy was switched on is dropped."""
        if not self._private:
            self._decisions.observe(observation)

    # ---- from commands ----

    def set_privacy(self, on: bool) -> bool:
        """ON releases camera and microphone and forgets what waits; whether the devices were released."""
        self._private = on
        self._history.set_privacy(on)
        self._hold(on)
        if on:
            for worker in self._capture:
                worker.begin_pause()  # all at once, so that a hanging device does not keep the others open
        self._recorder.set_privacy(on)
        released = True
        if on:
            for worker in self._capture:
                released = worker.pause() and released
            self._newest = None
            self._forget_faces()
            self._decisions.set_privacy(True)
        else:
            self._decisions.set_privacy(False)
            for worker in self._capture:
                worker.resume()
        return released

    def set_weights(self, *, face_weight: float | None = None, margin: float | None = None) -> None:
        """Change the rule."""
        self._decisions.set_weights(face_weight=face_weight, margin=margin)

    def set_recording_mode(self, mode: RecordingMode) -> None:
        """Change the mode."""
        self._recorder.set_mode(mode)

    def record(self, on: bool, seconds: float | None = None) -> None:
        """Manual recording; raises RecordingError."""
        self._recorder.record(on, seconds)

    def snapshot(self) -> Path:
        """Keep the newest frame in the store; raises RecordingError."""
        frame = self._newest
        if frame is None:
            raise RecordingError(
                tr("no frame available for a snapshot"), tr("switch privacy off and check the camera")
            )
        wall = self._clock.wall(frame.time_s)
        path = self._snapshots.keep(frame, wall, clock_synced=self._clock.synchronized())
        self._on_snapshot(Snapshot(path.stem, frame.time_s, path))
        return path

    @property
    def recording_by_hand(self) -> bool:
        """State of the control `record`."""
        return self._recorder.manual
