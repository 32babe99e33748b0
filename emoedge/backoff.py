"""Delays between attempts. Pure: number of failures in, seconds out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential with jitter.

    Attributes:
        first_s: before the first retry; short, because most losses are a loose plug.
        factor: how much longer each further wait is.
        longest_s: never longer: someone who plugs the camera in again waits in front of it.
        jitter: waits vary by this fraction up and down, so that camera and microphone of one
            USB hub do not come back in the same instant for ever.
    """

    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 15.0
    jitter: float = 0.2

    def delay_s(self, failures: int, chance: float = 0.5) -> float:
        """Return the delay after a number of consecutive failures.

        Args:
            failures: in a row, without a stable stretch between them.
            chance: uniform random number, 0 to 1; 0.5 leaves the jitter out.
        """
        # Beyond 32 doublings the power only risks an overflow.
        plain = min(self.longest_s, self.first_s * self.factor ** min(max(0, failures - 1), 32))
        return plain * (1 + self.jitter * (2 * chance - 1))
