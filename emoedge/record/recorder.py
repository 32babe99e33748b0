"""Recorder thread: keeps the pre-roll, encodes the segments that the policy begins and reports changes.

Offering frames and audio never waits and never fails, even if the disk does. A fault is reported,
shown in `health`, and the disk is tried again with back-off.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from emoedge.clock import Clock
from emoedge.config.recording_settings import RecordingMode, RecordingSettings
from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.frames import AudioBlock, Frame
from emoedge.health import Health
from emoedge.outcomes import EmotionEvent, RecordingChange
from emoedge.record.disk import probe
from emoedge.record.disk_fault import DiskFault
from emoedge.record.encoders import EncoderError
from emoedge.record.housekeeping import PURGED, Housekeeping
from emoedge.record.mux import write_errors
from emoedge.record.policy import EVENT_DECISION_S, Action, Begin, End, RecordingPolicy
from emoedge.record.pre_roll import Item, PreRoll, memory_limit_bytes
from emoedge.record.recorder_input import RecorderInput
from emoedge.record.segment import OpenSegment
from emoedge.record.segment_factory import SegmentFactory
from emoedge.record.shared_policy import SharedPolicy
from emoedge.record.store import Store
from emoedge.record.timeline import TimelineEntry
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

TURN_S: Final = 0.5
"""Interval of the thread's turns, in seconds; a decision wakes it. The encoder then finds its code and its
last frame in the processor's caches for all frames of a turn but the first."""
LATE_S: Final = 0.5
"""Maximum time from capture until a frame or an audio block reaches the recorder, in seconds."""
STREAM_WAIT_S: Final = 2.0
"""Maximum wait in seconds for an expected source, such as a camera that is starting. The segment then begins
without it."""
DISK_CHECK_S: Final = 5.0
"""Interval of the checks of free space while a segment is open or after a fault, in seconds."""
HUNG_AFTER_S: Final = 180.0
"""An fsync on a bad card takes many seconds, and the first segment loads and tries the encoders, which takes
more than a minute on a busy machine. Ending the process for that would lose the recording."""
STOP_S: Final = 2.5
"""Time for stopping, of the 3 s that the process has."""


