"""Media time of decoded frames: start offsets, missing stamps, stamps that go back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

RESTART_S: Final = 1.0
"""A stamp this far back is no disorder but a new count (joined files, a restarted encoder)."""


@dataclass
class StampRepair:
    """Makes the stamps of one stream usable: never missing, never going back. Pure.

    `end_s` is where the last item ended, seconds.
    """

    offset_s: float = 0.0
    last_s: float | None = None
    end_s: float = 0.0

    def repaired(self, stamp_s: float | None, duration_s: float) -> float:
        """The time to use for an item.

        Args:
            stamp_s: the time the container gives, None where it gives none.
            duration_s: how long the item lasts.
        """
        time_s = self.end_s if stamp_s is None else stamp_s + self.offset_s
        if self.last_s is not None and time_s < self.last_s - RESTART_S:
            self.offset_s += self.end_s - time_s
            time_s = self.end_s
        if self.last_s is None or time_s > self.last_s:
            self.last_s = time_s
        self.end_s = time_s + duration_s
        return time_s


class _RateCounter:
    """Stamps of ADTS, which FFmpeg counts at the rate that the file begins with, whatever comes later."""

    def __init__(self, stream: Any) -> None:
        self._counted_hz = self._rate_hz = stream.codec_context.sample_rate
        self._last_s = self._time_s = 0.0

    def corrected(self, stamp_s: float | None, rate_hz: int) -> float | None:
        """The stamp of a frame, counted at the rate that each frame before it had."""
        if stamp_s is None:
            return None
        self._time_s += (stamp_s - self._last_s) * self._counted_hz / self._rate_hz
        self._last_s, self._rate_hz = stamp_s, rate_hz
        return self._time_s


class StreamClock:
    """Media time of the frames of one stream; 0 is the start of the container."""

    def __init__(self, container: Any, stream: Any) -> None:
        self._origin_s = (container.start_time or 0) / 1e6
        self._repair = StampRepair()
        rate = float(getattr(stream, "average_rate", None) or getattr(stream, "guessed_rate", None) or 25.0)
        self._period_s = 1.0 / rate
        self._counting = _RateCounter(stream) if container.format.name == "aac" else None

    def frame_time(self, frame: Any) -> float | None:
        """Time of a picture, seconds; None for one that repeats an earlier time and can be left out."""
        last_s = self._repair.last_s
        time_s = self._repair.repaired(self._stamp(frame), self._period_s)
        return None if last_s is not None and time_s <= last_s else max(0.0, time_s)

    def sound_time(self, frame: Any) -> float:
        """Time of the first sample of a chunk, seconds."""
        stamp_s = self._stamp(frame)
        if self._counting is not None:
            stamp_s = self._counting.corrected(stamp_s, frame.sample_rate)
        return self._repair.repaired(stamp_s, frame.samples / frame.sample_rate)

    def _stamp(self, frame: Any) -> float | None:
        # Raw AVI has decoding stamps alone; pictures leave the decoder in their order.
        if frame.pts is not None:
            time_s = frame.time  # without the fractions of Python that `time_base` makes
            return None if time_s is None else float(time_s) - self._origin_s
        if frame.dts is None or frame.time_base is None:
            return None
        return float(frame.dts * frame.time_base) - self._origin_s
