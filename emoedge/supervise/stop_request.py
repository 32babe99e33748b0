"""The request to end, which comes from a signal handler."""

from __future__ import annotations

import contextlib
import queue


class StopRequest:
    """An event that a signal handler may set while the main thread waits for it.

    `threading.Event` is not for this: the handler interrupts the main thread, which may hold the event's lock
    just then, and `set` would wait for it for ever. `queue.SimpleQueue.put` is reentrant.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    def is_set(self) -> bool:
        """Return whether the end was requested."""
        return self._is_set

    def set(self) -> None:
        """Request the end; for any thread and for signal handlers."""
        self._is_set = True
        self._wakes.put(None)

    def wait(self, timeout_s: float) -> None:
        """Return when the end was requested, or after a time in seconds; for one thread."""
        if not self._is_set:
            with contextlib.suppress(queue.Empty):
                self._wakes.get(timeout=timeout_s)
