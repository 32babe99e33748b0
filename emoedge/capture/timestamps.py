"""Media time of decoded frames: start offsets, missing stamps, stamps that go back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from emoedge.capture.notes import Notes
from emoedge.translation import tr

RESTART_S: Final = 0.5
"""Seconds backwards at which a stamp is not out of order but starts a new count (joined files, a restarted
encoder)."""
JUMP_S: Final = 10.0
"""Stamps this far ahead in all streams of a file are a jump, not a pause (FFmpeg: `dts_delta_threshold`)."""
CLOSE_S: Final = 1.0
"""A frame may be stamped this much before its packet, by the delay of its decoder."""
MAX_REORDERED: Final = 4
"""Pictures that a decoder keeps back until their turn, at most, in files that people have."""
SLOW: Final = 20.0
"""A jump is also this many times as long as the usual distance: in a time-lapse film all are long."""


class Jumps:
    """Jumps of the time stamps of a file, the same for all its streams.

    A jump is a stretch of time in which no stream has anything. It is removed: what follows continues
    where the part before it ended, as after a cut in a film.

    Args:
        stamps: reads the times of all packets, seconds, in any order; called at most once.
        notes: receives the jumps.
    """

    def __init__(self, stamps: Callable[[], Iterable[float]], notes: Notes) -> None:
        self._stamps = stamps
        self._notes = notes
        self._ends_s: list[float] | None = None
        self._lengths_s: list[float] = []

    def suspect(self) -> None:
        """Look for jumps, since a stream seems to have one."""
        if self._ends_s is not None:
            return
        times_s = np.unique(np.fromiter(self._stamps(), np.float64))
        steps_s = np.diff(times_s)
        usual_s = float(np.median(steps_s)) if len(steps_s) else 0.0
        (places,) = np.nonzero(steps_s > max(JUMP_S, SLOW * usual_s))
        self._ends_s = [float(times_s[place + 1]) for place in places]
        self._lengths_s = [float(steps_s[place]) - usual_s for place in places]
        closed_s = 0.0
        for end_s, length_s in zip(self._ends_s, self._lengths_s, strict=True):
            closed_s += length_s
            self._notes.add(
                tr(
                    "the timestamps jump by {length_s:.1f} s at {end_s:.1f} s: treated as a cut",
                    length_s=length_s,
                    end_s=end_s - closed_s,
                )
            )

    def before_s(self, stamp_s: float) -> float:
        """Length of all known jumps before a stamp, seconds."""
        if not self._ends_s:
            return 0.0
        pairs = zip(self._ends_s, self._lengths_s, strict=True)
        return sum(length_s for end_s, length_s in pairs if end_s <= stamp_s + CLOSE_S)


class LiveJumps:
    """Jumps of the time stamps of a live stream, removed as those of a file are.

    The streams of one source come side by side: what is far ahead of the newest of them has jumped.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._jumps: list[tuple[float, float]] = []
        self._newest_s = 0.0

    def suspect(self) -> None:
        """Do nothing: each stamp is used as it comes."""

    def before_s(self, stamp_s: float) -> float:
        """Length of all jumps before a stamp, seconds."""
        before_s = sum(length_s for end_s, length_s in self._jumps if end_s <= stamp_s + CLOSE_S)
        ahead_s = stamp_s - before_s - self._newest_s
        if ahead_s > JUMP_S:
            self._jumps.append((stamp_s, ahead_s))
            self._notes.add(
                tr(
                    "the timestamps jump by {ahead_s:.1f} s at {newest_s:.1f} s: treated as a cut",
                    ahead_s=ahead_s,
                    newest_s=self._newest_s,
                )
            )
            before_s += ahead_s
        self._newest_s = max(self._newest_s, stamp_s - before_s)
        return before_s


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

    def __init__(self, container: Any, stream: Any, jumps: Jumps | LiveJumps | None = None) -> None:
        self._jumps = jumps
        self._raw_s = 0.0
        self._origin_s = (container.start_time or 0) / 1e6
        self._repair = StampRepair()
        rate = float(getattr(stream, "average_rate", None) or getattr(stream, "guessed_rate", None) or 25.0)
        self._period_s = 1.0 / rate
        self._counting = _RateCounter(stream) if container.format.name == "aac" else None
        self._delay_s = None if container.format.name == "avi" and stream.type == "video" else 0.0

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
        stamp_s = self._raw_stamp(frame)
        if stamp_s is None or self._jumps is None:
            return stamp_s
        if stamp_s - self._raw_s > JUMP_S:
            self._jumps.suspect()
        self._raw_s = stamp_s
        return stamp_s - self._jumps.before_s(stamp_s)

    def _decoder_delay_s(self, time_s: float) -> float:
        # AVI knows no presentation times: FFmpeg's are late by the pictures that wait for their turn.
        if self._delay_s is None:
            self._delay_s = max(0.0, time_s) if time_s <= MAX_REORDERED * self._period_s else 0.0
        return self._delay_s

    def _raw_stamp(self, frame: Any) -> float | None:
        # Raw AVI has decoding stamps alone; pictures leave the decoder in their order.
        if frame.pts is not None:
            time_s = frame.time  # without the fractions of Python that `time_base` makes
            if time_s is None:
                return None
            time_s = float(time_s) - self._origin_s
            return time_s - self._decoder_delay_s(time_s)
        if frame.dts is None or frame.time_base is None:
            return None
        return float(frame.dts * frame.time_base) - self._origin_s
