"""Map a device's own count of time to the monotonic clock. Pure: counts and arrivals in, times out.

A stamp or a count of samples says exactly how far apart two items were captured, but not when. An
arrival says when, plus a delay that varies. The least delayed arrivals tell the offset between
the two clocks; it may rise slowly, because two quartzes never agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DRIFT_S_PER_S: Final = 0.001
"""Quartzes differ by 0.0001 at most; ten times that also follows a camera that rounds its frame rate."""
JUMP_S: Final = 0.5
"""Seconds between the device's count and the arrivals above which the count restarted, or data was lost."""


@dataclass
class StreamAnchor:
    """Maps device time to time.monotonic() seconds.

    Attributes:
        jump_s: how late an item may be, against the least delayed ones, and still be only late.
        patience: number of consecutive late items that count as a jump and not as a delay of the machine.
    """

    jump_s: float = JUMP_S
    patience: int = 5
    _offset_s: float | None = None
    _last_device_s: float = 0.0
    _late: int = 0
    _least_late_s: float = 0.0

    def place(self, device_s: float, arrival_s: float, *, lost: bool = False) -> float:
        """Return when the item was captured.

        Args:
            device_s: its time on the device's count, seconds.
            arrival_s: the earliest known time.monotonic() after its capture, seconds.
            lost: the device says that it lost something before this item, so its count is behind.
        """
        candidate_s = arrival_s - device_s
        restarted = device_s < self._last_device_s or (
            self._offset_s is not None and candidate_s < self._offset_s - self.jump_s
        )
        if self._offset_s is None or restarted:
            self._restart(candidate_s)
        elif lost:
            self._restart(max(self._offset_s, candidate_s))
        else:
            self._follow(candidate_s, device_s - self._last_device_s)
        self._last_device_s = device_s
        assert self._offset_s is not None
        return device_s + self._offset_s

    def _restart(self, offset_s: float) -> None:
        self._offset_s = offset_s
        self._late = 0

    def _follow(self, candidate_s: float, passed_s: float) -> None:
        assert self._offset_s is not None
        late_s = candidate_s - self._offset_s
        if late_s <= self.jump_s:
            self._late = 0
            self._offset_s = min(candidate_s, self._offset_s + DRIFT_S_PER_S * passed_s)
            return
        self._least_late_s = candidate_s if not self._late else min(self._least_late_s, candidate_s)
        self._late += 1
        if self._late >= self.patience:
            self._restart(self._least_late_s)
