"""Pages of a day and of a week: what was felt when, from the history, with the way to the recordings."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from emoedge.config import Settings
from emoedge.emotions import EMOTIONS, Language, display_name, percent
from emoedge.errors import RecordingError
from emoedge.history import HistoryEpisode, HistorySpan, read
from emoedge.history.buckets import edges
from emoedge.local_time import Zone, day_span, week_span
from emoedge.record.store import Store
from emoedge.report.data import started_of, summarize
from emoedge.report.language import (
    WEEKDAYS,
    date_label,
    duration_label,
    enumeration,
    sentence,
)
from emoedge.report.page import write_private
from emoedge.report.pages import jpeg_address, render_template
from emoedge.report.source import ReportSource, load
from emoedge.report.strip import (
    ABSENT,
    SEEN,
    STATES,
    Slice,
    longest_emotion,
    slices,
    sums,
    with_recordings,
)
from emoedge.report.texts import TEXTS

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""Content Security Policy: nothing but the page itself."""
DAY_SLICE_S: Final = 300.0
WEEK_SLICE_S: Final = 900.0
"""Seconds of a slice: the narrowest that can still be seen on a screen."""
GAPS: Final = ("privacy", "stopped", "clock")
"""Reasons of gaps that there are words for."""
MOST_EPISODES: Final = 100
"""The longest episodes are listed, in order of time."""
MOST_CARDS: Final = 60
WORDS_ON_CARD: Final = 3
MOSTLY: Final = 0.5
"""Share of the named time above which one emotion prevails."""


def write_day(
    settings: Settings, first: date, target: Path, language: Language, now: datetime | None = None
) -> bool:
    """Write the page of a local day.

    Args:
        settings: where history and recordings are, and the time zone.
        first: the local date.
        target: the HTML file; links to the recordings are relative to it.
        language: of the page.
        now: the present, for tests.

    Returns:
        False where nothing is known about the day, and no page is written.

    Raises:
        HistoryError: the history is damaged.
        OSError: the page cannot be written.
    """
    start, end = day_span(first, settings.zone)
    sources = _sources(settings, [first])
    recordings = {source.segment_id: source.data for source in sources}
    span = with_recordings(read(settings, start, end, "five_minutes", now), recordings)
    if span.is_empty and not sources:
        return False
    page = render_day(span, end, sources, target, language, settings.recording.dir, settings.zone)
    write_private(target, page.encode(errors="replace"))
    return True


def write_week(
    settings: Settings, first: date, target: Path, language: Language, now: datetime | None = None
) -> bool:
    """Write the page of the ISO week from its Monday, `first`, beside the week before; as `write_day`."""
    start, end = week_span(first, settings.zone)
    days = [first + timedelta(days=index) for index in range(7)]
    recordings = {source.segment_id: source.data for source in _sources(settings, days)}
    span = with_recordings(read(settings, start, end, "quarter", now), recordings)
    before = read(settings, *week_span(first - timedelta(days=7), settings.zone), "day", now)
    if span.is_empty:
        return False
    page = render_week(span, before, first, language, settings.zone)
    write_private(target, page.encode(errors="replace"))
    return True


