"""Keep one device running: open it, read it in a thread, monitor it, and reopen it after a loss.

Two threads: a session thread that may hang in a driver, and a manager that never touches the device,
so that stop and privacy work whatever the driver does. A session that does not end in time is
abandoned: it closes its device as soon as the driver returns.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from emoedge.backoff import Backoff
from emoedge.capture.liveness import Verdict
from emoedge.capture.queues import Outlet
from emoedge.capture.source import FrameSource, SoundSource
from emoedge.errors import DeviceError, EmoedgeError
from emoedge.frames import AudioBlock, Frame, SourceName
from emoedge.health import Health
from emoedge.translation import tr
from emoedge.worker_thread import WorkerThread

logger = logging.getLogger(__name__)

Item = TypeVar("Item", Frame, AudioBlock)

STALL_S: Final = 5.0
"""Seconds without data before the device counts as stalled: a USB reset takes one or two, the key frame of a
network camera less than four."""
OPEN_LIMIT_S: Final = 60.0
"""Maximum seconds for opening: network cameras and a Jetson's camera service need up to ten. PortAudio tries
every device and can take more than twenty while a machine starts."""
LOAD_LIMIT_S: Final = 180.0
"""Maximum seconds for loading a library such as OpenCV before that: up to a minute from a slow card during
start-up."""
END_LIMIT_S: Final = 0.8
"""Maximum seconds for ending a session: stopping as a whole must take less than one."""
STABLE_S: Final = 10.0
"""Seconds of uninterrupted capture after which the failure count starts again."""
MAX_ABANDONED: Final = 3
"""Maximum number of threads stuck in a driver: another one would not help, and they would add up over
months."""
_POLL_S: Final = 0.1
_LOG_EVERY: Final = 20  # of equal failures in a row


@dataclass
class _Session:
    """One attempt with one source object."""

    started_s: float
    source: Any = None
    made_s: float | None = None
    opened: bool = False
    last_s: float | None = None
    error: EmoedgeError | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)
    thread: WorkerThread | None = None

    def quiet_s(self, now_s: float) -> float:
        """Seconds since it last reported progress."""
        return now_s - next(s for s in (self.last_s, self.made_s, self.started_s) if s is not None)

    @property
    def start_limit_s(self) -> float:
        """Maximum seconds from now until it first reports progress."""
        return LOAD_LIMIT_S if self.made_s is None else OPEN_LIMIT_S


class CaptureWorker(ABC, Generic[Item]):
    """Runs a source for the lifetime of the process; `emoedge.capture.capture_threads` has the two kinds.

    Args:
        name: as in `health`.
        make_source: builds a new source for each attempt.
        stall_s: seconds without data before the device counts as stalled.
        backoff: waits between attempts.
    """

    def __init__(
        self,
        name: SourceName,
        make_source: Callable[[], FrameSource] | Callable[[], SoundSource],
        *,
        stall_s: float = STALL_S,
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
    ) -> None:
        self.name: SourceName = name
        self._make_source: Callable[[], Any] = make_source
        self._stall_s = stall_s
        self._backoff = backoff
        self._changed = threading.Condition()
        self._stopping = False
        self._paused = False
        self._session: _Session | None = None
        self._abandoned: list[_Session] = []
        self._failure = ""
        self._failures = 0
        self._losses = 0
        self._retry_at_s = 0.0
        self._description = ""
        self._outlets: list[Outlet[Item]] = []
        self._taps: list[Callable[[Item], None]] = []
        self._manager = WorkerThread(f"{name}-manager", self._manage)

    # ---- called by consumers ----

    def add_tap(self, tap: Callable[[Item], None]) -> None:
        """Call `tap` with every item, in the capture thread; it must be quick and not raise."""
        self._taps.append(tap)

    def start(self) -> None:
        """Start the threads and return at once."""
        self._manager.start()

    def stop(self) -> bool:
        """Stop within a second, even if the driver hangs; return whether the device was released."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._manager.join(END_LIMIT_S + 0.2)
        return self.released

    def begin_pause(self) -> None:
        """Start releasing the device (privacy) and return at once."""
        with self._changed:
            self._paused = True
            self._changed.notify_all()

    def pause(self) -> bool:
        """Release the device (privacy) and discard queued items; return whether that took less than 1 s."""
        self.begin_pause()
        with self._changed:
            self._changed.wait_for(lambda: self._session is None, END_LIMIT_S + 0.2)
        for outlet in self._outlets:
            outlet.clear()
        return self.released

    def resume(self) -> None:
        """Reopen the device."""
        with self._changed:
            self._paused = False
            self._failures = 0
            self._changed.notify_all()

    @property
    def released(self) -> bool:
        """Whether the device is free: no thread uses it or hangs in its driver."""
        with self._changed:
            return self._session is None and not self._stuck()

    def health(self) -> Health:
        """Return the current state, reason and figures."""
        now_s = time.monotonic()
        with self._changed:
            verdict = self._verdict(now_s)
            figures: dict[str, float | int | str | None] = {"losses": self._losses, **self._figures(now_s)}
            if self._description:
                figures["device"] = self._description
        return Health(self.name, verdict.state, verdict.reason, figures)

    # ---- overridden by camera and microphone ----

    def _completed(self, item: Item, *, first: bool) -> Item:
        """Return the item for consumers; `first` marks the first one of a session."""
        return item

    @abstractmethod
    def _observe(self, now_s: float, item: Item) -> None:
        """Add an item to the liveness checks."""

    @abstractmethod
    def _content_verdict(self) -> Verdict:
        """Return the result of the liveness checks."""

    @abstractmethod
    def _figures(self, now_s: float) -> dict[str, float | int | str | None]:
        """Return the figures for `health`."""

    @abstractmethod
    def _restarted(self) -> None:
        """Reset the liveness checks for a new session."""

    # ---- the manager: never touches the device ----

    def _manage(self) -> None:
        while not self._stopping:
            if self._paused:
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping or not self._paused, 1.0)
            elif self._stuck() >= MAX_ABANDONED:
                self._fail(tr("its driver hangs: unplug the device or restart the machine"))
                self._wait(self._backoff.longest_s)
            else:
                self._run_session()

    def _run_session(self) -> None:
        """Open the device, and wait until it is lost or must be released."""
        session = self._begin()
        if session is None:
            return
        error = self._watch(session)
        self._end(session)
        if error is not None:
            ran_s = session.last_s - session.started_s if session.last_s is not None else 0.0
            self._failures = 1 if ran_s > STABLE_S else self._failures + 1
            self._losses += session.opened
            self._fail(str(error))
            self._wait(self._backoff.delay_s(self._failures, random.random()))

    def _begin(self) -> _Session | None:
        session = _Session(time.monotonic())
        session.thread = WorkerThread(f"{self.name}-capture", lambda: self._read_on(session))
        with self._changed:
            if self._must_end():  # pause() must not find the device free and then see it opened
                return None
            self._session = session
            self._restarted()
        try:
            session.thread.start()
        except RuntimeError as error:  # the machine cannot start another thread at the moment
            session.error = DeviceError(str(error), tr("close other programs, or restart the machine"))
            session.done.set()
        return session

    def _watch(self, session: _Session) -> EmoedgeError | None:
        """Wait until the session ends or must end; return the reason, or None if it was requested."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._must_end() or session.done.is_set(), _POLL_S)
            if self._must_end():
                return None
            if session.done.is_set():
                return session.error or DeviceError(tr("the stream ended"), tr("check the source"))
            start_limit_s = session.start_limit_s  # before the time: a shorter wait restarts it
            quiet_s = session.quiet_s(time.monotonic())
            if session.last_s is None and quiet_s > start_limit_s:
                return DeviceError(
                    tr("no data for {quiet_s:.0f} s", quiet_s=quiet_s), tr("check that the device works")
                )
            if session.last_s is not None and quiet_s > self._stall_s:
                return DeviceError(
                    tr("stalled: no data for {quiet_s:.0f} s", quiet_s=quiet_s), tr("check cable and power")
                )

    def _must_end(self) -> bool:
        return self._stopping or self._paused

    def _end(self, session: _Session) -> None:
        session.stop.set()
        if session.source is not None:
            session.source.abort()
        ended = session.done.wait(END_LIMIT_S)
        with self._changed:
            self._session = None
            if not ended:
                logger.warning("%s: driver not responding; abandoning the capture thread", self.name)
                self._abandoned.append(session)
            self._changed.notify_all()

    def _stuck(self) -> int:
        """Return the number of abandoned sessions that still hang."""
        with self._changed:
            self._abandoned = [session for session in self._abandoned if not session.done.is_set()]
            return len(self._abandoned)

    def _wait(self, delay_s: float) -> None:
        self._retry_at_s = time.monotonic() + delay_s
        with self._changed:
            self._changed.wait_for(self._must_end, delay_s)

    def _fail(self, reason: str) -> None:
        with self._changed:
            changed, self._failure = reason != self._failure, reason
        if changed or self._failures % _LOG_EVERY == 0:
            logger.warning("%s: %s", self.name, reason)

    # ---- the session thread ----

    def _read_on(self, session: _Session) -> None:
        try:
            session.source = self._make_source()
            session.made_s = time.monotonic()
            session.source.open()
            session.opened = True
            while not session.stop.is_set():
                try:
                    item = session.source.read()
                except TimeoutError:
                    continue
                if item is None:
                    break
                self._deliver(session, item)
        except EmoedgeError as error:
            session.error = error
        except Exception as error:
            # Drivers raise errors of any kind. The other modalities must continue.
            logger.exception("%s: unexpected error", self.name)
            session.error = DeviceError(f"{type(error).__name__}: {error}", tr("report this with the log"))
        finally:
            self._close(session)
            session.done.set()
            with self._changed:
                self._changed.notify_all()

    def _close(self, session: _Session) -> None:
        if session.source is None:
            return
        try:
            session.source.close()
        except Exception:
            # Drivers raise errors of any kind; the device is given up, and the thread ends as it should.
            logger.exception("%s: closing failed", self.name)

    def _deliver(self, session: _Session, item: Item) -> None:
        now_s = time.monotonic()
        with self._changed:
            if self._session is not session or session.stop.is_set():  # left behind, or asked to end
                return
            first = session.last_s is None
            session.last_s = now_s
            if first:
                self._description = session.source.describe()
                self._failure = ""
        if first:
            logger.info("%s: %s", self.name, self._description)
        item = self._completed(item, first=first)
        self._observe(now_s, item)
        for tap in self._taps:
            tap(item)
        for outlet in self._outlets:
            outlet.put(item)

    def _verdict(self, now_s: float) -> Verdict:
        if self._paused or self._stopping:
            return self._released_verdict()
        session = self._session
        if session is not None and session.last_s is not None:
            if session.quiet_s(now_s) > self._stall_s:
                return Verdict("failed", tr("stalled: check cable and power"))
            return self._content_verdict()
        if self._failure:
            wait_s = max(0.0, self._retry_at_s - now_s)
            return Verdict(
                "failed", tr("{failure}; next try in {ceil} s", failure=self._failure, ceil=math.ceil(wait_s))
            )
        return Verdict("degraded", tr("starting"))

    def _released_verdict(self) -> Verdict:
        if self._session is not None or self._stuck():
            return Verdict("degraded", tr("not released yet: the driver hangs; unplug the device"))
        return Verdict("off", tr("released for privacy") if self._paused else tr("stopped"))
