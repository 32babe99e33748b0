"""Whose voice is heard when, from what is known of voice and words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from emoedge.observations import UNKNOWN, Speaker, TextObservation, VoiceObservation
from emoedge.record.timeline import Timeline


@dataclass(frozen=True, slots=True)
class SpokenSpan:
    """A stretch of speech of one speaker, seconds from the start of the segment."""

    start_s: float
    end_s: float
    speaker: Speaker


def spoken_spans(timeline: Timeline, duration_s: float) -> tuple[SpokenSpan, ...]:
    """Stretches of speech within a segment, in order of time; none overlaps another.

    Voice is judged in windows that overlap, words by the utterance. What says whose voice it was goes before
    what leaves it open, an utterance, which has more to go by, before a window, and a later one before an
    earlier one.
    """
    heard = sorted(
        (one for one in timeline.outcomes if isinstance(one, TextObservation | VoiceObservation)),
        key=lambda one: one.start_s,
    )
    moments = sorted({moment for one in heard for moment in (one.start_s, one.end_s)})
    spans: list[SpokenSpan] = []
    current: list[TextObservation | VoiceObservation] = []
    upcoming = iter(heard)
    following = next(upcoming, None)
    for start_s, end_s in pairwise(moments):
        while following is not None and following.start_s <= start_s:
            current.append(following)
            following = next(upcoming, None)
        current = [one for one in current if one.end_s > start_s]
        begin_s, finish_s = max(0.0, start_s), min(duration_s, end_s)
        if not current or finish_s <= begin_s:
            continue
        speaker = max(current, key=_weight).speaker
        if spans and spans[-1].speaker == speaker and spans[-1].end_s == begin_s:
            spans[-1] = replace(spans[-1], end_s=finish_s)
        else:
            spans.append(SpokenSpan(begin_s, finish_s, speaker))
    return tuple(spans)


def speakers_at(spans: Sequence[SpokenSpan], times: Sequence[float]) -> list[Speaker | None]:
    """Whose voice is heard at each of some times, which are in order; None where nobody speaks."""
    found: list[Speaker | None] = []
    at = 0
    for time_s in times:
        while at < len(spans) and spans[at].end_s <= time_s:
            at += 1
        inside = at < len(spans) and spans[at].start_s <= time_s
        found.append(spans[at].speaker if inside else None)
    return found


def _weight(one: TextObservation | VoiceObservation) -> tuple[bool, bool, float]:
    return one.speaker != UNKNOWN, isinstance(one, TextObservation), one.start_s
