"""A day in one picture: what was recorded when, the hours, and the way to each segment."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

from emoedge.emotions import COLORS, EMOTIONS, Emotion, Language, display_name
from emoedge.errors import RecordingError
from emoedge.record.names import DAY_PATTERN
from emoedge.record.store import Store
from emoedge.report.canvas import SvgCanvas
from emoedge.report.chart import Area
from emoedge.report.data import runs, summarize
from emoedge.report.export import started_of
from emoedge.report.page import duration_label, fill, legend, template, time_row, write_private
from emoedge.report.source import ReportSource, load
from emoedge.report.texts import TEXTS

DAY_S: Final = 86_400.0
HOURS: Final = 24
SMALLEST: Final = 3.0
"""Thousandths of the day that can still be seen."""
Stretch = tuple[float, float, Emotion | None]


@dataclass(frozen=True)
class DaySegment:
    """A segment at its place in the day.

    Attributes:
        source: the segment.
        start_s: seconds since local midnight; may be a little below 0 or reach beyond the day.
        stretches: start, end (seconds since midnight) and emotion, None where there was no opinion.
    """

    source: ReportSource
    start_s: float
    stretches: tuple[Stretch, ...]


def build_day_report(store: Store, day: str, target: Path, language: Language = "es") -> int:
    """Write the page of a day.

    Args:
        store: the recordings.
        day: the local date, YYYY-MM-DD.
        target: the HTML file; links to the segments are relative to it.
        language: of the page.

    Returns:
        The number of segments on it.

    Raises:
        RecordingError: `day` is no date.
        OSError: the page cannot be written.
    """
    if DAY_PATTERN.fullmatch(day) is None:
        raise RecordingError(f"{day[:40]!r} is not a day", "give it as YYYY-MM-DD")
    midnight = _midnight(day)
    segments = []
    for segment in store.segments(day):
        try:
            segments.append(_place(load(segment), midnight))
        except RecordingError:
            # A segment without a timeline (only its video was kept) has nothing to show in the day.
            continue
    write_private(target, render_day(segments, day, target, language).encode())
    return len(segments)


def render_day(segments: Sequence[DaySegment], day: str, target: Path, language: Language) -> str:
    """The page as text."""
    texts = TEXTS[language]
    seconds = dict.fromkeys(EMOTIONS, 0.0)
    for segment in segments:
        for emotion, share in summarize(segment.source.data).seconds.items():
            seconds[emotion] += share
    total_s = sum(segment.source.data.duration_s for segment in segments)
    hours = hour_histogram(segments)
    most_s = max((sum(hour.values()) for hour in hours), default=0.0) or 1.0
    values = {
        "lang": language,
        "css": template("report.css"),
        "day": html.escape(day),
        "facts": f"{texts['segments']}: {len(segments)} · {texts['duration']}: {duration_label(total_s)}",
        "legend": legend(language),
        "day_title": texts["day"],
        "strip": _strip(segments),
        "axis": "".join(
            f'<span{" class=last" if hour == HOURS else ""} style="left:{100 * hour / HOURS:.3f}%">{hour}:00</span>'
            for hour in range(0, HOURS + 1, 4)
        ),
        "hours_title": texts["hours"],
        "hours_note": f"{duration_label(most_s)} = 100 %" if segments else "",
        "hours": "".join(_hour(hour, most_s, language) for hour in hours),
        "hour_labels": "".join(f"<span>{hour}</span>" for hour in range(HOURS)),
        "summary_title": texts["summary"],
        "summary": _summary(seconds, total_s, language),
        "segments_title": texts["segments"],
        "cards": "".join(_card(segment, target, language) for segment in segments)
        or f'<p class="hint">{texts["no_segments"]}</p>',
        **{key: texts[key] for key in ("title", "gap", "estimate")},
    }
    return fill(template("day.html"), values)


def hour_histogram(segments: Sequence[DaySegment]) -> list[dict[Emotion, float]]:
    """Seconds of each emotion in each of the 24 hours."""
    hours: list[dict[Emotion, float]] = [{} for _ in range(HOURS)]
    for segment in segments:
        for start_s, end_s, emotion in segment.stretches:
            if emotion is None:
                continue
            for hour in range(HOURS):
                overlap = min(end_s, (hour + 1) * 3600.0) - max(start_s, hour * 3600.0)
                if overlap > 0:
                    hours[hour][emotion] = hours[hour].get(emotion, 0.0) + overlap
    return hours


def _place(source: ReportSource, midnight: datetime) -> DaySegment:
    started = started_of(source.data)
    start_s = 0.0 if started is None else (started - midnight).total_seconds()
    episodes = runs(source.data)
    stretches: list[Stretch] = []
    at = 0.0
    for episode in episodes:
        if episode.start_s > at:
            stretches.append((start_s + at, start_s + episode.start_s, None))
        stretches.append((start_s + episode.start_s, start_s + episode.end_s, episode.emotion))
        at = episode.end_s
    if at < source.data.duration_s:
        stretches.append((start_s + at, start_s + source.data.duration_s, None))
    return DaySegment(source, start_s, tuple(stretches))


def _midnight(day: str) -> datetime:
    try:
        return datetime.strptime(day, "%Y-%m-%d").astimezone()
    except ValueError as error:
        raise RecordingError(f"{day!r} is not a day", "give it as YYYY-MM-DD") from error


def _strip(segments: Sequence[DaySegment]) -> str:
    """The day from left to right; a segment too short to show its parts shows its longest emotion."""
    canvas = SvgCanvas(stretch=True)
    scale = 1000 / DAY_S
    for segment in segments:
        left, width = segment.start_s * scale, segment.source.data.duration_s * scale
        if width < SMALLEST:
            seconds = summarize(segment.source.data).seconds
            longest = max(EMOTIONS, key=lambda emotion: seconds[emotion])
            canvas.rect(Area(left, 0, SMALLEST, 100), COLORS[longest] if seconds[longest] > 0 else "ground")
            continue
        canvas.rect(Area(left, 0, width, 100), "ground")
        for start_s, end_s, emotion in segment.stretches:
            if emotion is not None:
                canvas.rect(Area(start_s * scale, 0, (end_s - start_s) * scale, 100), COLORS[emotion])
    return canvas.body()


def _hour(hour: dict[Emotion, float], most_s: float, language: Language) -> str:
    blocks = "".join(
        f'<div style="height:{100 * hour[emotion] / most_s:.2f}%;background:{COLORS[emotion]}" '
        f'title="{display_name(emotion, language)}: {duration_label(hour[emotion])}"></div>'
        for emotion in reversed(EMOTIONS)
        if emotion in hour
    )
    return f'<div class="hour">{blocks}</div>'


def _summary(seconds: dict[Emotion, float], total_s: float, language: Language) -> str:
    rows = [
        time_row(display_name(emotion, language), spent, total_s, COLORS[emotion])
        for emotion, spent in sorted(seconds.items(), key=lambda item: -item[1])
        if spent > 0
    ]
    return f"<div><h3>{TEXTS[language]['time_in']}</h3><table>{''.join(rows)}</table></div>"


def _card(segment: DaySegment, target: Path, language: Language) -> str:
    source, texts = segment.source, TEXTS[language]
    clock = (_midnight("2000-01-01") + timedelta(seconds=segment.start_s % DAY_S)).strftime("%H:%M:%S")
    summary = summarize(source.data)
    mix = "".join(
        f'<div style="width:{100 * spent / source.data.duration_s:.2f}%;background:{COLORS[emotion]}"></div>'
        for emotion, spent in summary.seconds.items()
        if spent > 0
    )
    events = [display_name(event.emotion, language) for event in source.data.events]
    links = [f'<a href="{_link(source.media, target)}">{texts["video"]}</a>']
    page = source.media.with_suffix(".html")
    if page.exists():
        links.insert(0, f'<a href="{_link(page, target)}">{texts["report"]}</a>')
    return (
        f'<article class="card">{_thumbnail(source.media.with_suffix(".jpg"))}<div class="mix">{mix}</div>'
        f'<div class="text"><p><strong>{clock}</strong> · {duration_label(source.data.duration_s)}</p>'
        f"<p>{html.escape(', '.join(events)) or '—'}</p><p>{' · '.join(links)}</p></div></article>"
    )


def _thumbnail(path: Path) -> str:
    try:
        picture = base64.b64encode(path.read_bytes()).decode("ascii")
    except OSError:
        return '<div class="blank"></div>'
    return f'<img alt="" src="data:image/jpeg;base64,{picture}">'


def _link(media: Path, target: Path) -> str:
    return quote(os.path.relpath(media.resolve(), target.resolve().parent))
