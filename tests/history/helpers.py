"""A clock that is set by hand, and what the tests of the history offer."""

from __future__ import annotations

from datetime import datetime, timezone

from emoedge.emotions import EMOTIONS, Emotion, as_probabilities
from emoedge.history.rows import COLUMN, Changes
from emoedge.history.tally import MinuteTally, Now
from emoedge.outcomes import EmotionEvent, FusedState

MINUTE = 60_000
NOON = int(datetime(2026, 6, 1, 12, tzinfo=timezone.utc).timestamp()) * 1000
HAPPY = tuple(0.94 if name == "happiness" else 0.01 for name in EMOTIONS)


class SetClock:
    """Both clocks of a device; the wall clock can be set."""

    def __init__(self, wall_ms: int = NOON, *, synced: bool = True) -> None:
        self.time_s = 100.0
        self.offset_ms = wall_ms - 100_000
        self.synced = synced

    def now(self) -> Now:
        return Now(self.time_s, self.wall_ms, self.synced)

    @property
    def wall_ms(self) -> int:
        return round(self.time_s * 1000) + self.offset_ms

    def now_s(self) -> float:
        return self.time_s

    def wall(self, time_s: float) -> datetime:
        return datetime.fromtimestamp((time_s * 1000 + self.offset_ms) / 1000, timezone.utc)

    def synchronized(self) -> bool:
        return self.synced

    def set(self, wall_ms: int) -> None:
        self.offset_ms = wall_ms - round(self.time_s * 1000)


def live(
    tally: MinuteTally, clock: SetClock, seconds: float, column: str = "happiness", step_s: float = 0.5
) -> list[Changes]:
    """Let time pass in one state, as the daemon does; what was taken meanwhile."""
    taken = []
    end_s = clock.time_s + seconds
    probabilities = HAPPY if column in EMOTIONS else None
    while True:
        tally.state(clock.now(), COLUMN[column], probabilities)
        if (changes := tally.take()) is not None:
            taken.append(changes)
        if clock.time_s >= end_s:
            return taken
        clock.time_s = min(end_s, clock.time_s + step_s)


def state(time_s: float, emotion: Emotion | None = "happiness", reason: str = "") -> FusedState:
    return FusedState(
        time_s=time_s,
        probabilities=None if emotion is None else as_probabilities(HAPPY),
        emotion=emotion,
        confidence=0.9 if emotion else 0.0,
        decided_by="face" if emotion else None,
        reason=reason,
    )


def ended(
    started_s: float, ended_s: float, event_id: str = "00ff00ff00ff00ff", recording: str | None = None
) -> EmotionEvent:
    return EmotionEvent("end", event_id, "happiness", started_s, ended_s, 0.8123, recording)
