"""Clocks: durations come from the monotonic clock, the wall clock only stamps what leaves the process."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Final, Protocol

# Every message asks; the answer changes once in the life of a boot.
ASK_EVERY_S: Final = 1.0
# NTP corrections of a synchronised clock are far smaller.
JUMP_S: Final = 60.0
# Servers are asked every 34 minutes at the latest (timesyncd.conf(5), PollIntervalMaxSec).
DOUBT_S: Final = 3600.0
TIMESYNC_MARK: Final = Path("/run/systemd/timesync/synchronized")
BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
UPTIME: Final = Path("/proc/uptime")


class Clock(Protocol):
    """Turns the pipeline's seconds into wall-clock time."""

    def now_s(self) -> float:
        """The present on the pipeline's clock, seconds."""
        ...

    def wall(self, time_s: float) -> datetime:
        """The wall-clock time (UTC) of a moment on the pipeline's clock."""
        ...

    def synchronized(self) -> bool:
        """Return whether the wall clock can be believed."""
        ...


class Belief:
    """Trust in a synchronised wall clock: withheld for an hour after a jump. Pure.

    The mark of a synchronisation stays when somebody sets the clock by hand, a year ahead, say; all
    recordings would be too old then. Within the hour, whatever keeps the clock has put it right.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._doubt_until_s = float("-inf")

    def look(self, now_s: float, offset_s: float, *, synchronized: bool) -> bool:
        """Record the monotonic time, the wall clock's offset and whether it is reported as synchronised."""
        if not synchronized:
            self._offset_s = None  # the jump at the first synchronisation is expected
            return False
        if self._offset_s is not None and abs(offset_s - self._offset_s) > JUMP_S:
            self._doubt_until_s = now_s + DOUBT_S
        self._offset_s = offset_s
        return now_s >= self._doubt_until_s


class SystemClock:
    """The device's clocks. The offset is read for each stamp, so corrections apply at once."""

    def __init__(self) -> None:
        self._synchronized = False
        self._asked_s = float("-inf")
        self._belief = Belief()

    def now_s(self) -> float:
        """Seconds of time.monotonic()."""
        return time.monotonic()

    def wall(self, time_s: float) -> datetime:
        """UTC time of a monotonic moment, as the wall clock is set at present."""
        offset = time.time() - time.monotonic()
        return datetime.fromtimestamp(time_s + offset, tz=timezone.utc)

    def synchronized(self) -> bool:
        """Return whether the clock is reported as synchronised and has not jumped since."""
        now_s = time.monotonic()
        if now_s - self._asked_s > ASK_EVERY_S:
            self._asked_s = now_s
            said = TIMESYNC_MARK.exists() or _kernel_synchronized()
            # Not the monotonic clock, which stops while the machine sleeps.
            offset_s = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
            self._synchronized = self._belief.look(now_s, offset_s, synchronized=said)
        return self._synchronized


def uptime() -> tuple[str, float]:
    """Return the id of this start of the machine and the seconds since then, sleep included.

    The id is empty where the kernel does not tell it: two such times cannot be compared.
    """
    try:
        return BOOT_ID.read_text().strip(), float(UPTIME.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return "", time.monotonic()


@dataclass
class MediaClock:
    """The clock of `replay`: media time from 0 s, stamped from a fixed origin so that two runs agree."""

    origin: datetime = datetime(1970, 1, 1, tzinfo=timezone.utc)
    time_s: float = 0.0

    def now_s(self) -> float:
        """The media time reached, seconds."""
        return self.time_s

    def advance(self, time_s: float) -> None:
        """Move on to a media time; never back."""
        self.time_s = max(self.time_s, time_s)

    def wall(self, time_s: float) -> datetime:
        """Origin plus media time."""
        return self.origin + timedelta(seconds=time_s)

    def synchronized(self) -> bool:
        """Media time is not the time of day."""
        return False


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and Z, such as 2026-11-22T09:10:00.000Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: object) -> datetime | None:
    """A moment with its offset from UTC, or None for anything else."""
    try:
        # `fromisoformat` takes Z from Python 3.11 on only.
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _kernel_synchronized() -> bool:
    """adjtimex(2): TIME_ERROR (5) means that nothing disciplines the clock."""
    import ctypes

    class _Timex(ctypes.Structure):
        # Only the size matters here: modes = 0 reads, and the state is the return value.
        _fields_ = (("modes", ctypes.c_uint), ("rest", ctypes.c_ubyte * 404))

    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(_Timex()))
    except (OSError, AttributeError):
        return False
    time_error = 5
    return 0 <= int(state) < time_error
