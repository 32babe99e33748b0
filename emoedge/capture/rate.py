"""Thins a stream of pictures out to a frame rate: pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class RateLimit:
    """Lets at most `fps` pictures a second through, as evenly as the source allows."""

    fps: float
    _due_s: float | None = None

    def admits(self, time_s: float) -> bool:
        """Whether the picture of this moment is one to keep."""
        period_s = 1.0 / self.fps
        if self._due_s is None or time_s < self._due_s - 2 * period_s:  # the first one, or the time went back
            self._due_s = time_s + period_s
            return True
        # A tenth of a period of tolerance: a source of just this rate must not lose pictures to jitter.
        if time_s < self._due_s - 0.1 * period_s:
            return False
        self._due_s = max(self._due_s + period_s, time_s)
        return True
