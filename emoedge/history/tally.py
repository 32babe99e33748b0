"""Counts seconds into minutes of the wall clock; pure: states, faces, speech and a clock in, rows out.

Time is counted on the wall clock, which only moves on: nothing is counted twice where the clock goes back. A
jump ends the stretch of time that was counted; a stretch whose clock was not synchronised is moved once, when
the clock becomes so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from emoedge.clock import JUMP_S
from emoedge.emotions import EMOTION_COUNT
from emoedge.history.rows import (
    COLUMN,
    COLUMNS,
    MAX_PEOPLE,
    MINUTE_MS,
    SYNCED,
    UNKNOWN,
    WHOLE,
    Changes,
    ClockMove,
    EpisodeRow,
    GapRow,
    MinuteRow,
)
from emoedge.observations import STILL, ActivityChange
from emoedge.outcomes import EmotionEvent, FusedState

HOLD_MS: Final = 5_000
"""Time for which a state is believed when no other comes: they come several times a second."""
LAG_MS: Final = 5_000
"""Time after which a minute is finished: the end of speech is known a moment later."""
HANGOVER_S: Final = 3.0
"""Seconds of speech that may still turn out to be silence."""


@dataclass(frozen=True, slots=True)
class Now:
    """A moment on both clocks: monotonic seconds, wall clock in ms since 1970, and whether that is known."""

    time_s: float
    wall_ms: int
    synced: bool


def column_of(state: FusedState, *, sees: bool, speaks: bool) -> int:
    """Number of the column in which the time of a state is counted.

    Args:
        state: the fused state.
        sees: whether the camera's pictures are being analysed.
        speaks: whether somebody speaks.
    """
    if state.emotion is not None:
        return COLUMN[state.emotion]
    if state.reason in ("offline", "privacy"):
        return UNKNOWN
    if sees and state.reason in ("nobody", STILL):
        return COLUMN["nobody"]
    return COLUMN["unsure"] if sees or speaks or state.reason == "unsure" else UNKNOWN


@dataclass(slots=True)
class _Minute:
    spent_ms: list[int] = field(default_factory=lambda: [0] * len(COLUMNS))
    speech_ms: int = 0
    opinion_ms: int = 0
    weighted: list[float] = field(default_factory=lambda: [0.0] * EMOTION_COUNT)
    people_max: int = 0

    def row(self, start_ms: int, stretch: int) -> MinuteRow:
        means = [value / self.opinion_ms if self.opinion_ms else 0.0 for value in self.weighted]
        return MinuteRow(
            start_ms,
            stretch,
            tuple(self.spent_ms),
            min(self.speech_ms, MINUTE_MS),
            self.opinion_ms,
            tuple(min(WHOLE, max(0, round(value * WHOLE))) for value in means),
            self.people_max,
        )


class MinuteTally:
    """Times of this run that have not been written yet. Not thread-safe."""

    def __init__(self) -> None:
        self._offset_ms: int | None = None
        self._cursor_ms = 0
        self._stretch = SYNCED
        self._stretches = 0
        self._unsynced: dict[int, int] = {}
        self._column = UNKNOWN
        self._probabilities: Sequence[float] | None = None
        self._held_until_ms = 0
        self._people = 0
        self._speech_s: float | None = None
        self._heard_s = float("-inf")
        self._private_ms: int | None = None
        self._recordings: dict[str, str] = {}
        self._forgotten_ms = 0
        self._open: dict[int, _Minute] = {}
        self._taken_minute = 0
        self._finished: list[MinuteRow] = []
        self._episodes: list[EpisodeRow] = []
        self._gaps: list[GapRow] = []
        self._moves: list[ClockMove] = []
        self._begun: tuple[int, int] | None = None

    def speaks(self, now_s: float) -> bool:
        """Return whether somebody speaks at a moment, and is heard."""
        return self._speech_s is not None and now_s - self._heard_s < HOLD_MS / 1000

    def look(self, now: Now) -> None:
        """Count the time until a moment; one that lies further back than the last changes nothing."""
        offset_ms = now.wall_ms - round(now.time_s * 1000)
        if self._offset_ms is None:
            self._offset_ms, self._cursor_ms = offset_ms, now.wall_ms
            self._taken_minute = now.wall_ms // MINUTE_MS
            self._stretch = self._new_stretch(now)
            self._begun = now.wall_ms, self._stretch
            return
        is_synced = self._stretch == SYNCED
        jumped = abs(offset_ms - self._offset_ms) > JUMP_S * 1000
        if jumped or now.synced != is_synced:
            self._break(now, offset_ms, jumped=jumped)
        else:
            self._count_until(now.wall_ms)
        self._offset_ms = offset_ms

    def state(self, now: Now, column: int, probabilities: Sequence[float] | None) -> None:
        """From now on time is counted in a column; `probabilities` are the seven fused ones."""
        self.look(now)
        self._column, self._probabilities = column, probabilities
        self._held_until_ms = self._cursor_ms + HOLD_MS

    def people(self, now: Now, count: int) -> None:
        """Note the number of people in the picture."""
        self.look(now)
        if self._private_ms is None:
            self._people = min(count, MAX_PEOPLE)
            if count:
                self._note_people(self._minute(self._cursor_ms))

    def heard(self, until_s: float, changes: Sequence[ActivityChange]) -> None:
        """Sound was listened to until a moment, in which speech began or ended."""
        if self._private_ms is not None or self._offset_ms is None:
            return
        self._heard_s = max(self._heard_s, until_s)
        for change in changes:
            if change.speaking and not change.pause:
                self._speech_s = change.time_s if self._speech_s is None else self._speech_s
            elif not change.speaking and not change.pause:
                self._count_speech(change.time_s)
                self._speech_s = None
        self._count_speech(self._heard_s - HANGOVER_S)

    def episode(self, now: Now, event: EmotionEvent) -> None:
        """An episode began or ended; it is kept when it has ended, and ends at the latest with privacy."""
        self.look(now)
        if event.ended_s is None:
            if event.recording is not None:
                self._recordings = {event.event_id: event.recording}
            return
        recording = event.recording or self._recordings.get(event.event_id)
        latest_ms = self._cursor_ms if self._private_ms is None else self._private_ms
        ended_ms = min(self._wall_ms(event.ended_s), latest_ms)
        started_ms = max(self._wall_ms(event.started_s), self._forgotten_ms)
        if ended_ms >= started_ms:
            peak = min(WHOLE, max(0, round(event.peak_confidence * WHOLE)))
            self._episodes.append(
                EpisodeRow(
                    event.event_id, event.emotion, started_ms, ended_ms, peak, recording, self._stretch
                )
            )

    def privacy(self, now: Now, *, on: bool) -> None:
        """From now on nothing but the gap is kept, or all is again."""
        self.look(now)
        if on and self._private_ms is None:
            self._end_speech()
            self._private_ms = self._cursor_ms
        elif not on and self._private_ms is not None:
            self._close_gap()
        self._column, self._probabilities, self._people = UNKNOWN, None, 0

    def forget(self, now: Now) -> None:
        """Drop all that was not taken yet; counting goes on from here."""
        self.look(now)
        self._open.clear()
        self._clear()
        self._recordings, self._begun, self._forgotten_ms = {}, None, self._cursor_ms
        self._speech_s = None if self._speech_s is None else now.time_s
        if self._private_ms is not None:
            self._private_ms = self._cursor_ms

    def take(self, *, everything: bool = False) -> Changes | None:
        """Return what has been collected since the last call; None without anything to write.

        Args:
            everything: at the end: the minute that is under way too.
        """
        minute = (self._cursor_ms - LAG_MS) // MINUTE_MS
        due = everything or minute > self._taken_minute
        if not (due or self._episodes or self._gaps or self._moves or self._finished):
            return None
        if due:
            self._taken_minute = minute
            self._finish(self._cursor_ms if everything else minute * MINUTE_MS)
        if self._private_ms is not None:
            self._gaps.append(GapRow(self._private_ms, self._cursor_ms, "privacy", self._stretch))
        end_ms = min(self._open, default=self._cursor_ms)
        begun_ms, begun_stretch = self._begun or (None, SYNCED)
        changes = Changes(
            tuple(self._finished),
            tuple(self._episodes),
            tuple(gap for gap in self._gaps if gap.to_ms > gap.from_ms),
            tuple(self._moves),
            begun_ms,
            begun_stretch,
            end_ms,
        )
        self._begun = None
        self._clear()
        return changes

    def _clear(self) -> None:
        for rows in (self._finished, self._episodes, self._gaps, self._moves):
            rows.clear()

    # ---- the clock ----

    def _new_stretch(self, now: Now) -> int:
        if now.synced:
            return SYNCED
        self._stretches += 1
        self._unsynced[self._stretches] = now.wall_ms - round(now.time_s * 1000)
        return self._stretches

    def _break(self, now: Now, offset_ms: int, *, jumped: bool) -> None:
        """End the present stretch of time by the clock as it was, and begin another."""
        was_ms = self._wall_ms(now.time_s)
        self._count_until(was_ms)
        speaks = self._speech_s is not None
        self._end_speech()
        private = self._private_ms is not None
        if private:
            self._close_gap()
        self._finish(self._cursor_ms + 1)
        cursor_ms = now.wall_ms
        if now.synced and self._stretch != SYNCED:
            for stretch, known_ms in self._unsynced.items():
                self._moves.append(ClockMove(stretch, offset_ms - known_ms))
            move = self._moves[-1]
            cursor_ms = max(cursor_ms, self._cursor_ms + move.minutes_ms)
            self._unsynced.clear()
            self._stretch = SYNCED
        else:
            if not jumped:
                cursor_ms = max(cursor_ms, self._cursor_ms)
            else:
                first, last = sorted((was_ms, now.wall_ms))
                self._gaps.append(GapRow(first, last, "clock", self._stretch))
            self._stretch = self._new_stretch(now)
        self._held_until_ms += cursor_ms - self._cursor_ms
        self._forgotten_ms += cursor_ms - self._cursor_ms
        self._cursor_ms = cursor_ms
        self._taken_minute = (cursor_ms - LAG_MS) // MINUTE_MS
        if private:
            self._private_ms = cursor_ms
        if speaks:
            self._speech_s = now.time_s

    def _wall_ms(self, time_s: float) -> int:
        assert self._offset_ms is not None
        return round(time_s * 1000) + self._offset_ms

    # ---- counting ----

    def _minute(self, at_ms: int) -> _Minute:
        return self._open.setdefault(at_ms // MINUTE_MS * MINUTE_MS, _Minute())

    def _note_people(self, minute: _Minute) -> None:
        minute.people_max = max(minute.people_max, self._people)

    def _count_until(self, until_ms: int) -> None:
        if self._private_ms is None:
            self._spend(min(until_ms, self._held_until_ms), self._column, self._probabilities)
            self._spend(until_ms, UNKNOWN, None)
        self._cursor_ms = max(self._cursor_ms, until_ms)

    def _spend(self, until_ms: int, column: int, probabilities: Sequence[float] | None) -> None:
        while self._cursor_ms < until_ms:
            minute = self._minute(self._cursor_ms)
            end_ms = min(until_ms, self._cursor_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS)
            spent_ms = end_ms - self._cursor_ms
            minute.spent_ms[column] += spent_ms
            if column != UNKNOWN:
                self._note_people(minute)
            if probabilities is not None:
                minute.opinion_ms += spent_ms
                for index, value in enumerate(probabilities):
                    minute.weighted[index] += value * spent_ms
            self._cursor_ms = end_ms

    def _count_speech(self, until_s: float) -> None:
        if self._speech_s is None or until_s <= self._speech_s:
            return
        at_ms, until_ms = self._wall_ms(self._speech_s), self._wall_ms(until_s)
        self._speech_s = until_s
        while at_ms < until_ms:
            end_ms = min(until_ms, at_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS)
            self._minute(at_ms).speech_ms += end_ms - at_ms
            at_ms = end_ms

    def _end_speech(self) -> None:
        self._count_speech(self._heard_s)
        self._speech_s = None

    def _close_gap(self) -> None:
        assert self._private_ms is not None
        self._gaps.append(GapRow(self._private_ms, self._cursor_ms, "privacy", self._stretch))
        self._private_ms = None

    def _finish(self, before_ms: int) -> None:
        """Turn the minutes that began before a moment into rows; those of which nothing is known go."""
        for start_ms in sorted(start_ms for start_ms in self._open if start_ms < before_ms):
            row = self._open.pop(start_ms).row(start_ms, self._stretch)
            if row.is_known:
                self._finished.append(row)
