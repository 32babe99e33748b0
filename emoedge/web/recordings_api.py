"""`/api/recordings`: list, details and files of the store, which the console can only read."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any, Final

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from emoedge.clock import rfc3339
from emoedge.emotions import EMOTIONS
from emoedge.errors import RecordingError
from emoedge.files import parse_json
from emoedge.observations import TextObservation
from emoedge.record.labels import read_labels
from emoedge.record.names import is_segment_id, started_of_id
from emoedge.record.segment_files import Segment
from emoedge.record.timeline import read_timeline_text
from emoedge.report.data import ReportData
from emoedge.report.source import load
from emoedge.web.body import dumps, finite, granted, integer, moment
from emoedge.web.context import Context, context_of
from emoedge.web.errors import ApiError, WordedError
from emoedge.web.summaries import MAX_POINTS, felt_in

MOST_ITEMS: Final = 200
DEFAULT_ITEMS: Final = 50
CHUNK: Final = 64 * 1024
_PLAIN_FILES: Final = {
    "video": (".mp4", "video/mp4"),
    "thumbnail": (".jpg", "image/jpeg"),
    "timeline": (".jsonl", "application/x-ndjson"),
    "subtitles": (".vtt", "text/vtt; charset=utf-8"),
}
"""Name in the address -> suffix and type of the file."""
REPORT_POLICY: Final = (
    "default-src 'none'; img-src data:; media-src 'self' data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'none'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""The report has one script inside, and lets no other run by the digest in its own policy; both apply."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A part of a file: first and one after last byte."""

    start: int
    end: int


async def list_recordings(request: Request) -> Response:
    """Newest first, in pages."""
    context = context_of(request)
    limit = integer(request, "limit", DEFAULT_ITEMS, 1, MOST_ITEMS)
    zone = context.settings.zone
    since, until = moment(request, "from", zone), moment(request, "to", zone)
    emotion, cursor = request.query_params.get("emotion"), request.query_params.get("cursor")
    if emotion is not None and emotion not in EMOTIONS:
        raise ApiError(400, "parameter", name="emotion")
    if cursor is not None and not is_segment_id(cursor):
        raise ApiError(400, "parameter", name="cursor")

    def collect() -> dict[str, Any]:
        items: list[dict[str, Any]] = []
        for segment in _newest_first(context, since, until, cursor):
            felt = context.summaries.of(segment)
            if emotion is not None and emotion not in felt.emotions:
                continue
            if len(items) == limit:
                return {"items": items, "next": items[-1]["id"]}
            items.append(_item(segment, felt.emotions, felt.peak))
        return {"items": items, "next": None}

    return _json(await run_in_threadpool(collect))


async def show_recording(request: Request) -> Response:
    """Metadata, episodes and curves."""
    context = context_of(request)

    def collect() -> dict[str, Any]:
        segment = _find(context, request)
        data = _data(context, segment)
        felt = felt_in(data)
        return _item(segment, felt.emotions, felt.peak) | {
            "details": data.details,
            "step_s": data.step_s,
            "named": list(data.emotions),
            "curves": {name: _rows(data, name) for name in data.curves},
            "episodes": [asdict(episode) for episode in data.events],
            "words": [asdict(word) for word in data.words],
            "marks": _labels(segment),
        }

    return _json(await run_in_threadpool(collect))


async def show_file(request: Request) -> Response:
    """One of the files of a recording, or what is made of them."""
    context, name = context_of(request), request.path_params["name"]
    segment = await run_in_threadpool(_find, context, request)
    download = "download" in request.query_params
    if name in ("report", "csv"):
        return await run_in_threadpool(_made, context, segment, name, granted(request).language, download)
    if name == "timeline" and not context.settings.web.transcript:
        data = await run_in_threadpool(_timeline_without_words, segment)
        return Response(data, headers=_names(segment, ".jsonl", "application/x-ndjson", download))
    if name not in _PLAIN_FILES:
        raise ApiError(404, "missing")
    suffix, kind = _PLAIN_FILES[name]
    return await run_in_threadpool(_part_of_file, request, segment, suffix, kind, download)


def _newest_first(
    context: Context, since: datetime | None, until: datetime | None, cursor: str | None
) -> Iterator[Segment]:
    for segment in context.recordings.newest_first(cursor):
        started_s = started_of_id(segment.segment_id)
        if since is not None and started_s + (segment.duration_s or 0.0) < since.timestamp():
            continue
        if until is None or started_s < until.timestamp():
            yield segment


def _item(segment: Segment, emotions: dict[str, float], peak: dict[str, Any] | None) -> dict[str, Any]:
    details = segment.details()
    started = datetime.fromtimestamp(started_of_id(segment.segment_id), timezone.utc)
    return {
        "id": segment.segment_id,
        "started": details.get("started") or rfc3339(started),
        "duration_s": segment.duration_s,
        "bytes": segment.bytes,
        "reason": details.get("reason"),
        "emotions": emotions,
        "peak": peak,
        "keep": segment.is_kept,
        "labels": len(_labels(segment)),
    }


def _find(context: Context, request: Request) -> Segment:
    segment_id = request.path_params["segment_id"]
    try:
        return context.recordings.find(segment_id)
    except RecordingError as error:
        raise ApiError(404, "missing") from error


def _data(context: Context, segment: Segment) -> ReportData:
    """Return the timeline; without words unless `web.transcript` is set."""
    try:
        data = load(segment, MAX_POINTS, asks_media=False).data
    except RecordingError as error:
        raise WordedError(404, "timeline", error.message, error.remedy or None) from error
    return data if context.settings.web.transcript else _without_words(data)


