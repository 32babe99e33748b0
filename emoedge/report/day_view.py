"""Contents of the page of a day or a week, ready for a template or for JSON: places in percent, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from typing import Any, Final

from emoedge.emotions import EMOTIONS, Emotion, Language, display_name, percent
from emoedge.history import HistoryBucket, HistoryEpisode, HistorySpan
from emoedge.history.buckets import edges
from emoedge.local_time import Span, Zone, midnight
from emoedge.report.language import WEEKDAYS, date_label, duration_label, enumeration, sentence
from emoedge.report.strip import (
    ABSENT,
    SEEN,
    STATES,
    Slice,
    longest_emotion,
    slices,
    sums,
)
from emoedge.report.texts import TEXTS

DAY_SLICE_S: Final = 300.0
WEEK_SLICE_S: Final = 900.0
"""Seconds of a slice: the narrowest that can still be seen on a screen."""
GAPS: Final = ("privacy", "stopped", "clock")
"""Reasons of gaps that there are words for."""
MOST_EPISODES: Final = 100
"""The longest episodes are listed, in order of time."""
LEAST_SHOWN_S: Final = 0.05
"""Seconds below which a state is not listed: they would be written as 0.0 s."""
MOSTLY: Final = 0.5
"""Share of the named time above which one emotion prevails."""
PARTS: Final[dict[str, tuple[int, int]]] = {
    "all": (0, 24),
    "night": (0, 6),
    "morning": (6, 12),
    "afternoon": (12, 18),
    "evening": (18, 24),
}
"""Parts of a day: from and to which hour of the clock."""
WIDE_AXIS_H: Final = 8
"""Longer times are marked every fourth hour, others every hour."""


def part_span(day: date, part: str, zone: Zone) -> Span:
    """Return the first moment of a part of a local day, a name of PARTS, and the one after it."""
    first, last = PARTS[part]
    return _moment(day, first, zone), _moment(day, last, zone)


def _moment(day: date, hour: int, zone: Zone) -> datetime:
    if hour in (0, 24):
        return midnight(day + timedelta(days=hour // 24), zone)
    # Through UTC, as a midnight is: an hour that summer time leaves out becomes the one after it.
    return datetime.combine(day, time(hour), zone).astimezone(timezone.utc).astimezone(zone)


def restrict(span: HistorySpan, spans: Sequence[Span]) -> HistorySpan:
    """Return the part of a span inside some times; its totals are their seconds, speech and episodes."""

    def is_inside(moment: datetime) -> bool:
        return any(start <= moment < end for start, end in spans)

    buckets = tuple(bucket for bucket in span.buckets if is_inside(bucket.start))
    episodes = tuple(one for one in span.episodes if is_inside(one.started))
    totals = replace(
        span.totals,
        seconds={state: sum(bucket.seconds.get(state, 0.0) for bucket in buckets) for state in STATES},
        speech_s=sum(bucket.speech_s for bucket in buckets),
        clock_synced=all(bucket.clock_synced for bucket in buckets),
    )
    return replace(span, buckets=buckets, episodes=episodes, totals=totals)


def day_view(
    span: HistorySpan, end: datetime, language: Language, zone: Zone, emotion: Emotion | None = None
) -> dict[str, Any]:
    """Return the contents of the page of a day, or of a part of it.

    Args:
        span: the time in parts of five minutes, up to now.
        end: of the time.
        language: of the words.
        zone: of hours.
        emotion: list only its episodes.

    Returns:
        JSON-ready values; `episodes` holds the `HistoryEpisode` itself beside the labels.
    """
    texts = TEXTS[language]
    start = span.start
    hours = edges(start, end, "hour", zone)
    chosen = [one for one in span.episodes if emotion is None or one.emotion == emotion]
    listed = sorted(sorted(chosen, key=lambda one: -one.duration_s)[:MOST_EPISODES], key=_began)
    weekday = WEEKDAYS[language][start.weekday()]
    left_out = len(chosen) - len(listed)
    speech_s = span.totals.speech_s
    speech = duration_label(speech_s, language) if speech_s >= 1 else ""
    return {
        "name": sentence(f"{weekday}, {date_label(start, language)}")[:-1],
        "facts": _facts(span, f"{texts['timezone']}: {span.timezone}"),
        "warnings": _warnings(span, language),
        "headline": headline(span, language),
        "states": _shown(span.totals.seconds, language),
        "state_names": _names(language),
        "strip": _strip(span.buckets, start, end, DAY_SLICE_S, language, zone),
        "marks": _marks(hours, start, end),
        "hours": [
            _hour(begun, ended, seconds, hours, language)
            for (begun, ended), seconds in zip(pairwise(hours), sums(span.buckets, hours), strict=True)
        ],
        "totals": _totals(span.totals.seconds, language),
        "speech": texts["speech"].format(duration=speech) if speech else "",
        "episodes": [_listed(one, language) for one in listed],
        "left_out": texts["left_out"].format(count=left_out) if left_out else "",
        "gaps": [
            f"{gap.start:%H:%M}–{gap.end:%H:%M} {texts[f'gap_{gap.reason}']}"
            for gap in span.gaps
            if gap.reason in GAPS
        ],
    }


def week_view(
    span: HistorySpan, before: HistorySpan, days: Sequence[Span], language: Language, zone: Zone
) -> dict[str, Any]:
    """Return the contents of the page of a week: quarters of an hour, the week before, times of its days."""
    texts = TEXTS[language]
    rows = []
    for start, end in days:
        own_buckets = [bucket for bucket in span.buckets if start <= bucket.start < end]
        seconds = sums(own_buckets, [start, end])[0]
        seen_s = sum(seconds.get(state, 0.0) for state in SEEN)
        emotion = longest_emotion(seconds)
        name = f"{WEEKDAYS[language][start.weekday()]} {start.day}"
        said = display_name(emotion, language) if emotion else texts["none"]
        rows.append(
            {
                "day": f"{start:%Y-%m-%d}",
                "name": name,
                "strip": _strip(own_buckets, start, end, WEEK_SLICE_S, language, zone),
                "seen": duration_label(seen_s, language) if seen_s >= 1 else "–",
                "emotion": emotion,
                "emotion_name": said,
                "label": f"{name}: {said}, {duration_label(seen_s, language)}",
            }
        )
    first, last = days[0][0], days[-1][0]
    year, week, _ = first.date().isocalendar()
    own, old = span.totals.seconds, before.totals.seconds
    return {
        "name": f"{texts['week']} {week}, {year}",
        "facts": _facts(span, f"{date_label(first, language)} – {date_label(last, language)}"),
        "warnings": _warnings(span, language),
        "headline": headline(span, language),
        "states": _shown(own, language),
        "days": rows,
        "marks": _hour_marks(first.hour, days[-1][1].hour or 24),
        "compared": [
            {"state": state, "name": _names(language)[state]}
            | _compared("", own, state, language)
            | _compared("old_", old, state, language)
            for state in SEEN
            if max(own[state], old[state]) >= LEAST_SHOWN_S
        ],
        "episodes": [str(len(span.episodes)), "–" if before.is_empty else str(len(before.episodes))],
        "is_first": before.is_empty,
    }


def headline(span: HistorySpan, language: Language) -> list[str]:
    """Return how long people were seen, what prevailed, and how sure that is."""
    texts, seconds = TEXTS[language], span.totals.seconds
    named_s, seen_s = span.totals.named_s, span.totals.seen_s
    absent = [
        texts["for_time"].format(
            state=_names(language)[state], duration=duration_label(seconds[state], language)
        )
        for state in ABSENT
        if seconds[state] >= 60
    ]
    rest = [sentence(enumeration(absent, language))] if absent else []
    if seen_s < 1:
        return [sentence(texts["nobody_seen"]), *rest]
    said = texts["somebody_seen"].format(duration=duration_label(seen_s, language))
    ranked = sorted(
        (name for name in EMOTIONS if seconds[name] >= LEAST_SHOWN_S), key=lambda name: -seconds[name]
    )
    if not ranked:
        return [sentence(f"{said}; {texts['none_named']}"), *rest]
    shown = ranked[:1] if seconds[ranked[0]] >= MOSTLY * named_s else ranked[:3]
    parts = [f"{display_name(name, language)} ({duration_label(seconds[name], language)})" for name in shown]
    what = texts["above_all"] if len(shown) == 1 else texts["various"]
    first = f"{said}; {what} {enumeration(parts, language)}"
    sure_s = sum(one.duration_s for one in span.episodes)
    if sure_s > 0:
        mean = sum(one.peak_confidence * one.duration_s for one in span.episodes) / sure_s
        first += f"; {texts['episodes_sure'].format(sure=percent(mean))}"
    return [sentence(first), *rest]


def _facts(span: HistorySpan, when: str) -> list[str]:
    return [span.device, when]


def _warnings(span: HistorySpan, language: Language) -> list[str]:
    return [] if span.totals.clock_synced else [TEXTS[language]["clock_doubtful"]]


def _names(language: Language) -> dict[str, str]:
    texts = TEXTS[language]
    names = {str(emotion): display_name(emotion, language) for emotion in EMOTIONS}
    return names | {state: texts[f"state_{state}"] for state in STATES if state not in names}


def _shown(seconds: Mapping[str, float], language: Language) -> list[dict[str, str]]:
    """Return the states that occur, for the legend."""
    names = _names(language)
    occurring = (state for state in STATES if seconds.get(state, 0.0) >= LEAST_SHOWN_S)
    return [{"state": state, "name": names[state]} for state in occurring]


def _strip(
    buckets: Sequence[HistoryBucket],
    start: datetime,
    end: datetime,
    length_s: float,
    language: Language,
    zone: Zone,
) -> list[dict[str, Any]]:
    return [_placed(one, start, end, language) for one in slices(buckets, start, end, length_s, zone)]


def _placed(one: Slice, start: datetime, end: datetime, language: Language) -> dict[str, Any]:
    whole_s = end.timestamp() - start.timestamp()
    return {
        "state": one.state,
        "left": round(100 * (one.start.timestamp() - start.timestamp()) / whole_s, 3),
        "width": round(100 * (one.end.timestamp() - one.start.timestamp()) / whole_s, 3),
        "title": f"{one.start:%H:%M}–{one.end:%H:%M} {_names(language)[one.state]}",
    }


def _marks(hours: Sequence[datetime], start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return every fourth hour of the clock, or every one of a short time, and the end."""
    whole_s = end.timestamp() - start.timestamp()
    step = 4 if whole_s > 3600 * WIDE_AXIS_H else 1
    shown = [hour for hour in hours[:-1] if hour.hour % step == 0 and hour.minute == 0]
    marks = [(100 * (hour.timestamp() - start.timestamp()) / whole_s, f"{hour.hour}:00") for hour in shown]
    return [{"left": left, "label": label} for left, label in [*marks, (100.0, f"{end.hour or 24}:00")]]


