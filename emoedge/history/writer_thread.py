"""Thread that writes the history; no other thread waits for it, even if the disk hangs."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.config import HistorySettings
from emoedge.health import Health
from emoedge.history.database import ASIDE, FILE_NAME, HistoryError, HistoryFile
from emoedge.history.rows import Changes
from emoedge.local_time import Zone
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

KEPT_S: Final = 3600.0
"""Seconds after which changes that the disk does not accept are dropped."""
QUIET_S: Final = 240.0
"""Age at which minutes in which nobody was there are written, in seconds: five at a time, which spares the
card. A power cut takes no more than them."""
MAX_WAITING: Final = 2000
"""Sets of changes in memory: one a minute, and one at the end of each episode."""
RETRY_S: Final = 10.0
"""Time between attempts to use a failing disk."""
SLOW_S: Final = 10.0
"""A disk that has not answered for longer is reported."""
HUNG_AFTER_S: Final = 120.0
"""One commit on a bad card takes many seconds."""
NO_ANSWER: Final = tr("the disk of paths.state does not answer: the history waits in memory (check the disk)")
DAMAGED: Final = tr(
    "{file} was damaged: it is now {aside}, and a new one was started (delete the damaged one)",
    file=FILE_NAME,
    aside=ASIDE,
)


@dataclass(frozen=True, slots=True)
class _Unwritten:
    since_s: float
    changes: Changes


@dataclass(frozen=True, slots=True)
class _Deletion:
    before_ms: int | None
    since_ms: int | None = None
    by_size: bool = False


class HistoryWriter:
    """Writes changes and deletes by age and size, in its own thread. Callable from any thread; never waits.

    Args:
        settings: limits.
        state: folder of the file.
        zone: of the days that go.
        on_gone: called in the thread when the file is not there any more: it was purged.
        now_s: monotonic clock, seconds.
    """

    def __init__(
        self,
        settings: HistorySettings,
        state: Path,
        zone: Zone,
        on_gone: Callable[[], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._zone = zone
        self._on_gone = on_gone
        self._now_s = now_s
        self._file = HistoryFile(state)
        self._changed = threading.Condition()
        self._waiting: deque[_Unwritten] = deque()
        self._deletions: list[_Deletion] = []
        self._retry_s = float("-inf")
        self._fault = ""
        self._lost = 0
        self._bytes = 0
        self.thread = WorkerThread("history", self._run, limit_s=HUNG_AFTER_S, wake=self._wake)

    def put(self, changes: Changes) -> None:
        """Have changes written; what has waited for longer than KEPT_S goes."""
        now_s = self._now_s()
        with self._changed:
            self._waiting.append(_Unwritten(now_s, changes))
            while len(self._waiting) > MAX_WAITING or now_s - self._waiting[0].since_s > KEPT_S:
                self._lost += len(self._waiting.popleft().changes.minutes)
            self._changed.notify()

    def retain(self, before_ms: int | None) -> None:
        """Delete what is older than a moment (None while the clock cannot be believed), then by size."""
        self._delete(_Deletion(before_ms, by_size=True))

    def forget(self, before_ms: int | None, since_ms: int | None) -> None:
        """Delete what is older than a moment and what is not over at another; what waits goes in any case."""
        with self._changed:
            self._waiting.clear()
        self._delete(_Deletion(before_ms, since_ms))

    def health(self) -> Health:
        """The part `history`: minutes that wait and that are lost, bytes of the file."""
        with self._changed:
            waiting = sum(len(one.changes.minutes) for one in self._waiting)
        figures: dict[str, float | int | str | None] = {
            "waiting": waiting,
            "lost": self._lost,
            "bytes": self._bytes,
        }
        fault = self.thread.fault or (NO_ANSWER if self.thread.busy_s > SLOW_S else self._fault)
        if fault or self._file.set_aside:
            return Health("history", "degraded", fault or DAMAGED, figures)
        return Health("history", "ok", "", figures)

    def _delete(self, deletion: _Deletion) -> None:
        with self._changed:
            self._deletions.append(deletion)
            self._changed.notify()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while True:
            self.thread.rest()
            with self._changed:
                while not (self._is_due() or self.thread.stopping.is_set()):
                    left_s = self._retry_s - self._now_s()
                    self._changed.wait(left_s if left_s > 0 else None)
                is_last = self.thread.stopping.is_set()
                waiting, deletions = tuple(self._waiting), tuple(self._deletions)
            self.thread.beat()
            self._use_disk(waiting, deletions)
            if is_last and not (self._waiting and not self._fault):
                break
        self._file.close()
        if self._waiting:
            logger.warning("cannot write the last %d changes of the history", len(self._waiting))

    def _is_due(self) -> bool:
        now_s = self._now_s()
        if now_s < self._retry_s or not (self._waiting or self._deletions):
            return False
        is_ripe = self._waiting and now_s - self._waiting[0].since_s >= QUIET_S
        return bool(self._deletions or is_ripe) or not all(one.changes.is_quiet for one in self._waiting)

    def _use_disk(self, waiting: tuple[_Unwritten, ...], deletions: tuple[_Deletion, ...]) -> None:
        try:
            if self._has_file():
                self._write(waiting, deletions)
        except HistoryError as error:
            if not self._fault:
                logger.warning("the history waits in memory: %s", error)
            self._fault, self._retry_s = str(error), self._now_s() + RETRY_S
        else:
            if self._fault:
                logger.info("the history is written again")
            self._fault, self._retry_s = "", float("-inf")

    def _has_file(self) -> bool:
        """Return whether a file is in use or can be created; a purged one takes queued changes with it."""
        if not self._file.is_gone() and (self._settings.enabled or self._file.path.exists()):
            return True
        if self._file.is_gone():
            logger.info("the history was purged")
            self._file.begin_again()
            self._on_gone()
        with self._changed:
            self._waiting.clear()
            self._deletions.clear()
        return False

    def _write(self, waiting: tuple[_Unwritten, ...], deletions: tuple[_Deletion, ...]) -> None:
        if waiting:
            self._file.write(one.changes for one in waiting)
            self._drop(waiting)
        for deletion in deletions:
            if deletion.before_ms is not None or deletion.since_ms is not None:
                self._file.delete(deletion.before_ms, deletion.since_ms)
            if deletion.by_size:
                self._file.trim(self._settings.max_bytes, self._zone)
        with self._changed:
            self._deletions = [one for one in self._deletions if one not in deletions]
        self._bytes = self._file.size_bytes()

    def _drop(self, written: tuple[_Unwritten, ...]) -> None:
        with self._changed:
            kept = [one for one in self._waiting if not any(one is done for done in written)]
            self._waiting = deque(kept)