def _without_words(data: ReportData) -> ReportData:
    heard = tuple(one for one in data.timeline.outcomes if not isinstance(one, TextObservation))
    return replace(data, utterances=(), timeline=replace(data.timeline, outcomes=heard))


def _rows(data: ReportData, name: Any) -> list[list[float] | None]:
    curve = data.curves[name]
    return [
        [round(float(value), 3) for value in row] if known else None
        for row, known in zip(curve.values, curve.known, strict=True)
    ]


def _labels(segment: Segment) -> list[dict[str, Any]]:
    """Return what people said was wrong."""
    try:
        return [label.to_dict() for label in read_labels(segment.media)]
    except OSError:
        return []


def _timeline_without_words(segment: Segment) -> bytes:
    try:
        text = read_timeline_text(segment.media.with_suffix(".jsonl"))
    except OSError as error:
        raise ApiError(404, "missing") from error
    rows = []
    for line in text.splitlines():
        try:
            row = parse_json(line)
        except ValueError:
            continue
        if not isinstance(row, dict) or row.get("topic") == "transcript":
            continue
        payload = row.get("payload")
        if isinstance(payload, dict):
            for key in ("transcript", "words"):
                payload.pop(key, None)
        rows.append(json.dumps(row, ensure_ascii=False))
    return "".join(row + "\n" for row in rows).encode(errors="replace")


def _made(context: Context, segment: Segment, name: str, language: Any, download: bool) -> Response:
    # Templates and table formats are only needed here.
    from emoedge.report.exports import export
    from emoedge.report.page import page_parts

    data = _data(context, segment)
    if name == "csv":
        return Response(
            export(data, segment.segment_id, "csv", language),
            headers=_names(segment, ".csv", "text/csv; charset=utf-8", download),
        )
    source = replace(load(segment, MAX_POINTS, asks_media=False), data=data)
    headers = _names(segment, ".html", "text/html; charset=utf-8", download)
    headers["content-security-policy"] = REPORT_POLICY
    return StreamingResponse(page_parts(source, language, "" if download else "video"), headers=headers)


def _part_of_file(request: Request, segment: Segment, suffix: str, kind: str, download: bool) -> Response:
    """A file, or the part of it that was asked for; links are not followed."""
    path = segment.media.with_suffix(suffix)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ApiError(404, "missing") from error
    try:
        status = os.fstat(descriptor)
        headers = _names(segment, suffix, kind, download)
        part, code = _headers_of_part(request, status, headers)
        if request.method == "HEAD":
            os.close(descriptor)
            return Response(status_code=code, headers=headers)
    except BaseException:
        os.close(descriptor)
        raise
    return _FileResponse(descriptor, part, code, headers)


def _headers_of_part(
    request: Request, status: os.stat_result, headers: dict[str, str]
) -> tuple[ByteRange, int]:
    """Add length, range and tag to the headers; returns the part and the HTTP status."""
    if not stat.S_ISREG(status.st_mode):
        raise ApiError(404, "missing")
    headers["accept-ranges"] = "bytes"
    headers["etag"] = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    wanted = request.headers.get("range")
    if request.headers.get("if-range", headers["etag"]) != headers["etag"]:
        wanted = None
    span = parse_range(wanted, status.st_size) if wanted else None
    if span is not None:
        headers["content-range"] = f"bytes {span.start}-{span.end - 1}/{status.st_size}"
    part = span or ByteRange(0, status.st_size)
    headers["content-length"] = str(part.end - part.start)
    return part, 206 if span else 200


class _FileResponse(StreamingResponse):
    """Response with the bytes of an open file, which is closed in any case."""

    def __init__(self, descriptor: int, part: ByteRange, status: int, headers: dict[str, str]) -> None:
        self._descriptor = descriptor
        super().__init__(self._chunks(part), status_code=status, headers=headers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            os.close(self._descriptor)

    async def _chunks(self, part: ByteRange) -> Any:
        at = part.start
        while at < part.end:
            length = min(CHUNK, part.end - at)
            data = await anyio.to_thread.run_sync(os.pread, self._descriptor, length, at)
            if not data:
                return
            at += len(data)
            yield data


def parse_range(text: str, size: int) -> ByteRange | None:
    """The part that a Range header asks for; None for what is answered with the whole file (RFC 9110).

    Raises:
        ApiError: the file has no such part.
    """
    unit, _, spans = text.partition("=")
    first, dash, last = spans.strip().partition("-")
    numbers = [part for part in (first, last) if part]
    if (
        unit.strip().lower() != "bytes"
        or not dash
        or not numbers
        or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in numbers)
    ):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if first and last and int(last) < int(first):
        return None
    if start >= size or (not first and int(last) == 0):
        raise ApiError(416, "range", {"content-range": f"bytes */{size}"})
    return ByteRange(start, end)


def _names(segment: Segment, suffix: str, kind: str, download: bool) -> dict[str, str]:
    how = "attachment" if download else "inline"
    name = segment.segment_id + suffix
    return {"content-type": kind, "content-disposition": f'{how}; filename="{name}"'}


def _json(value: Any) -> Response:
    return Response(dumps(finite(value)), media_type="application/json")


ROUTES: Final = [
    Route("/api/recordings", list_recordings),
    Route("/api/recordings/{segment_id}", show_recording, methods=["GET"]),
    Route("/api/recordings/{segment_id}/{name}", show_file),
]