def _hour_marks(first: int, last: int) -> list[dict[str, Any]]:
    """Return the same marks for hours of the clock, of any day."""
    hours = range(first, last + 1, 4 if last - first > WIDE_AXIS_H else 1)
    return [{"left": 100 * (hour - first) / (last - first), "label": f"{hour}:00"} for hour in hours]


def _hour(
    start: datetime,
    end: datetime,
    seconds: Mapping[str, float],
    hours: Sequence[datetime],
    language: Language,
) -> dict[str, Any]:
    """Return an hour: its name, with the offset where the clock shows it twice, and its states from below."""
    twice = [other.hour for other in hours[:-1]].count(start.hour) > 1
    whole_s = end.timestamp() - start.timestamp()
    shown = [state for state in STATES if seconds.get(state, 0.0) >= LEAST_SHOWN_S]
    seen_s = sum(seconds.get(state, 0.0) for state in SEEN)
    emotion = longest_emotion(seconds)
    return {
        "name": f"{start.hour}",
        "full_name": f"{start:%H:%M}{start:%z}" if twice else f"{start:%H:%M}",
        "parts": [{"state": state, "percent": round(100 * seconds[state] / whole_s, 2)} for state in shown],
        "times": {state: duration_label(seconds[state], language) for state in shown},
        "seen": duration_label(seen_s, language) if seen_s else "–",
        "emotion": emotion,
        "emotion_name": display_name(emotion, language) if emotion else "–",
    }


