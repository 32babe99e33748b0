"""Housekeeping thread: has segments finished and recovered, and applies retention.

A copy of forty megabytes onto a slow card must not delay the frames of the next segment.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

from emoedge.clock import Clock
from emoedge.config.settings import RecordingSettings
from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.outcomes import RecordingChange
from emoedge.record.finish import ClosedSegment, FinishedSegment, finish
from emoedge.record.mux import write_errors
from emoedge.record.recover import recover
from emoedge.record.retention import Deletion, Limits
from emoedge.record.snapshots import Snapshots
from emoedge.record.store import Segment, Store
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

SWEEP_S: Final = 300.0
"""Interval of the sweeps (recovery, limits, figures), in seconds."""
HUNG_AFTER_S: Final = 300.0
"""Seconds after which the thread counts as hung: copying a long segment onto a slow card takes minutes."""
FAULTY_SWEEP_S: Final = 30.0
"""Interval of the sweeps after a fault, in seconds, so that the store recovers soon."""


class Housekeeping:
    """Thread that maintains the store.

    Args:
        store: the segments.
        settings: the section `recording`.
        clock: for retention by age and the time of changes.
        language: of subtitles.
        notify: called for each segment finished, deleted or failed, from this thread and from the one that
            calls `make_room`.
    """

    def __init__(
        self,
        store: Store,
        settings: RecordingSettings,
        clock: Clock,
        language: Language,
        notify: Callable[[RecordingChange], None],
    ) -> None:
        self.fault = ""
        self._store = store
        self._settings = settings
        self._snapshots = Snapshots(settings.dir, settings.keep_days)
        self._limits = Limits(settings.keep_days, settings.max_bytes, settings.min_free_bytes)
        self._clock = clock
        self._language = language
        self._notify = notify
        self._jobs: queue.Queue[tuple[ClosedSegment, str] | None] = queue.Queue()
        self._deadline = float("inf")
        self._store_lock = threading.Lock()
        self._figures: dict[str, float | int | str | None] = {}
        self.thread = WorkerThread(
            "housekeeping", self._run, limit_s=HUNG_AFTER_S, wake=lambda: self._jobs.put(None)
        )

    def start(self) -> None:
        """Recover interrupted segments, apply the limits, then wait for work."""
        self.thread.start()

    def stop(self, deadline: float) -> bool:
        """Finish the waiting segments until `deadline` (time.monotonic()); return False if some are left."""
        # Half of what is left for copying: the digest and the renames need time as well.
        now = time.monotonic()
        self._deadline = now + max(0.0, deadline - now) / 2
        return self.thread.stop(deadline - time.monotonic())

    def enqueue(self, segment: ClosedSegment, reason: str) -> None:
        """Have a closed segment finished by the thread; `reason` is what `notify` reports."""
        self._jobs.put((segment, reason))

    @property
    def opening(self) -> threading.Lock:
        """Lock to hold while a segment is opened: until then it looks like one that a power cut left."""
        return self._store.opening

    def figures(self) -> dict[str, float | int | str | None]:
        """Number of segments, their bytes and the free bytes, as of the last sweep."""
        return dict(self._figures)

    def make_room(self, needed_bytes: int | None = None) -> None:
        """Delete the oldest segments until `needed_bytes` (by default `min_free_bytes`) of the disk are free.

        Raises:
            RecordingError: there is nothing left to delete.
            OSError: the disk cannot be read or written.
        """
        needed = self._limits.min_free_bytes if needed_bytes is None else needed_bytes
        if self._store.free_bytes() >= needed:
            return
        self._enforce()
        free = self._store.free_bytes()
        if free < needed:
            raise RecordingError(
                f"disk full: {free // 1_000_000} MB free, {needed // 1_000_000} MB must stay free",
                "free some space or lower recording.min_free_bytes",
            )

    def _run(self) -> None:
        next_sweep = 0.0
        while True:
            self.thread.beat()
            if time.monotonic() >= next_sweep:
                self._sweep()
                next_sweep = time.monotonic() + (FAULTY_SWEEP_S if self.fault else SWEEP_S)
            self.thread.rest()
            try:
                job = self._jobs.get(timeout=max(0.05, next_sweep - time.monotonic()))
            except queue.Empty:
                continue
            if job is None:
                return
            self.thread.beat()
            try:
                self._finish_and_notify(*job)
            except Exception as error:
                # Nothing foreseen; the next segment must be finished all the same.
                self.fault = f"{type(error).__name__}: {error}"
                logger.exception("unexpected error in finishing a segment")
            next_sweep = min(next_sweep, time.monotonic() + 1.0)

    def _finish_and_notify(self, segment: ClosedSegment, reason: str) -> None:
        segment_id = segment.media.stem
        try:
            finished = finish(segment, lambda: time.monotonic() > self._deadline)
        except write_errors() as error:
            logger.warning("cannot finish segment %s: %s", segment_id, error)
            self.fault = str(error) if isinstance(error, OSError) else self.fault
            self._notify(
                RecordingChange("failed", segment_id, self._clock.now_s(), segment.media, reason=str(error))
            )
            return
        self._notify_finished(finished, reason)

    def _sweep(self) -> None:
        try:
            for finished in recover(self._store, self._language):
                self._notify_finished(finished, "recovered")
            self._enforce()
            self._sweep_snapshots()
            count, total = self._store.usage()
            self._figures = {"segments": count, "bytes": total, "free_bytes": self._store.free_bytes()}
        except write_errors() as error:
            if str(error) != self.fault:
                logger.warning("cannot maintain the recordings directory: %s", error)
            self.fault = str(error)
        except Exception as error:
            # Nothing foreseen; without this thread no segment would be finished any more.
            self.fault = f"{type(error).__name__}: {error}"
            logger.exception("unexpected error in housekeeping")
        else:
            self.fault = ""

    def _enforce(self) -> None:
        with self._store_lock:
            self._store.enforce(
                self._limits,
                now=self._clock.wall(self._clock.now_s()),
                clock_synced=self._clock.synchronized(),
                deleted=self._notify_deleted,
            )

    def _sweep_snapshots(self) -> None:
        now = self._clock.wall(self._clock.now_s())
        self._snapshots.sweep(now if self._clock.synchronized() else None)

    def _notify_finished(self, finished: FinishedSegment, reason: str) -> None:
        self._notify(
            RecordingChange(
                "finished",
                finished.media.stem,
                self._clock.now_s(),
                finished.media,
                finished.duration_s,
                finished.bytes,
                finished.sha256,
                f"{reason}: {finished.shortfall}" if finished.shortfall else reason,
            )
        )

    def _notify_deleted(self, segment: Segment, deletion: Deletion) -> None:
        logger.info("deleted segment %s (%s)", segment.segment_id, deletion.reason)
        self._notify(
            RecordingChange(
                "deleted",
                segment.segment_id,
                self._clock.now_s(),
                segment.media,
                bytes=segment.bytes,
                reason=deletion.reason,
            )
        )