class Recorder(RecorderInput):
    """Records segments. All methods may be called from any thread; `on_change` is called from the recorder's.

    Args:
        settings: the section `recording`.
        clock: the pipeline's clock.
        fps: nominal frame rate of the frames offered.
        language: of subtitles and overlay.
        describe: models with digests and configuration (without secrets) for the JSON sidecar.
        on_change: called for each segment started, finished, deleted or failed; must not block.
        expects_video, expects_sound: which sources are configured.
        event_lag_s: time from the start of an event until it may be known; the pre-roll is longer by this.
    """

    def __init__(
        self,
        settings: RecordingSettings,
        *,
        clock: Clock,
        fps: float,
        language: Language = "es",
        describe: Callable[[], Mapping[str, Any]] = dict,
        on_change: Callable[[RecordingChange], None] = lambda _change: None,
        expects_video: bool = True,
        expects_sound: bool = True,
        event_lag_s: float = EVENT_DECISION_S,
    ) -> None:
        super().__init__(fps, transcript=settings.transcript)
        self.settings = settings
        self.store = Store(settings.dir)
        self._clock = clock
        self._on_change = on_change
        self._expects = (expects_video, expects_sound)
        self._policy = SharedPolicy(settings, clock, self._input_queue.wake)
        self._actions: deque[Action] = deque()  # changed by the recorder's thread only
        self._pre_roll = PreRoll(
            settings.pre_roll_s + min(event_lag_s, EVENT_DECISION_S), memory_limit_bytes()
        )
        self._segment: OpenSegment | None = None
        self._to_forget: deque[tuple[float, str | None, Callable[[], None]]] = deque()
        self._private = False
        self._fault = DiskFault()
        self._next_disk_check = 0.0
        self._housekeeping = Housekeeping(self.store, settings, clock, language, on_change)
        self._segment_factory = SegmentFactory(settings, clock, fps, language, describe, self._housekeeping)
        self.thread = WorkerThread("recorder", self._run, limit_s=HUNG_AFTER_S, wake=self._input_queue.wake)

    def start(self) -> None:
        """Start the threads; segments that a power cut interrupted are recovered in the background."""
        self._housekeeping.start()
        self.thread.start()

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """End the open segment and the threads; return False if the disk was too slow for `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        self._policy.decide(lambda policy, now_s: policy.block("shutdown", now_s))
        ended = self.thread.stop(timeout_s)
        return self._housekeeping.stop(deadline) and ended

    def on_event(self, event: EmotionEvent) -> str | None:
        """Tell the policy about an event; return the id of the segment that it began in, or None."""
        self._policy.decide(lambda policy, now_s: policy.on_event(event, now_s))
        return self._policy.segment_of(event.event_id)

    def record(self, on: bool, seconds: float | None = None) -> str | None:
        """Start a manual recording (for `seconds`, or until it is ended), or end the running one.

        Returns:
            The id of the segment.

        Raises:
            RecordingError: recording is off or blocked, or the seconds are not positive.
        """
        if on:
            self._policy.decide(lambda policy, now_s: policy.manual_on(seconds, now_s))
        else:
            self._policy.decide(RecordingPolicy.manual_off)
        return self.segment_id

    def set_mode(self, mode: RecordingMode) -> None:
        """Set the recording mode."""
        self._policy.decide(lambda policy, now_s: policy.set_mode(mode, now_s))

    def set_drawing(self, on: bool) -> None:
        """Enable or disable the overlay of the next segments, where the settings enable it."""
        self._segment_factory.draw = on

    def set_privacy(self, on: bool) -> None:
        """Set privacy: ON ends the segment, drops the pre-roll and blocks recording until OFF."""
        if on:
            self._policy.decide(lambda policy, now_s: policy.block("privacy", now_s))
        else:
            self._policy.decide(RecordingPolicy.unblock)
        self._private = on

    def forget(self, then: Callable[[], None]) -> None:
        """Delete the segment that is open and the pre-roll; recording goes on with what comes from now on.

        Args:
            then: called by the housekeeping thread once all that was recorded before is finished or deleted.
        """

        def decide(policy: RecordingPolicy, now_s: float) -> list[Action]:
            self._to_forget.append((now_s, policy.segment_id, then))
            return policy.forget(now_s, PURGED)

        self._policy.decide(decide)
        self._input_queue.wake()

    def request_sweep(self, in_s: float) -> None:
        """Schedule a sweep of the store some seconds from now."""
        self._housekeeping.request_sweep(in_s)

    @property
    def threads(self) -> tuple[WorkerThread, ...]:
        """The threads that the disk may block."""
        return self.thread, self._housekeeping.thread

    @property
    def segment_id(self) -> str | None:
        """Id of the segment being recorded, or None."""
        return self._policy.segment_id

    @property
    def is_idle(self) -> bool:
        """Whether no input can become part of a recording at present; read by the threads that offer."""
        is_waiting = self._segment is not None or bool(self._actions)
        return not is_waiting and (self._private or self.mode == "off")

    @property
    def recorded_s(self) -> float:
        """Seconds that the segment being recorded has so far, 0 without one."""
        return self._policy.recorded_s

    @property
    def mode(self) -> RecordingMode:
        """The mode in force."""
        return self._policy.mode

    @property
    def manual(self) -> bool:
        """Whether a manual recording is running: the state of the control `record`."""
        return self._policy.manual

    def health(self) -> Health:
        """State of recording; a fault is "degraded" while the disk is tried again."""
        housekeeping = self._housekeeping
        figures = {
            "recording": self.segment_id,
            **self._input_queue.figures(),
            "pre_roll_bytes": self._pre_roll.bytes,
            **housekeeping.figures(),
        }
        faults = self.thread.fault, housekeeping.thread.fault, self._fault.reason, housekeeping.fault
        if fault := next(filter(None, faults), ""):
            return Health("recording", "degraded", fault, figures)
        return Health("recording", "off" if self.mode == "off" else "ok", "", figures)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            stopping = self.thread.stopping.is_set()
            items = self._input_queue.take(0 if stopping else TURN_S)
            self.thread.beat()
            try:
                self._turn(items, stopping)
            except Exception as error:
                # An unexpected error: the segment is closed as after any fault, and recording goes on.
                logger.exception("unexpected error in the recorder")
                if self._segment is not None:
                    self._give_up(self._segment, error)
        self._close("shutdown", self._clock.now_s())

    def _turn(self, items: list[Item], stopping: bool) -> None:
        self._actions.extend(self._policy.take())
        self._check_disk()  # while the policy has decided whether anything is to be recorded
        self._route_all(items)
        self._carry_out(stopping)
        self._forget()
        if self.is_idle:
            self._pre_roll.clear()

    def _forget(self) -> None:
        """Drop the pre-roll of what is to be forgotten; the rest follows once its segment is closed."""
        while self._to_forget:
            at_s, segment_id, then = self._to_forget[0]
            self._pre_roll.forget_before(at_s)
            is_open = self._segment is not None and self._segment.plan.segment_id == segment_id
            is_waiting = any(action.segment_id == segment_id for action in self._actions)
            if is_open or is_waiting or self._clock.now_s() < at_s + LATE_S:
                return
            self._to_forget.popleft()
            self._housekeeping.do(then)

    def _check_disk(self) -> None:
        """Check the free space: the segment being written may use half of the reserve."""
        segment = self._segment
        if time.monotonic() < self._next_disk_check or (segment is None and not self._fault.reason):
            return
        self._next_disk_check = time.monotonic() + DISK_CHECK_S
        reserve = self.settings.min_free_bytes
        try:
            if segment is not None:
                segment.check_in_place()
            has_room = self._housekeeping.make_room(reserve if segment is None else reserve // 2)
            is_idle = segment is None and self.segment_id is None and self._fault.is_retry_due
            if is_idle and has_room:
                # Nothing is waiting to be recorded. Only what has reached the disk shows that all is well.
                probe(self.settings.dir)
                self._fault.clear()
        except (OSError, RecordingError) as error:
            if segment is not None:
                self._give_up(segment, error)

    def _route_all(self, items: list[Item]) -> None:
        """Write or keep items, each of which is released as soon as it is written."""
        items.reverse()
        while items:
            self._route(items.pop())

    def _route(self, item: Item) -> None:
        """Write an item to the open segment if it belongs to it, else add it to the pre-roll."""
        segment = self._segment
        ending = next((action for action in self._actions if isinstance(action, End)), None)
        if segment is None or (ending is not None and item.time_s >= ending.at_s):
            # While a segment waits to be opened, its pre-roll is not forgotten.
            self._pre_roll.add(item, hold=bool(self._actions))
        elif self._fits(item):
            self._write(segment, item)
        else:
            self._split_at(segment, item, "source changed")

    def _split_at(self, segment: OpenSegment, item: Item, reason: str) -> None:
        """Go on with this item in a new segment."""
        self._pre_roll.add(item)
        self._actions.extend(self._policy.split(segment.plan.segment_id, item.time_s, reason))

    def _fits(self, item: Item) -> bool:
        """Return whether the open segment has a track for this item."""
        segment = self._segment
        assert segment is not None
        if isinstance(item, Frame):
            return segment.video == self._segment_factory.format_of(item)
        return isinstance(item, TimelineEntry) or segment.has_sound

    def _carry_out(self, stopping: bool) -> None:
        while self._actions:
            action, now_s = self._actions[0], self._clock.now_s()
            if isinstance(action, End):
                if not (
                    stopping or now_s >= action.at_s + LATE_S or self._input_queue.has_passed(action.at_s)
                ):
                    return
                self._close(action.reason, action.at_s)
                self._actions.popleft()
            elif not self._try_open(action, now_s, stopping):
                return

    def _try_open(self, begin: Begin, now_s: float, stopping: bool) -> bool:
        """Open a segment, or drop it if it has ended and cannot be opened; False to try again later."""
        over = stopping or any(isinstance(action, End) for action in self._actions)
        frame, block = self._pre_roll.first_after(begin.from_s)
        missing = (self._expects[0] and frame is None) or (self._expects[1] and block is None)
        nothing = frame is None and block is None
        waiting = nothing or (missing and now_s - begin.at_s < STREAM_WAIT_S) or not self._fault.is_retry_due
        if waiting and not over:
            return False
        has_room = nothing or stopping or self._has_room(begin)
        if has_room is None:
            return False
        if nothing or not has_room or not self._opened(begin, frame, block):
            if over:
                self._actions.popleft()
                if nothing:
                    reason = self._fault.reason or tr("there was neither video nor audio")
                    self._on_change(RecordingChange("failed", begin.segment_id, now_s, reason=reason))
            return over
        self._actions.popleft()
        self._route_all(self._pre_roll.take(begin.from_s))
        return True

    def _has_room(self, begin: Begin) -> bool | None:
        """Return whether the disk has room for a segment; None while housekeeping makes it."""
        try:
            return self._housekeeping.make_room() or None
        except (OSError, RecordingError) as error:
            self._failed(begin.segment_id, error)
            return False

    def _opened(self, begin: Begin, frame: Frame | None, block: AudioBlock | None) -> bool:
        try:
            segment = self._segment_factory.open(begin, frame, block)
        except write_errors() as error:
            self._failed(begin.segment_id, error)
            return False
        self._segment = segment
        self._policy.opened(begin.segment_id, segment.plan.start_s)
        self._on_change(
            RecordingChange(
                "started", begin.segment_id, segment.plan.start_s, segment.plan.media, reason=begin.reason
            )
        )
        return True

    def _write(self, segment: OpenSegment, item: Item) -> None:
        try:
            segment.write(item)
        except EncoderError:
            self._split_at(segment, item, "encoder failed")
            return
        except write_errors() as error:
            self._give_up(segment, error)
            return
        if self._fault.reason and segment.bytes_synced:
            self._fault.clear()

    def _close(self, reason: str, at_s: float) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        try:
            closed = segment.close(reason, self._clock.wall(at_s))
        except write_errors() as error:
            self._give_up(segment, error)
            return
        self._housekeeping.enqueue(closed, reason)

    def _give_up(self, segment: OpenSegment, error: Exception) -> None:
        """Abort a segment that cannot be written, have its file finished, and try another one later."""
        self._segment = None
        self._policy.lost(segment.plan.segment_id)
        closed = segment.abort(tr("failed: {error}", error=error), self._clock.wall(self._clock.now_s()))
        self._failed(segment.plan.segment_id, error)
        self._housekeeping.enqueue(closed, "failed")

    def _failed(self, segment_id: str, error: Exception) -> None:
        """Remember a fault for `health` and the time of the next try; a repeated one is reported once."""
        self._housekeeping.report(error)
        reason = str(error) or type(error).__name__
        if self._fault.note(reason):
            logger.error("recording failed: %s", reason)
            self._on_change(RecordingChange("failed", segment_id, self._clock.now_s(), reason=reason))