def _totals(seconds: Mapping[str, float], language: Language) -> list[dict[str, Any]]:
    """Return the rows of the table of times: what was seen, longest first, then the time without anybody."""
    seen_s = sum(seconds[state] for state in SEEN)
    ordered = sorted(SEEN, key=lambda state: -seconds[state])
    shares = {state: seconds[state] / seen_s for state in SEEN if seen_s > 0}
    return [
        {
            "state": state,
            "name": _names(language)[state],
            "duration": duration_label(seconds[state], language),
            "percent": round(100 * shares[state], 1) if state in shares else None,
            "share": percent(shares[state]) if state in shares else "",
        }
        for state in (*ordered, *ABSENT)
        if seconds[state] >= LEAST_SHOWN_S
    ]


def _compared(prefix: str, seconds: Mapping[str, float], state: str, language: Language) -> dict[str, str]:
    """Return time and share of a state in one of two weeks."""
    seen_s = max(1.0, sum(seconds[one] for one in SEEN))
    spent = seconds[state]
    return {
        f"{prefix}duration": duration_label(spent, language) if spent else "–",
        f"{prefix}share": percent(spent / seen_s) if spent else "–",
    }


def _began(episode: HistoryEpisode) -> datetime:
    return episode.started


def _listed(episode: HistoryEpisode, language: Language) -> dict[str, Any]:
    return {
        "emotion": episode.emotion,
        "name": display_name(episode.emotion, language),
        "clock": f"{episode.started:%H:%M:%S}",
        "duration": duration_label(episode.duration_s, language),
        "sure": percent(episode.peak_confidence),
        "episode": episode,
    }
