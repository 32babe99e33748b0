"""Fault that keeps segments from being written, and the time of the next attempt."""

from __future__ import annotations

import time
from typing import Final

from emoedge.backoff import Backoff

RETRY: Final = Backoff(first_s=2.0, longest_s=60.0, jitter=0.0)
"""Waits before a disk that failed is tried again."""


class DiskFault:
    """The fault in force, for one thread; `reason` is empty where there is none."""

    def __init__(self) -> None:
        self.reason = ""
        self._retry_at = 0.0
        self._failures = 0

    def note(self, reason: str) -> bool:
        """Note a failure and the time of the next try; return whether it differs from the previous one."""
        is_new = reason != self.reason
        self.reason = reason
        self._failures += 1
        self._retry_at = time.monotonic() + RETRY.delay_s(self._failures)
        return is_new

    def clear(self) -> None:
        """Note that what was written has reached the disk: only that shows that the fault is over."""
        self.reason, self._failures = "", 0

    @property
    def is_retry_due(self) -> bool:
        """Whether the disk may be tried."""
        return time.monotonic() >= self._retry_at
