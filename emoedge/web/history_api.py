"""`/api/history`: what was felt when; a day and a week as their pages show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta, timezone
from typing import Any, Final, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emoedge.config import Settings
from emoedge.days import parse_day, parse_week
from emoedge.emotions import EMOTIONS, Emotion, Language
from emoedge.errors import ConfigError
from emoedge.history import BUCKETS, Bucket, HistoryEpisode, HistorySpan, read
from emoedge.local_time import day_span, week_span
from emoedge.record.names import started_of_id
from emoedge.report.day_source import filled
from emoedge.report.day_view import PARTS, day_view, part_span, restrict, week_view
from emoedge.report.texts import TEXTS
from emoedge.web.body import dumps, granted, moment
from emoedge.web.context import context_of
from emoedge.web.errors import ApiError

WEEK: Final = timedelta(days=7)
FIRST_YEAR: Final = 1970
MOST_BUCKETS: Final = 11_000
"""A week of minutes: more would be the console's whole memory."""
SHOWN_TEXTS: Final = (
    *("day", "hours", "hours_note", "hours_in_words", "hour", "seen", "above_all_column", "times", "emotion"),
    *("length", "share_seen", "gaps", "events", "when", "sure_column", "see", "no_day_episodes"),
    *("days", "this_week", "week_before", "no_week_before", "estimate"),
)
"""Words of the page of a day that the console shows too."""
_LENGTHS_S: Final = {"minute": 60, "hour": 3600, "day": 86_400}


async def show_history(request: Request) -> Response:
    """Return a span of time as `emoedge history --json` prints it; today without parameters."""
    settings = context_of(request).settings
    begin, end = (moment(request, name, settings.zone) for name in ("from", "to"))
    bucket = cast("Bucket | None", _chosen(request, "bucket", BUCKETS))
    now = datetime.now(timezone.utc)
    if begin is None:
        if end is not None:
            raise ApiError(400, "parameter", name="from")
        begin, end = day_span(now.astimezone(settings.zone).date(), settings.zone)
    end = min(end or now, now)
    if end < begin <= now:
        raise ApiError(400, "parameter", name="to")
    if bucket is not None and (end - begin).total_seconds() > MOST_BUCKETS * _LENGTHS_S[bucket]:
        raise ApiError(400, "parameter", name="bucket")

    def collect() -> dict[str, Any]:
        return read(settings, begin, end, bucket).to_json()

    return await _json(collect)


async def show_day(request: Request) -> Response:
    """Return a local day, or a part of it, as its page shows it; today without `day`."""
    context, language = context_of(request), granted(request).language
    settings = context.settings
    today = datetime.now(timezone.utc).astimezone(settings.zone).date()
    day = _day(request, today)
    part = _chosen(request, "part", PARTS) or "all"
    emotion = cast("Emotion | None", _chosen(request, "emotion", EMOTIONS))

    def collect() -> dict[str, Any]:
        start, end = part_span(day, part, settings.zone)
        span = filled(settings, read(settings, start, end, "five_minutes"), [day])
        found = day_view(span, end, language, settings.zone, emotion)
        for row in found["episodes"]:
            row.update(_recording_of(row.pop("episode")))
        return {
            "schema": 1,
            "day": f"{day}",
            "previous": f"{day - timedelta(days=1)}",
            "next": f"{day + timedelta(days=1)}" if day < today else None,
            "week": _week_name(day),
            **_known(settings, span, language),
            "is_future": day > today,
            "recordings": len(context.recordings.finished(f"{day}")),
            **found,
        }

    return await _json(collect)


async def show_week(request: Request) -> Response:
    """Return an ISO week, or a part of its days, as its page shows it; this week without `week`."""
    context, language = context_of(request), granted(request).language
    settings = context.settings
    today = datetime.now(timezone.utc).astimezone(settings.zone).date()
    monday = _monday(request, today)
    part = _chosen(request, "part", PARTS) or "all"

    def collect() -> dict[str, Any]:
        days = [monday + timedelta(days=index) for index in range(7)]
        spans, old_spans = (
            [part_span(day + shift, part, settings.zone) for day in days] for shift in (timedelta(0), -WEEK)
        )
        whole = filled(settings, read(settings, *week_span(monday, settings.zone), "quarter"), days)
        before = read(settings, *week_span(monday - WEEK, settings.zone), "hour")
        span = restrict(whole, spans)
        return {
            "schema": 1,
            "week": _week_name(monday),
            "previous": _week_name(monday - WEEK),
            "next": _week_name(monday + WEEK) if monday + WEEK <= today else None,
            **_known(settings, whole, language),
            "is_future": monday > today,
            **week_view(span, restrict(before, old_spans), spans, language, settings.zone),
        }

    return await _json(collect)


def _known(settings: Settings, span: HistorySpan, language: Language) -> dict[str, Any]:
    return {
        "is_empty": span.is_empty,
        "enabled": settings.history.enabled,
        "keep_days": settings.history.keep_days,
        "texts": {name: TEXTS[language][name] for name in SHOWN_TEXTS},
    }


def _chosen(request: Request, name: str, known: Iterable[str]) -> str | None:
    """Return a parameter that is one of some words, None without one; raises ApiError."""
    text = request.query_params.get(name) or None
    if text is not None and text not in known:
        raise ApiError(400, "parameter", name=name)
    return text


def _day(request: Request, today: date) -> date:
    try:
        day = parse_day(request.query_params.get("day") or "today", today)
    except ConfigError as error:
        raise ApiError(400, "parameter", name="day") from error
    if day.year < FIRST_YEAR:
        raise ApiError(400, "parameter", name="day")
    return day


def _monday(request: Request, today: date) -> date:
    try:
        return parse_week(request.query_params.get("week") or _week_name(today))
    except ConfigError as error:
        raise ApiError(400, "parameter", name="week") from error


def _week_name(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _recording_of(episode: HistoryEpisode) -> dict[str, Any]:
    """Return the recording that holds an episode, and where in it the episode begins."""
    if episode.recording is None:
        return {"recording": None, "at_s": None}
    at_s = episode.started.timestamp() - started_of_id(episode.recording)
    return {"recording": episode.recording, "at_s": round(max(0.0, at_s), 1)}


async def _json(collect: Callable[[], dict[str, Any]]) -> Response:
    return Response(dumps(await run_in_threadpool(collect)), media_type="application/json")


ROUTES: Final = [
    Route("/api/history", show_history),
    Route("/api/history/day", show_day),
    Route("/api/history/week", show_week),
]
