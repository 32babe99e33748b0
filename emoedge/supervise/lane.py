"""Jobs of one kind, one after the other in a thread of their own, so that others never wait for them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LaneJob:
    """Something to be done.

    Attributes:
        run: does it.
        fail: told why it is not, or could not be, done.
    """

    run: Callable[[], None]
    fail: Callable[[str], None]


class Lane:
    """A bounded queue and its thread.

    Args:
        name: of the thread.
        limit: jobs that wait.
        newest_counts: where the queue is full a new job takes the place of the oldest, else it is refused.
    """

    def __init__(self, name: str, limit: int, *, newest_counts: bool = False) -> None:
        self._limit = limit
        self._newest_counts = newest_counts
        self._changed = threading.Condition()
        self._jobs: deque[LaneJob] = deque()
        self.thread = WorkerThread(name, self._run, wake=self._wake)

    def put(self, job: LaneJob) -> None:
        """Add a job, or have it fail; never waits."""
        failed: LaneJob | None = None
        with self._changed:
            if len(self._jobs) >= self._limit:
                failed = self._jobs.popleft() if self._newest_counts else job
            if failed is not job:
                self._jobs.append(job)
                self._changed.notify()
        if failed is not None:
            failed.fail(
                tr("a newer one has arrived") if self._newest_counts else tr("too many requests wait")
            )

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        while not self.thread.stopping.is_set():
            self.thread.rest()
            with self._changed:
                if not self._jobs:
                    self._changed.wait()
                    continue
                job = self._jobs.popleft()
            self.thread.beat()
            try:
                job.run()
            except Exception as error:
                logger.exception("unexpected error in a request")
                job.fail(f"{type(error).__name__}: {error}")
