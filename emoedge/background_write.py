"""Writes the newest of several values in a thread, for callers that must not wait for a disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from emoedge.worker_thread import WorkerThread

HUNG_AFTER_S: Final = 120.0
"""Time for a small file: a bad card takes many seconds."""

_Value = TypeVar("_Value")


class BackgroundWrite(Generic[_Value]):
    """Writes values one after the other; one that comes while another is written replaces what waits.

    Args:
        name: of the thread, which is there only while something is written.
        write: does not raise.
    """

    def __init__(self, name: str, write: Callable[[_Value], None]) -> None:
        self._name = name
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[_Value] = []
        self.thread: WorkerThread | None = None
        """The present thread, or the last one."""

    def put(self, value: _Value) -> None:
        """Have a value written; returns at once. RuntimeError where the machine has no thread left."""
        with self._lock:
            self._waiting = [value]
            if self.thread is None:
                self.thread = WorkerThread(self._name, self._run, limit_s=HUNG_AFTER_S)
                self.thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait until everything is written; return whether it is."""
        thread = self.thread
        return thread is None or thread.join(timeout_s)

    @property
    def fault(self) -> str:
        """Fault of the thread for `health`, or an empty string."""
        thread = self.thread
        return "" if thread is None else thread.fault

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self.thread = None
                    return
                value = self._waiting.pop()
            assert self.thread is not None
            self.thread.beat()
            self._write(value)
