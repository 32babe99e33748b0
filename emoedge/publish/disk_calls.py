"""Calls that a disk may hold up, in a thread of their own: who asks waits only briefly.

`DiskCalls` is the bookkeeping, for one thread and with the time from outside; `DiskThread` is where they run.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from emoedge.errors import EmoedgeError
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

WAIT_S: Final = 0.2
"""Wait for an answer: a healthy disk has it within milliseconds. A later one is taken when it comes."""
SLOW_S: Final = 10.0
"""A disk that has not answered for longer is reported."""
RETRY_S: Final = 10.0
"""Time between attempts to use a failing disk."""
_REMEMBERED: Final = 0.9
"""Share of the slowest duration that is kept with each call."""
NO_ANSWER: Final = tr("the disk of paths.state does not answer (check the disk)")
HUNG_AFTER_S: Final = 120.0
"""One commit on a bad card takes many seconds."""

_Result = TypeVar("_Result")


class DiskCall(Generic[_Result]):
    """One call and, once it has returned, what came of it.

    Args:
        work: is called once.
    """

    def __init__(self, work: Callable[[], _Result]) -> None:
        self._work = work
        self._done = threading.Event()
        self._result: _Result
        self._error: Exception | None = None
        self.took_s = 0.0

    def run(self) -> None:
        """Call it; never raises."""
        begun_s = time.monotonic()
        try:
            self._result = self._work()
        except Exception as error:  # noqa: BLE001 - raised again where the result is taken
            self._error = error
        self.took_s = time.monotonic() - begun_s
        self._done.set()

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has returned; return whether it has."""
        return self._done.wait(timeout_s)

    def take(self) -> _Result:
        """Return the result, or raise what was raised; only once it has returned."""
        if self._error is not None:
            raise self._error
        return self._result


@dataclass(frozen=True, slots=True)
class _Begun:
    call: DiskCall[Any]
    follow: Callable[[Any], None]
    since_s: float


class DiskCalls:
    """One call at a time, what follows on its answer, and when to try again after a failure.

    Args:
        run: runs a call, here and now or in another thread.
    """

    def __init__(self, run: Callable[[DiskCall[Any]], None]) -> None:
        self.error = ""
        """Fault of the disk; empty while it can be used."""
        self.retry_s = float("-inf")
        """Time of the next attempt after a failure."""
        self.took_s = 0.0
        """Duration of the slowest of the last calls, in seconds."""
        self._run = run
        self._wait_s = WAIT_S
        self._waiting: _Begun | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether an answer has not been taken yet."""
        return self._waiting is not None

    def is_ready(self, now_s: float) -> bool:
        """Take what has been answered; return whether another call may begin."""
        return self.settle(now_s) and now_s >= self.retry_s

    def begin(self, now_s: float, work: Callable[[], _Result], follow: Callable[[_Result], None]) -> None:
        """Have something done; `follow` takes the result, now or when it is there.

        Only when no answer is waited for. An EmoedgeError from `work` is a fault of the disk.
        """
        call = DiskCall(work)
        self._waiting = _Begun(call, follow, now_s)
        self._run(call)
        call.wait(self._wait_s)
        self.settle(now_s)

    def settle(self, now_s: float) -> bool:
        """Take what has been answered; return whether nothing is left to be answered."""
        waiting = self._waiting
        if waiting is None:
            return True
        if not waiting.call.wait(0):
            if now_s - waiting.since_s > SLOW_S:
                self._report(NO_ANSWER)
            return False
        self._waiting = None
        self.took_s = max(_REMEMBERED * self.took_s, waiting.call.took_s)
        try:
            result = waiting.call.take()
        except EmoedgeError as error:
            self._report(str(error))
            self.retry_s = now_s + RETRY_S
            return True
        if self.error:
            logger.info("the spool works again")
        self.error = ""
        waiting.follow(result)
        return True

    def hurry(self, now_s: float, wait_s: float) -> None:
        """For the end: try at once, and wait for each answer as long as this, for the present one too."""
        self._wait_s, self.retry_s = wait_s, float("-inf")
        if self._waiting is not None:
            self._waiting.call.wait(wait_s)
            self.settle(now_s)
            self.retry_s = float("-inf")

    def _report(self, error: str) -> None:
        if not self.error:
            logger.error("messages wait in memory only: %s", error)
        self.error = error


class DiskThread:
    """Runs calls one after the other.

    Args:
        name: of the thread.
        on_return: called in the thread after each call.
    """

    def __init__(self, name: str, on_return: Callable[[], None]) -> None:
        self._calls: queue.SimpleQueue[DiskCall[Any] | None] = queue.SimpleQueue()
        self._on_return = on_return
        self.thread = WorkerThread(name, self._run, limit_s=HUNG_AFTER_S, wake=lambda: self._calls.put(None))

    def put(self, call: DiskCall[Any]) -> None:
        """Have a call run after those that wait; returns at once."""
        self._calls.put(call)

    def _run(self) -> None:
        while True:
            self.thread.rest()
            call = self._calls.get()
            if call is None:
                return
            self.thread.beat()
            call.run()
            self._on_return()


def nothing(_result: object) -> None:
    """Follow a call with nothing."""
