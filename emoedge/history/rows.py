"""Rows of the history: a minute, an episode, a gap; in whole milliseconds since 1970, UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from emoedge.emotions import EMOTION_COUNT, Emotion

Column = Literal[Emotion, "unsure", "nobody", "unknown"]
"""Where a second of a minute is counted: `unsure` is somebody without an emotion that is named, `unknown` no
source that could tell."""
Reason = Literal["privacy", "stopped", "clock"]
"""Cause of a gap."""

COLUMNS: Final[tuple[Column, ...]] = get_args(Column)
NOBODY: Final = COLUMNS.index("nobody")
COLUMN: Final[dict[str, int]] = {name: index for index, name in enumerate(COLUMNS)}
UNKNOWN: Final = COLUMN["unknown"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
MINUTE_MS: Final = 60_000
WHOLE: Final = 10_000
"""A probability of 1 in a row."""
SYNCED: Final = 0
"""Number of the stretch of time in which the clock was synchronised; others count from 1."""

LATEST_MS: Final = 253_370_764_800_000
"""The year 9999: later times were not written by this program."""
MAX_PEOPLE: Final = 1000
"""Faces in a picture are at most some tens."""
_NOTHING: Final = (0,) * len(COLUMNS)
_NO_PROBABILITIES: Final = (0,) * EMOTION_COUNT


@dataclass(frozen=True, slots=True)
class MinuteRow:
    """Contents of a minute.

    Attributes:
        start_ms: its beginning, a multiple of MINUTE_MS.
        stretch: SYNCED, or the number of a stretch of time with a clock that was not.
        spent_ms: time in each of COLUMNS, together at most MINUTE_MS.
        speech_ms: time with speech.
        opinion_ms: time with fused probabilities.
        probabilities: their mean over `opinion_ms`, in 1/WHOLE.
        people_max: most people at once.
    """

    start_ms: int
    stretch: int = SYNCED
    spent_ms: tuple[int, ...] = _NOTHING
    speech_ms: int = 0
    opinion_ms: int = 0
    probabilities: tuple[int, ...] = _NO_PROBABILITIES
    people_max: int = 0

    @property
    def is_known(self) -> bool:
        """Whether anything was known in it."""
        return any(self.spent_ms[:UNKNOWN]) or self.speech_ms > 0

    @property
    def is_quiet(self) -> bool:
        """Whether nobody was seen or heard in it."""
        return not (any(self.spent_ms[:NOBODY]) or self.speech_ms or self.people_max)

    @property
    def is_sound(self) -> bool:
        """Whether every value is possible: a damaged file may hold others."""
        numbers = (
            self.start_ms,
            self.stretch,
            *self.spent_ms,
            self.speech_ms,
            self.opinion_ms,
            *self.probabilities,
            self.people_max,
        )
        return (
            are_counts(numbers)
            and self.start_ms % MINUTE_MS == 0
            and self.start_ms <= LATEST_MS
            and len(self.spent_ms) == len(COLUMNS)
            and sum(self.spent_ms) <= MINUTE_MS
            and max(self.speech_ms, self.opinion_ms) <= MINUTE_MS
            and max(self.probabilities) <= WHOLE
            and self.people_max <= MAX_PEOPLE
        )

    def merged(self, other: MinuteRow) -> MinuteRow | None:
        """Both as one, of the same minute; None where together they are longer than a minute."""
        spent = tuple(map(sum, zip(self.spent_ms, other.spent_ms, strict=True)))
        known_ms = sum(spent[:UNKNOWN])
        if known_ms > MINUTE_MS:
            return None
        opinion_ms = min(MINUTE_MS, self.opinion_ms + other.opinion_ms)
        weights = (self.opinion_ms, other.opinion_ms)
        return MinuteRow(
            self.start_ms,
            self.stretch,
            (*spent[:UNKNOWN], min(spent[UNKNOWN], MINUTE_MS - known_ms)),
            min(MINUTE_MS, self.speech_ms + other.speech_ms),
            opinion_ms,
            tuple(mean(pair, weights) for pair in zip(self.probabilities, other.probabilities, strict=True)),
            max(self.people_max, other.people_max),
        )


@dataclass(frozen=True, slots=True)
class EpisodeRow:
    """An episode; the same as in the topic `event`.

    Attributes:
        event_id: as published.
        emotion: of the episode.
        started_ms, ended_ms: from when to when.
        peak: highest confidence, in 1/WHOLE.
        recording: id of the segment that holds it, None without one.
        stretch: as in `MinuteRow`.
    """

    event_id: str
    emotion: Emotion
    started_ms: int
    ended_ms: int
    peak: int
    recording: str | None = None
    stretch: int = SYNCED


@dataclass(frozen=True, slots=True)
class GapRow:
    """Time about which nothing was kept; one that has become longer is written again with the same `from_ms`.

    Attributes:
        from_ms, to_ms: the time; of a gap `stopped` the beginning is from before this run. Where the clock
            was wrong the end may lie before it: such a gap is not shown.
        reason: why.
        stretch: as in `MinuteRow`.
    """

    from_ms: int
    to_ms: int
    reason: Reason
    stretch: int = SYNCED


@dataclass(frozen=True, slots=True)
class ClockMove:
    """A stretch of time whose clock has become known.

    Attributes:
        stretch: its number, not SYNCED.
        shift_ms: what to add to its times.
    """

    stretch: int
    shift_ms: int

    @property
    def minutes_ms(self) -> int:
        """The same for rows of minutes and for gaps: whole minutes, down; nothing below a minute."""
        return 0 if abs(self.shift_ms) < MINUTE_MS else self.shift_ms // MINUTE_MS * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes that are written in one transaction; `moves` come last.

    Attributes:
        begun_ms: when this run began, for the gap `stopped` before it; None in all but the first.
        begun_stretch: of `begun_ms`.
        end_ms: until when the history is known, after the moves; None for no change.
    """

    minutes: tuple[MinuteRow, ...] = ()
    episodes: tuple[EpisodeRow, ...] = ()
    gaps: tuple[GapRow, ...] = ()
    moves: tuple[ClockMove, ...] = ()
    begun_ms: int | None = None
    begun_stretch: int = SYNCED
    end_ms: int | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing in it but minutes in which nobody was there."""
        more = self.episodes or self.gaps or self.moves or self.begun_ms is not None
        return not more and all(minute.is_quiet for minute in self.minutes)


def are_counts(numbers: tuple[object, ...]) -> bool:
    """Return whether all are integers that are not negative."""
    return set(map(type, numbers)) == {int} and min(numbers) >= 0  # type: ignore[type-var,operator]


def mean(values: Sequence[int], weights: Sequence[int]) -> int:
    """Rounded weighted mean; 0 without any weight."""
    total = sum(weights)
    return 0 if total == 0 else round(sum(v * w for v, w in zip(values, weights, strict=True)) / total)
