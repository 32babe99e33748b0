"""Housekeeping thread: finishes and recovers segments, and applies retention.

A copy of forty megabytes onto a slow card must not delay the frames of the next segment.
"""

from __future__ import annotations

import errno
import logging
import queue
import time
from collections.abc import Callable
from typing import Final

from emoedge.clock import Clock
from emoedge.config.recording_settings import RecordingSettings
from emoedge.emotions import Language
from emoedge.errors import RecordingError
from emoedge.outcomes import RecordingChange
from emoedge.record.disk import probe
from emoedge.record.finish import ClosedSegment, FinishedSegment, finish
from emoedge.record.mux import write_errors
from emoedge.record.recover import recover
from emoedge.record.retention import MIN_FREE_FILES, Limits
from emoedge.record.segment_files import Segment
from emoedge.record.snapshots import Snapshots
from emoedge.record.store import Store
from emoedge.translation import joined, tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

SWEEP_S: Final = 300.0
"""Interval of the sweeps (recovery, limits, figures), in seconds."""
HUNG_AFTER_S: Final = 300.0
"""Seconds after which the thread counts as hung: copying a long segment onto a slow card takes minutes."""
FAULTY_SWEEP_S: Final = 30.0
"""Interval of the sweeps after a fault, and while something waits to be deleted, in seconds."""
COMPARE_S: Final = 86_400.0
"""Interval of the comparisons of the index with every file, in seconds."""
SAVE_S: Final = 300.0
"""Least time between two writes of the index, in seconds."""
FULL_BYTES: Final = 32_000_000
"""Bytes deleted each time the disk reports to be full despite free space (a quota): a minute of video."""
ROOM_WAIT_S: Final = 30.0
"""Seconds for which a recording waits until there is room."""
PURGED: Final = "purged"
"""End reason of a segment that will be deleted instead of finished."""
FULL_ERRORS: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a full disk."""


class Housekeeping:
    """Thread that maintains the store.

    Args:
        store: the segments.
        settings: the section `recording`.
        clock: for retention by age and the time of changes.
        language: of subtitles.
        notify: called for each segment finished, deleted or failed, from this thread.

    Attributes:
        store: the segments.
        fault: what is wrong with the disk, or an empty string.
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
        self.store = store
        self._snapshots = Snapshots(settings.dir, settings.keep_days, store.remover)
        self._limits = Limits(settings.keep_days, settings.max_bytes, settings.min_free_bytes)
        self._clock = clock
        self._language = language
        self._notify = notify
        self._jobs: queue.Queue[Callable[[], None] | float | None] = queue.Queue()
        self._deadline = float("inf")
        self._is_full = self._has_waiting = False
        self._sweeps_begun = self._sweeps_ended = 0
        self._short: tuple[int, float] | None = None  # sweeps begun when room was asked for, and when
        self._compared_s = self._saved_s = float("-inf")
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
        """Let the thread finish a closed segment; `reason` is what `notify` reports."""
        self._jobs.put(lambda: self._finish_and_notify(segment, reason))

    def do(self, job: Callable[[], None]) -> None:
        """Let the thread run a task after those already waiting."""
        self._jobs.put(job)

    def figures(self) -> dict[str, float | int | str | None]:
        """Segments, their bytes, the free bytes and what cannot be deleted, as of the last sweep."""
        return dict(self._figures)

    def make_room(self, needed_bytes: int | None = None) -> bool:
        """Return whether `needed_bytes` (by default `min_free_bytes`) are free; if not, request it.

        Never waits for the disk: the thread deletes the oldest segments.

        Raises:
            RecordingError: a sweep has not helped.
            OSError: the disk cannot be queried.
        """
        needed = self._limits.min_free_bytes if needed_bytes is None else needed_bytes
        room = self.store.room()
        if room.bytes >= needed and room.files >= MIN_FREE_FILES:
            self._short = None
            return True
        if self._short is None:
            self._short = self._sweeps_begun, time.monotonic()
            self.request_sweep()
            return False
        begun, asked_s = self._short
        if self._sweeps_ended <= begun and time.monotonic() - asked_s < ROOM_WAIT_S:
            return False
        self._short = None
        if room.bytes < needed:
            raise RecordingError(
                tr(
                    "disk full: {bytes} MB free, {needed} MB must stay free",
                    bytes=room.bytes // 1000000,
                    needed=needed // 1000000,
                ),
                tr("free some space or lower recording.min_free_bytes"),
            )
        raise RecordingError(
            tr(
                "disk full: {files} free inodes, {min_free_files} must stay free",
                files=room.files,
                min_free_files=MIN_FREE_FILES,
            ),
            tr("delete files on the disk of recording.dir"),
        )

    def report(self, error: BaseException) -> None:
        """Note a write error: the disk may be full, whatever its figures show."""
        if getattr(error, "errno", None) in FULL_ERRORS:
            self._is_full = True
            self.request_sweep()

    def request_sweep(self, in_s: float = 0.0) -> None:
        """Schedule a sweep some seconds from now; it begins as soon as the thread is free."""
        self._jobs.put(in_s)

    def _run(self) -> None:
        next_sweep = 0.0
        while True:
            self.thread.beat()
            if time.monotonic() >= next_sweep:
                self._sweep()
                soon = self.fault or self._has_waiting
                next_sweep = time.monotonic() + (FAULTY_SWEEP_S if soon else SWEEP_S)
            self.thread.rest()
            try:
                job = self._jobs.get(timeout=max(0.05, next_sweep - time.monotonic()))
            except queue.Empty:
                continue
            if job is None:
                self.store.save_index()
                return
            if isinstance(job, float):
                next_sweep = min(next_sweep, time.monotonic() + job)
                continue
            self.thread.beat()
            try:
                job()
            except Exception as error:
                # An unexpected error: the next segment must still be finished.
                self.fault = f"{type(error).__name__}: {error}"
                logger.exception("unexpected error in housekeeping")
            next_sweep = min(next_sweep, time.monotonic() + 1.0)

    def _finish_and_notify(self, segment: ClosedSegment, reason: str) -> None:
        segment_id = segment.media.stem
        if reason == PURGED:
            self._delete(segment)
            return
        try:
            segment.details.setdefault("order", self.store.next_order(segment.details))
            with self.store.changing(segment.media):
                finished = finish(segment, lambda: time.monotonic() > self._deadline)
                self.store.remove_partial(segment.media)
        except write_errors() as error:
            logger.warning("cannot finish segment %s: %s", segment_id, error)
            self.report(error)
            self.fault = str(error) if isinstance(error, OSError) else self.fault
            self._notify(
                RecordingChange("failed", segment_id, self._clock.now_s(), segment.media, reason=str(error))
            )
            return
        self._notify_finished(finished, reason)

    def _delete(self, segment: ClosedSegment) -> None:
        """Delete a segment that is closed and not finished."""
        media = segment.media
        if segment.lock is not None:
            segment.lock.release()
        self.store.delete(Segment(media.stem, media.parent.name, media, 0))
        self._notify_deleted(Segment(media.stem, media.parent.name, media, 0), PURGED)

    def _sweep(self) -> None:
        """Recover, delete, count: each independently, so that a failure does not stop the others."""
        self._sweeps_begun += 1
        faults = [
            fault
            for step in (self._compare, self._recover, self._enforce, self._sweep_snapshots, self._count)
            if (fault := self._fault_of(step))
        ]
        if not faults and self.fault:
            # Only what has reached the disk shows that a fault is over.
            faults = [fault] if (fault := self._fault_of(lambda: probe(self.store.root))) else []
        if faults and faults[0] != self.fault:
            logger.warning("cannot maintain the recordings directory: %s", faults[0])
        self.fault = faults[0] if faults else ""
        self._sweeps_ended = self._sweeps_begun

    def _fault_of(self, step: Callable[[], None]) -> str:
        """Do a part of a sweep; return what went wrong, or an empty string."""
        self.thread.beat()
        try:
            step()
        except write_errors() as error:
            return str(error) or type(error).__name__
        except Exception as error:
            # An unexpected error: without this thread no segment would be finished.
            logger.exception("unexpected error in housekeeping")
            return f"{type(error).__name__}: {error}"
        return ""

    def _compare(self) -> None:
        """Fit the index to the disk: all names at the start, every file once a day, else what has changed."""
        now_s = time.monotonic()
        is_first = self._compared_s == float("-inf")
        is_due = now_s - self._compared_s >= COMPARE_S
        self.store.refresh(trust_times=not is_due, trust_files=is_first or not is_due, beat=self.thread.beat)
        if is_due:
            self._compared_s = now_s

    def _recover(self) -> None:
        for finished in recover(self.store, self._language):
            self.thread.beat()
            self._notify_finished(finished, "recovered")

    def _enforce(self) -> None:
        is_full, self._is_full = self._is_full, False
        swept = self.store.enforce(
            self._limits,
            now=self._clock.wall(self._clock.now_s()),
            clock_synced=self._clock.synchronized(),
            deleted=self._notify_deleted,
            shortage_bytes=FULL_BYTES if is_full else 0,
        )
        self._has_waiting = swept.waiting > 0
        if swept.reasons or swept.orphans:
            logger.info("deleted: %s", swept)

    def _count(self) -> None:
        count, total = self.store.usage()
        left = self.store.undeletable()
        self._figures = {
            "segments": count,
            "bytes": total,
            "free_bytes": self.store.room().bytes,
            "undeletable": len(left),
        }
        if time.monotonic() - self._saved_s >= SAVE_S:
            self._saved_s = time.monotonic()
            self.store.save_index()
        if left:
            more = f", and {len(left) - 1} more" if len(left) > 1 else ""
            raise RecordingError(
                tr(
                    "cannot delete {path}{more}: {reason}",
                    path=left[0].path,
                    more=more,
                    reason=left[0].reason,
                ),
                left[0].remedy,
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
                joined((reason, finished.shortfall), ": ") if finished.shortfall else reason,
            )
        )

    def _notify_deleted(self, segment: Segment, reason: str) -> None:
        self.thread.beat()
        logger.debug("deleted segment %s (%s)", segment.segment_id, reason)
        self._notify(
            RecordingChange(
                "deleted",
                segment.segment_id,
                self._clock.now_s(),
                segment.media,
                bytes=segment.bytes,
                reason=reason,
            )
        )