def render_day(
    span: HistorySpan,
    end: datetime,
    sources: Sequence[ReportSource],
    target: Path,
    language: Language,
    root: Path,
    zone: Zone,
) -> str:
    """The page of a day as text.

    Args:
        span: the day in parts of five minutes, up to now.
        end: of the day.
        sources: its recordings.
        target: where the page will lie.
        language: of the page.
        root: the recordings.
        zone: of hours.
    """
    texts = TEXTS[language]
    hours = edges(span.start, end, "hour", zone)
    listed = sorted(sorted(span.episodes, key=lambda one: -one.duration_s)[:MOST_EPISODES], key=_began)
    day = span.start
    weekday = WEEKDAYS[language][day.weekday()]
    return render_template(
        "day.html",
        language,
        name=sentence(f"{weekday}, {date_label(day, language)}")[:-1],
        csp=POLICY,
        facts=[span.device, f"{texts['timezone']}: {span.timezone}"],
        warnings=[] if span.totals.clock_synced else [texts["clock_doubtful"]],
        headline=_headline(span, language),
        states=_shown(span.totals.seconds),
        state_names=_names(language),
        strip=[
            _placed(one, span.start, end, language)
            for one in slices(span.buckets, span.start, end, DAY_SLICE_S)
        ],
        marks=_marks(hours, span.start, end),
        hours=[
            _hour(begun, ended, seconds, hours)
            for (begun, ended), seconds in zip(pairwise(hours), sums(span.buckets, hours), strict=True)
        ],
        totals=_totals(span.totals.seconds),
        speech_s=span.totals.speech_s,
        episodes=[_listed(one, target, root) for one in listed],
        left_out=len(span.episodes) - len(listed),
        gaps=[(gap.start, gap.end, texts[f"gap_{gap.reason}"]) for gap in span.gaps if gap.reason in GAPS],
        cards=[_card(source, target, language, zone) for source in sources[:MOST_CARDS]],
        cards_left_out=max(0, len(sources) - MOST_CARDS),
    )


def render_week(span: HistorySpan, before: HistorySpan, monday: date, language: Language, zone: Zone) -> str:
    """The page of a week as text: its quarters of an hour, the week before, and its first day."""
    texts = TEXTS[language]
    days = [day_span(monday + timedelta(days=index), zone) for index in range(7)]
    rows = []
    for start, end in days:
        own_buckets = [bucket for bucket in span.buckets if start <= bucket.start < end]
        seconds = sums(own_buckets, [start, end])[0]
        rows.append(
            {
                "name": f"{WEEKDAYS[language][start.weekday()]} {start.day}",
                "strip": [
                    _placed(one, start, end, language)
                    for one in slices(own_buckets, start, end, WEEK_SLICE_S)
                ],
                "seen_s": sum(seconds.get(state, 0.0) for state in SEEN),
                "emotion": longest_emotion(seconds),
            }
        )
    year, week, _ = monday.isocalendar()
    own, old = span.totals.seconds, before.totals.seconds
    seen_s, old_s = (max(1.0, sum(one[state] for state in SEEN)) for one in (own, old))
    return render_template(
        "week.html",
        language,
        name=f"{texts['week']} {week}, {year}",
        csp=POLICY,
        facts=[span.device, f"{date_label(days[0][0], language)} – {date_label(days[-1][0], language)}"],
        warnings=[] if span.totals.clock_synced else [texts["clock_doubtful"]],
        headline=_headline(span, language),
        states=_shown(own),
        state_names=_names(language),
        days=rows,
        marks=[{"left": 100 * hour / 24, "label": f"{hour}:00"} for hour in range(0, 25, 4)],
        compared=[
            {
                "state": state,
                "seconds": own[state],
                "share": own[state] / seen_s,
                "old_seconds": old[state],
                "old_share": old[state] / old_s,
            }
            for state in SEEN
            if own[state] > 0 or old[state] > 0
        ],
        episodes=(len(span.episodes), len(before.episodes)),
        is_first=before.is_empty,
    )


def _headline(span: HistorySpan, language: Language) -> list[str]:
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
    ranked = sorted((name for name in EMOTIONS if seconds[name] > 0), key=lambda name: -seconds[name])
    if named_s <= 0:
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


def _sources(settings: Settings, days: Sequence[date]) -> list[ReportSource]:
    """Recordings of some days that have a timeline, in the order of making."""
    store = Store(settings.recording.dir)
    found = []
    for day in days:
        for segment in store.segments(f"{day:%Y-%m-%d}"):
            try:
                found.append(load(segment))
            except RecordingError:
                # Of a segment without a timeline only its video was kept: it says nothing.
                continue
    return found


def _names(language: Language) -> dict[str, str]:
    texts = TEXTS[language]
    names = {str(emotion): display_name(emotion, language) for emotion in EMOTIONS}
    return names | {state: texts[f"state_{state}"] for state in STATES if state not in names}


