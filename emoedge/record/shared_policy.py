"""Recording policy shared by all threads: any may consult it, the recorder's thread carries it out."""

from __future__ import annotations

import threading
from collections.abc import Callable

from emoedge.clock import Clock
from emoedge.config.recording_settings import RecordingMode, RecordingSettings
from emoedge.record.names import new_segment_id
from emoedge.record.policy import Action, RecordingPolicy


class SharedPolicy:
    """A policy behind a lock, with the decisions that the recorder's thread has not taken yet.

    Args:
        settings: the section `recording`.
        clock: the pipeline's clock.
        wake: called after a decision; must not block.
    """

    def __init__(self, settings: RecordingSettings, clock: Clock, wake: Callable[[], None]) -> None:
        self._policy = RecordingPolicy(settings, lambda now_s: new_segment_id(clock.wall(now_s)))
        self._clock = clock
        self._wake = wake
        self._lock = threading.Lock()
        self._decided: list[Action] = []

    def decide(self, ask: Callable[[RecordingPolicy, float], list[Action]]) -> None:
        """Ask the policy for a decision at this moment."""
        with self._lock:
            actions = ask(self._policy, self._clock.now_s())
            self._decided += actions
        if actions:
            self._wake()

    def take(self) -> list[Action]:
        """Return what was decided since the last call, and what time itself decides."""
        with self._lock:
            decided = self._decided + self._policy.tick(self._clock.now_s())
            self._decided = []
        return decided

    def split(self, segment_id: str, time_s: float, reason: str) -> list[Action]:
        """Return the actions that split a segment; none when it is not the policy's any more."""
        with self._lock:
            return self._policy.split(time_s, reason) if self._policy.segment_id == segment_id else []

    def opened(self, segment_id: str, start_s: float) -> None:
        """Note that a segment is being written, from `start_s`."""
        with self._lock:
            self._policy.opened(segment_id, start_s)

    def lost(self, segment_id: str) -> None:
        """Note that a segment could not be written further."""
        with self._lock:
            self._policy.segment_lost(segment_id)

    def segment_of(self, event_id: str) -> str | None:
        """Id of the segment that an event is in, or None."""
        with self._lock:
            return self._policy.segment_of(event_id)

    @property
    def segment_id(self) -> str | None:
        """Id of the segment being recorded, or None."""
        with self._lock:
            return self._policy.segment_id

    @property
    def recorded_s(self) -> float:
        """Seconds that the segment being recorded has so far, 0 without one."""
        with self._lock:
            return round(self._policy.recorded_s(self._clock.now_s()), 1)

    @property
    def mode(self) -> RecordingMode:
        """The mode in force."""
        return self._policy.mode

    @property
    def manual(self) -> bool:
        """Whether a manual recording is running."""
        return self._policy.manual
