"""A day in one picture: what was recorded when, the hours, and the way to each segment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from emoedge.emotions import EMOTIONS, Emotion, Language, display_name
from emoedge.errors import RecordingError
from emoedge.record.names import DAY_PATTERN
from emoedge.record.store import Store
from emoedge.report.canvas import SvgCanvas
from emoedge.report.chart import Area
from emoedge.report.data import runs, started_of, summarize
from emoedge.report.language import duration_label
from emoedge.report.page import write_private
from emoedge.report.pages import jpeg_address, render_template, time_rows
from emoedge.report.source import ReportSource, load
from emoedge.report.texts import TEXTS
from emoedge.translation import tr

DAY_S: Final = 86_400.0
HOURS: Final = 24
POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""Content Security Policy: nothing but the page itself."""
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
        RecordingError: `day` is not a date.
        OSError: the page cannot be written.
    """
    if DAY_PATTERN.fullmatch(day) is None:
        raise RecordingError(tr("{day!r} is not a day", day=day[:40]), tr("give it as YYYY-MM-DD"))
    midnight = _midnight(day)
    segments = []
    for segment in store.segments(day):
        try:
            segments.append(_place(load(segment), midnight))
        except RecordingError:
            # A segment without a timeline (only its video was kept) has nothing to show in the day.
            continue
    write_private(target, render_day(segments, day, target, language).encode(errors="replace"))
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
    return render_template(
        "day.html",
        language,
        name=day,
        csp=POLICY,
        facts=[
            f"{texts['segments']}: {len(segments)}",
            f"{texts['length']}: {duration_label(total_s, language)}",
        ],
        warnings=[],
        headline=[""],
        strip=Markup(_strip(segments)),  # noqa: S704 - numbers and our own colours
        hours=hours,
        most_s=max((sum(hour.values()) for hour in hours), default=0.0) or 1.0,
        times=time_rows(seconds, total_s or 1.0, language),
        cards=[_card(segment, target, language) for segment in segments],
    )


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
        raise RecordingError(tr("{day!r} is not a day", day=day), tr("give it as YYYY-MM-DD")) from error


def _strip(segments: Sequence[DaySegment]) -> str:
    """The day from left to right; a segment too short to show its parts shows its longest emotion."""
    canvas = SvgCanvas(stretch=True)
    scale = 1000 / DAY_S
    for segment in segments:
        left, width = segment.start_s * scale, segment.source.data.duration_s * scale
        if width < SMALLEST:
            seconds = summarize(segment.source.data).seconds
            longest = max(EMOTIONS, key=lambda emotion: seconds[emotion])
            canvas.rect(Area(left, 0, SMALLEST, 100), longest if seconds[longest] > 0 else "ground")
            continue
        canvas.rect(Area(left, 0, width, 100), "ground")
        for start_s, end_s, emotion in segment.stretches:
            if emotion is not None:
                canvas.rect(Area(start_s * scale, 0, (end_s - start_s) * scale, 100), emotion)
    return canvas.body()


def _card(segment: DaySegment, target: Path, language: Language) -> dict[str, Any]:
    media, data = segment.source.media, segment.source.data
    clock = _midnight("2000-01-01") + timedelta(seconds=segment.start_s % DAY_S)
    page = media.with_suffix(".html")
    return {
        "clock": f"{clock:%H:%M:%S}",
        "duration_s": data.duration_s,
        "mix": [
            (emotion, 100 * spent / data.duration_s)
            for emotion, spent in summarize(data).seconds.items()
            if spent > 0
        ],
        "episodes": [display_name(episode.emotion, language) for episode in data.events],
        "thumbnail": jpeg_address(media.with_suffix(".jpg")),
        "video": _link(media, target),
        "page": _link(page, target) if page.exists() else "",
    }


def _link(media: Path, target: Path) -> str:
    return quote(os.path.relpath(media.resolve(), target.resolve().parent))