def _shown(seconds: Mapping[str, float]) -> list[str]:
    """States that occur, for the legend."""
    return [state for state in STATES if seconds.get(state, 0.0) > 0]


def _placed(one: Slice, start: datetime, end: datetime, language: Language) -> dict[str, Any]:
    whole_s = end.timestamp() - start.timestamp()
    return {
        "state": one.state,
        "left": 100 * (one.start.timestamp() - start.timestamp()) / whole_s,
        "width": 100 * (one.end.timestamp() - one.start.timestamp()) / whole_s,
        "title": f"{one.start:%H:%M}–{one.end:%H:%M} {_names(language)[one.state]}",
    }


def _marks(hours: Sequence[datetime], start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Every fourth hour of the clock, and the end of the day."""
    whole_s = end.timestamp() - start.timestamp()
    shown = [hour for hour in hours[:-1] if hour.hour % 4 == 0 and hour.minute == 0]
    marks = [(100 * (hour.timestamp() - start.timestamp()) / whole_s, f"{hour.hour}:00") for hour in shown]
    return [{"left": left, "label": label} for left, label in [*marks, (100.0, "24:00")]]


def _hour(
    start: datetime, end: datetime, seconds: Mapping[str, float], hours: Sequence[datetime]
) -> dict[str, Any]:
    """An hour: its name, with the offset where the clock shows it twice, and its states from below."""
    twice = [other.hour for other in hours[:-1]].count(start.hour) > 1
    whole_s = end.timestamp() - start.timestamp()
    return {
        "name": f"{start.hour}",
        "full_name": f"{start:%H:%M}{start:%z}" if twice else f"{start:%H:%M}",
        "parts": [(state, 100 * seconds[state] / whole_s) for state in STATES if seconds.get(state, 0.0) > 0],
        "seconds": seconds,
        "seen_s": sum(seconds.get(state, 0.0) for state in SEEN),
        "emotion": longest_emotion(seconds),
    }


def _totals(seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    """Rows of the table of times: what was seen, longest first, then the time without anybody."""
    seen_s = sum(seconds[state] for state in SEEN)
    ordered = sorted(SEEN, key=lambda state: -seconds[state])
    return [
        {
            "state": state,
            "seconds": seconds[state],
            "share": seconds[state] / seen_s if state in SEEN and seen_s > 0 else None,
        }
        for state in (*ordered, *ABSENT)
        if seconds[state] > 0
    ]


def _began(episode: HistoryEpisode) -> datetime:
    return episode.started


def _listed(episode: HistoryEpisode, target: Path, root: Path) -> dict[str, Any]:
    link = ""
    if episode.recording is not None:
        for media in root.glob(f"????-??-??/{episode.recording}.mp4"):
            page = media.with_suffix(".html")
            link = _link(page if page.exists() else media, target)
    return {
        "emotion": episode.emotion,
        "clock": f"{episode.started:%H:%M:%S}",
        "duration_s": episode.duration_s,
        "sure": percent(episode.peak_confidence),
        "link": link,
    }


def _card(source: ReportSource, target: Path, language: Language, zone: Zone) -> dict[str, Any]:
    media, data = source.media, source.data
    started = started_of(data)
    seconds = summarize(data).seconds
    named = sorted((name for name in seconds if seconds[name] > 0), key=lambda name: -seconds[name])
    words = [display_name(name, language) for name in named[:WORDS_ON_CARD]]
    page = media.with_suffix(".html")
    return {
        "clock": "" if started is None else f"{started.astimezone(zone):%H:%M:%S}",
        "duration_s": data.duration_s,
        "mix": [(name, 100 * seconds[name] / data.duration_s) for name in named],
        "words": ", ".join(words) + (f" +{len(named) - len(words)}" if len(named) > len(words) else ""),
        "thumbnail": jpeg_address(media.with_suffix(".jpg")),
        "video": _link(media, target),
        "page": _link(page, target) if page.exists() else "",
    }


def _link(media: Path, target: Path) -> str:
    return quote(os.path.relpath(media.resolve(), target.resolve().parent))
