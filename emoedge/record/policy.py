"""When to record: modes, manual control, events, pre-roll and post-roll, splitting. Pure.

Times come in as arguments on the pipeline's clock; the policy keeps no clock of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from emoedge.config.recording_settings import RecordingMode, RecordingSettings
from emoedge.errors import RecordingError
from emoedge.outcomes import EmotionEvent
from emoedge.translation import tr

Reason = Literal["manual", "event", "continuous"]

EVENT_DECISION_S: Final = 5.0
"""Maximum delay until an event is known, in seconds; the pre-roll in memory is longer by this."""
MAX_EVENT_S: Final = 3600.0
"""Maximum time that an event without an end (its stage died) keeps a recording going, in seconds."""

MAX_EVENTS: Final = 64
"""Number of events whose segment is remembered: far more than can be open at a time."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Open a segment that reaches back to `from_s`, as far as there is anything."""

    segment_id: str
    from_s: float
    at_s: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class End:
    """Close the segment at `at_s`; what comes later does not belong to it."""

    segment_id: str
    at_s: float
    reason: str


Action = Begin | End


class RecordingPolicy:
    """Turns modes, events and commands into segments.

    Args:
        settings: limits; `mode` is where it starts.
        new_id: makes the id of a segment from the time (pipeline's clock) it is opened at.
    """

    def __init__(self, settings: RecordingSettings, new_id: Callable[[float], str]) -> None:
        self._settings = settings
        self._new_id = new_id
        self._mode: RecordingMode = settings.mode
        self._manual_until_s: float | None = None  # inf for ON without an end
        self._paused = False
        self._open_events: dict[str, float] = {}
        self._recorded: dict[str, str] = {}
        self._post_roll_until_s = float("-inf")
        self._blocked = ""
        self._segment_id: str | None = None
        self._segment_from_s = 0.0
        self._segment_at_s = 0.0
        self._free_from_s = float("-inf")

    @property
    def mode(self) -> RecordingMode:
        """The current mode."""
        return self._mode

    @property
    def segment_id(self) -> str | None:
        """The open segment, or None."""
        return self._segment_id

    @property
    def manual(self) -> bool:
        """Whether a manual recording is running."""
        return self._manual_until_s is not None

    def recorded_s(self, now_s: float) -> float:
        """Seconds that the open segment has, 0 without one."""
        return max(0.0, now_s - self._segment_from_s) if self._segment_id is not None else 0.0

    def set_mode(self, mode: RecordingMode, now_s: float) -> list[Action]:
        """Change the mode while running; "off" also ends a manual recording."""
        self._mode = mode
        self._paused = False
        if mode == "off":
            self._manual_until_s = None
        if mode != "events":
            self._open_events.clear()
            self._post_roll_until_s = float("-inf")
        return self.tick(now_s)

    def manual_on(self, seconds: float | None, now_s: float) -> list[Action]:
        """Record until `manual_off`, or for some seconds from now.

        Raises:
            RecordingError: recording is off or blocked, or the seconds are not positive.
        """
        if self._mode == "off":
            raise RecordingError(
                tr("recording is off"), tr('set recording_mode to "manual", "events" or "continuous"')
            )
        if self._blocked:
            raise RecordingError(
                tr("recording is blocked: {blocked}", blocked=self._blocked),
                tr("remove the cause, which `health` reports too, and try again"),
            )
        if seconds is not None and not 0 < seconds < float("inf"):
            raise RecordingError(
                tr("cannot record for {seconds} seconds", seconds=seconds),
                tr("use ON, OFF or a number of seconds above 0"),
            )
        self._manual_until_s = float("inf") if seconds is None else now_s + seconds
        self._paused = False
        return self.tick(now_s)

    def manual_off(self, now_s: float) -> list[Action]:
        """End the recording: open events count as handled; continuous recording pauses until ON."""
        self._manual_until_s = None
        self._open_events.clear()
        self._post_roll_until_s = float("-inf")
        self._paused = self._mode == "continuous"
        return self.tick(now_s)

    def on_event(self, event: EmotionEvent, now_s: float) -> list[Action]:
        """Register an event; in mode "events" it opens or prolongs a segment."""
        if self._mode == "events" and not self._blocked:
            if event.kind == "begin":
                self._open_events[event.event_id] = event.started_s
            elif self._open_events.pop(event.event_id, None) is not None:
                ended_s = now_s if event.ended_s is None else event.ended_s
                self._post_roll_until_s = max(self._post_roll_until_s, ended_s + self._settings.post_roll_s)
        actions = self.tick(now_s)
        if event.kind == "begin" and self._segment_id is not None:
            self._recorded[event.event_id] = self._segment_id
            while len(self._recorded) > MAX_EVENTS:
                del self._recorded[next(iter(self._recorded))]
        return actions

    def segment_of(self, event_id: str) -> str | None:
        """The segment that an event began in, or None if that was not recorded."""
        return self._recorded.get(event_id)

    def block(self, reason: str, now_s: float) -> list[Action]:
        """Stop until `unblock` (privacy, shutdown); events and manual recordings are forgotten."""
        self._blocked = reason
        self._manual_until_s = None
        self._open_events.clear()
        self._post_roll_until_s = float("-inf")
        return self.tick(now_s)

    def unblock(self, now_s: float) -> list[Action]:
        """Allow recording again; segments do not reach back before this moment."""
        if self._blocked:
            self._blocked = ""
            self._free_from_s = now_s
        return self.tick(now_s)

    def forget(self, now_s: float, reason: str) -> list[Action]:
        """End the open segment; later ones begin after this moment, and no earlier one can be named."""
        self._recorded.clear()
        actions = self.split(now_s, reason)
        self._free_from_s = now_s
        return actions

    def opened(self, segment_id: str, start_s: float) -> None:
        """The segment was begun, with content from `start_s` on: its length counts from there."""
        if self._segment_id == segment_id:
            self._segment_from_s = start_s

    def segment_lost(self, segment_id: str) -> None:
        """The open segment could not be written; the next tick opens another one if still wanted."""
        if self._segment_id == segment_id:
            self._segment_id = None

    def split(self, at_s: float, reason: str) -> list[Action]:
        """End the open segment and go on in a new one without a hole (length, or the streams changed)."""
        if self._segment_id is None:
            return []
        end = self._end(at_s, reason)
        wanted = self._wanted(at_s)
        return [end] if wanted is None else [end, self._begin(at_s, at_s, wanted)]

    def tick(self, now_s: float) -> list[Action]:
        """Apply the passage of time: a manual recording, the post-roll or a segment may have to end."""
        ended_s = [
            until
            for until in (self._manual_until_s, self._post_roll_until_s)
            if until is not None and until <= now_s
        ]
        if self._manual_until_s is not None and now_s >= self._manual_until_s:
            self._manual_until_s = None
        for event_id in [key for key, begun in self._open_events.items() if now_s - begun > MAX_EVENT_S]:
            del self._open_events[event_id]
        wanted = self._wanted(now_s)
        if wanted is None:
            if self._segment_id is None:
                return []
            # The exact moment that was asked for, not the time of this call.
            at_s = max(ended_s, default=now_s)
            at_s = now_s if at_s < self._segment_at_s else at_s
            return [self._end(at_s, self._blocked or "finished")]
        if self._segment_id is None:
            return [self._begin(self._reach_back_s(now_s, wanted), now_s, wanted)]
        if now_s - self._segment_from_s >= self._settings.max_segment_s:
            return self.split(now_s, "split")
        return []

    def _wanted(self, now_s: float) -> Reason | None:
        if self._blocked or self._mode == "off":
            return None
        if self._manual_until_s is not None:
            return "manual"
        if self._mode == "events" and (self._open_events or now_s < self._post_roll_until_s):
            return "event"
        if self._mode == "continuous" and not self._paused:
            return "continuous"
        return None

    def _reach_back_s(self, now_s: float, reason: Reason) -> float:
        begun_s = now_s
        if reason == "event" and self._open_events:
            begun_s = max(min(*self._open_events.values(), now_s), now_s - EVENT_DECISION_S)
        # What the segment before holds is not recorded twice.
        return max(begun_s - self._settings.pre_roll_s, self._free_from_s)

    def _begin(self, from_s: float, at_s: float, reason: Reason) -> Begin:
        self._segment_id = self._new_id(at_s)
        self._segment_from_s, self._segment_at_s = from_s, at_s
        return Begin(self._segment_id, from_s, at_s, reason)

    def _end(self, at_s: float, reason: str) -> End:
        assert self._segment_id is not None
        segment_id, self._segment_id = self._segment_id, None
        self._free_from_s = at_s
        return End(segment_id, at_s, reason)
