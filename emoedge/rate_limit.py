"""Limit items to a rate, spaced as evenly as they arrive. Pure."""

from __future__ import annotations

from typing import Final

# Share of the interval by which a frame may be early and still be accepted: cameras are not exact.
SLACK: Final = 0.1


class Pacer:
    """Lets items through at a rate on average, in step, without a burst after a gap.

    Args:
        rate_hz: items a second, > 0.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._next_s = float("-inf")

    def due(self, time_s: float) -> bool:
        """Return whether the item of this moment is let through; times do not run backwards."""
        spacing_s = 1.0 / self.rate_hz
        if time_s < self._next_s - SLACK * spacing_s:
            return False
        late_s = time_s - self._next_s
        self._next_s = (self._next_s if late_s < spacing_s else time_s) + spacing_s
        return True

    def reset(self) -> None:
        """Let the next item through, whenever it comes."""
        self._next_s = float("-inf")
