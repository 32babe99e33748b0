"""A thread that can be stopped, watched and asked how it is: the only kind that emoedge starts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)


class WorkerThread:
    """A daemon thread around a loop.

    The loop calls `beat` when it begins a piece of work and `rest` before it waits for more. A beat that lies
    longer back than `limit_s` means that the work hangs: in a driver, in the kernel, on a disk.

    Args:
        name: of the thread, as in log and `health`.
        run: the loop; returns soon after `stopping` is set.
        limit_s: longest honest piece of work, seconds; None where the loop is watched otherwise.
        wake: called after `stopping` is set, for a loop that waits on something else.
        on_death: called in the thread when the loop has raised.
        now_s: monotonic clock, seconds.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[], object],
        *,
        limit_s: float | None = None,
        wake: Callable[[], None] = lambda: None,
        on_death: Callable[[], None] = lambda: None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.limit_s = limit_s
        self.stopping = threading.Event()
        self.died = ""
        """Error that has ended the loop; empty while it runs or after a regular end."""
        self.beats = 0
        """Pieces of work begun so far."""
        self._loop = run
        self._wake = wake
        self._on_death = on_death
        self._now_s = now_s
        self._beat_s: float | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the loop; raises RuntimeError where the machine has no thread left to give."""
        self._thread.start()

    def request_stop(self) -> None:
        """Ask the loop to end after the work in hand; returns at once."""
        self.stopping.set()
        self._wake()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the loop; return whether it came. A thread never started has ended."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, timeout_s))
        return not self._thread.is_alive()

    def stop(self, timeout_s: float) -> bool:
        """Ask the loop to end and wait for it; return whether it did.

        A thread in a system call cannot be interrupted: it ends with the process.
        """
        self.request_stop()
        return self.join(timeout_s)

    def beat(self) -> None:
        """Note that a piece of work begins; for the loop."""
        self._beat_s = self._now_s()
        self.beats += 1

    def rest(self) -> None:
        """Note that the loop waits for work, which may take any time; for the loop."""
        self._beat_s = None

    @property
    def busy_s(self) -> float:
        """Seconds that the present piece of work has taken, 0 while the loop waits."""
        beat_s = self._beat_s
        return 0.0 if beat_s is None else self._now_s() - beat_s

    @property
    def is_alive(self) -> bool:
        """Whether the loop runs."""
        return self._thread.is_alive()

    @property
    def is_hung(self) -> bool:
        """Whether a piece of work has taken longer than `limit_s`."""
        return self.limit_s is not None and self.is_alive and self.busy_s > self.limit_s

    @property
    def fault(self) -> str:
        """Fault of the thread for `health`, or an empty string."""
        if self.died:
            return f"the {self.name} thread has died: {self.died}"
        return f"the {self.name} thread hangs" if self.is_hung else ""

    def _run(self) -> None:
        try:
            self._loop()
        except Exception as error:
            # Whatever it is: it must be seen in `health`, and the daemon decides.
            logger.exception("unexpected error in the %s thread", self.name)
            self.died = f"{type(error).__name__}: {error}"
            self._on_death()
        finally:
            self.rest()
