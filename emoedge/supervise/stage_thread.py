"""One stage in its own thread: fed, watched, restarted when it dies, reported when it hangs."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from emoedge.errors import ModelError
from emoedge.health import Health
from emoedge.latency import Latencies
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

Item = TypeVar("Item")

TAKE_TIMEOUT_S: Final = 0.5
"""Seconds for which a stage waits for input before it checks whether to stop."""
SLOW_AFTER_S: Final = 20.0
"""Seconds that no frame, stretch or utterance takes, even on the slowest board that can do the work."""
HUNG_AFTER_S: Final = 120.0
"""Ending the process for it would make it worse on a machine that has no time to spare: there, a frame took
30 s."""
BUILD_LIMIT_S: Final = 180.0
"""Loading a speech model from a cold, worn card while the other stages load theirs may take a minute."""
RESTARTS: Final = 5
RESTART_WINDOW_S: Final = 600.0
"""A stage that fails this many times within the window stays down: the fault will not go away."""
RESTART_PAUSE_S: Final = 1.0
MISSING_RETRY_S: Final = 30.0
"""A model that is missing may be fetched while the daemon runs; looking for it costs nothing."""
LATENCIES_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class StageSpec(Generic[Item]):
    """Description of a stage for its thread.

    Attributes:
        name: as in `health`.
        build: makes the stage's work function; called again after a death, so models are loaded again.
        take: waits at most the given seconds for the next item; None if there was none.
        modality: what a user loses while it is down, for the message.
    """

    name: str
    build: Callable[[], Callable[[Item], None]]
    take: Callable[[float], Item | None]


class StageThread(Generic[Item]):
    """Runs a stage until told to stop.

    Args:
        spec: what to run.
        now_s: monotonic clock, seconds.
    """

    def __init__(self, spec: StageSpec[Item], now_s: Callable[[], float] = time.monotonic) -> None:
        self._spec = spec
        self._now_s = now_s
        self._building = False
        self._deaths_s: deque[float] = deque(maxlen=RESTARTS)
        self._failure = ""
        self._lacking = ""
        self._given_up = False
        self._items = 0
        self._latencies = Latencies(LATENCIES_KEPT)
        self.thread = WorkerThread(spec.name, self._run, limit_s=HUNG_AFTER_S, now_s=now_s)

    @property
    def name(self) -> str:
        """The stage's name."""
        return self._spec.name

    @property
    def is_slow(self) -> bool:
        """Whether one item has been in work for longer than `SLOW_AFTER_S`."""
        return not self._building and self.thread.busy_s > SLOW_AFTER_S

    @property
    def is_loading(self) -> bool:
        """Whether it is loading its model."""
        return self._building

    def health(self) -> Health:
        """State with counts and latencies (p50, p95, milliseconds)."""
        figures: dict[str, float | int | str | None] = {
            "processed": self._items,
            "deaths": len(self._deaths_s),
        }
        figures |= self._latencies.figures("latency")
        if self._lacking:
            return Health(self.name, "failed", self._lacking, figures)
        if self._given_up:
            return Health(
                self.name, "failed", tr("{failure}; restart the service", failure=self._failure), figures
            )
        if self.thread.is_hung:
            reason = tr("not responding; the service will restart automatically")
            return Health(self.name, "failed", reason, figures)
        if self.is_slow:
            return Health(self.name, "degraded", tr("the machine is too slow: disable a modality"), figures)
        if self._failure:
            return Health(
                self.name, "degraded", tr("restarted after: {failure}", failure=self._failure), figures
            )
        return Health(self.name, "ok", "", figures)

    def _run(self) -> None:
        while not self.thread.stopping.is_set():
            try:
                self._serve()
            except ModelError as error:
                self._missing(error)
            except Exception as error:  # noqa: BLE001 - a stage's death of any kind must be seen and survived
                self._died(error)

    def _serve(self) -> None:
        self._building, self.thread.limit_s = True, BUILD_LIMIT_S
        self.thread.beat()
        try:
            work = self._spec.build()
        finally:
            self.thread.rest()
            self._building, self.thread.limit_s = False, HUNG_AFTER_S
        self._lacking = ""
        while not self.thread.stopping.is_set():
            item = self._spec.take(TAKE_TIMEOUT_S)
            if item is None:
                continue
            begun_s = self._now_s()
            self.thread.beat()
            work(item)
            self.thread.rest()
            self._latencies.add(self._now_s() - begun_s)
            self._items += 1
            if self._failure and self._deaths_s and begun_s - self._deaths_s[-1] > RESTART_WINDOW_S:
                self._failure = ""

    def _missing(self, error: ModelError) -> None:
        """Report the missing model, discard the input, and look for it again later."""
        self.thread.rest()
        if not self._lacking:
            logger.warning("stage %s: %s", self.name, error)
        self._lacking = str(error)
        again_s = time.monotonic() + MISSING_RETRY_S
        while not self.thread.stopping.is_set() and time.monotonic() < again_s:
            self._spec.take(TAKE_TIMEOUT_S)

    def _died(self, error: Exception) -> None:
        self.thread.rest()
        self._failure = f"{type(error).__name__}: {error}"
        now_s = self._now_s()
        self._deaths_s.append(now_s)
        logger.error(
            "stage %s died: %s", self.name, self._failure, exc_info=logger.isEnabledFor(logging.DEBUG)
        )
        if len(self._deaths_s) == RESTARTS and now_s - self._deaths_s[0] < RESTART_WINDOW_S:
            self._given_up = True
            logger.error("stage %s failed %d times; giving up", self.name, RESTARTS)
            self.thread.stopping.set()
        self.thread.stopping.wait(RESTART_PAUSE_S)
