"""Pages of a day and of a week: what was felt when, from the history, with the way to the recordings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from emoedge.config import Settings
from emoedge.emotions import Language, display_name
from emoedge.history import HistoryEpisode, HistorySpan, read
from emoedge.local_time import Zone, day_span, week_span
from emoedge.report.data import started_of, summarize
from emoedge.report.day_source import filled, sources_of
from emoedge.report.day_view import day_view, week_view
from emoedge.report.page import write_private
from emoedge.report.page_parts import jpeg_address, render_template
from emoedge.report.source import ReportSource
from emoedge.report.strip import with_recordings

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
"""Content Security Policy: nothing but the page itself."""
MOST_CARDS: Final = 60
WORDS_ON_CARD: Final = 3


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
    sources = sources_of(settings, [first])
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
    span = filled(settings, read(settings, start, end, "quarter", now), days)
    before = read(settings, *week_span(first - timedelta(days=7), settings.zone), "day", now)
    if span.is_empty:
        return False
    spans = [day_span(day, settings.zone) for day in days]
    page = render_template(
        "week.html", language, csp=POLICY, **week_view(span, before, spans, language, settings.zone)
    )
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
    view = day_view(span, end, language, zone)
    for row in view["episodes"]:
        row["link"] = _link_of(row["episode"], target, root)
    left_out = max(0, len(sources) - MOST_CARDS)
    return render_template(
        "day.html",
        language,
        csp=POLICY,
        cards=[_card(source, target, language, zone) for source in sources[:MOST_CARDS]],
        cards_left_out=left_out,
        **view,
    )


def _link_of(episode: HistoryEpisode, target: Path, root: Path) -> str:
    """Return the address of the recording of an episode, or of its page; "" without one."""
    link = ""
    if episode.recording is not None:
        for media in root.glob(f"????-??-??/{episode.recording}.mp4"):
            page = media.with_suffix(".html")
            link = _link(page if page.exists() else media, target)
    return link


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
