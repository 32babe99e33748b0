"""Keeps the history while the daemon runs: what the stages and decisions find becomes rows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from emoedge.clock import Clock
from emoedge.config import HistorySettings
from emoedge.health import Health
from emoedge.history.tally import MinuteTally, Now, column_of
from emoedge.history.writer_thread import HistoryWriter
from emoedge.local_time import Zone, midnight
from emoedge.observations import ActivityChange, AudioActivity, FacesObservation
from emoedge.outcomes import EmotionEvent, FusedState

SEES_S: Final = 10.0
"""Seconds after the last analysed picture for which a camera tells whether a person is there."""


class HistoryRecorder:
    """Counts what is offered, from any thread, and gives it to the writer; waits for no disk.

    Args:
        settings: whether, and how much.
        state: folder of the file.
        clock: the pipeline's clock.
        zone: of days.
    """

    def __init__(self, settings: HistorySettings, state: Path, clock: Clock, zone: Zone) -> None:
        self._settings = settings
        self._clock = clock
        self._zone = zone
        self._tally = MinuteTally()
        self._lock = threading.Lock()
        self._faces_s = float("-inf")
        self._retained: tuple[date, bool] | None = None
        self._writer = HistoryWriter(settings, state, zone, self._forget_tally)

    def start(self) -> None:
        """Begin to count and to write."""
        self._writer.thread.start()
        with self._lock:
            self._tally.look(self._now())

    def request_stop(self) -> None:
        """Have what there is written, the minute under way too, and then the end; returns at once."""
        if self._settings.enabled:
            with self._lock:
                self._tally.look(self._now())
                self._hand_over(everything=True)
        self._writer.thread.request_stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it came."""
        return self._writer.thread.join(timeout_s)

    def look(self) -> None:
        """Call about once a second: minutes that are over are written, days that are too old go."""
        now = self._now()
        today = (datetime.fromtimestamp(now.wall_ms / 1000).astimezone(self._zone).date(), now.synced)
        if today != self._retained:
            self._retained = today
            oldest = midnight(today[0] - timedelta(days=self._settings.keep_days), self._zone)
            self._writer.retain(round(oldest.timestamp() * 1000) if now.synced else None)
        if self._settings.enabled:
            with self._lock:
                self._tally.look(now)
                self._hand_over()

    def offer_state(self, state: FusedState) -> None:
        """The fused state of this moment."""
        if not self._settings.enabled:
            return
        now = self._now()
        with self._lock:
            sees = now.time_s - self._faces_s <= SEES_S
            if not sees:
                self._tally.people(now, 0)
            column = column_of(state, sees=sees, speaks=self._tally.speaks(now.time_s))
            probabilities: Sequence[float] | None = None
            if state.probabilities is not None:
                probabilities = state.probabilities.tolist()
            self._tally.state(now, column, probabilities)

    def offer_faces(self, faces: FacesObservation) -> None:
        """The faces of a frame, of which they are counted."""
        if self._settings.enabled:
            with self._lock:
                self._faces_s = max(self._faces_s, faces.time_s)
                self._tally.people(self._now(), faces.people)

    def offer_activity(self, item: AudioActivity) -> None:
        """A block of sound, of which it is noted whether somebody speaks."""
        if self._settings.enabled:
            changes: tuple[ActivityChange, ...] = item.changes
            with self._lock:
                self._tally.heard(item.block.time_s + item.duration_s, changes)

    def on_event(self, event: EmotionEvent) -> None:
        """An episode began or ended; with the id of its segment."""
        if self._settings.enabled:
            with self._lock:
                self._tally.episode(self._now(), event)

    def set_privacy(self, on: bool) -> None:
        """From now on nothing but the gap is kept, or all is again."""
        if self._settings.enabled:
            with self._lock:
                self._tally.privacy(self._now(), on=on)
                if on:
                    self._faces_s = float("-inf")
                self._hand_over()

    def forget(self, before: datetime | None = None, since: datetime | None = None) -> None:
        """Delete what is older than a moment, and what is not over at another; aware.

        What waits for the disk and the minute under way go in any case.
        """
        before_ms, since_ms = (
            None if moment is None else round(moment.timestamp() * 1000) for moment in (before, since)
        )
        self._forget_tally()
        self._writer.forget(before_ms, since_ms)

    def health(self) -> Health:
        """The part `history`."""
        return self._writer.health() if self._settings.enabled else Health("history", "off")

    def _now(self) -> Now:
        time_s = self._clock.now_s()
        wall = self._clock.wall(time_s)
        return Now(time_s, round(wall.timestamp() * 1000), self._clock.synchronized())

    def _hand_over(self, *, everything: bool = False) -> None:
        changes = self._tally.take(everything=everything)
        if changes is not None:
            self._writer.put(changes)

    def _forget_tally(self) -> None:
        with self._lock:
            self._tally.forget(self._now())
