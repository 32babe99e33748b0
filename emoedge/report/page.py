"""One self-contained page per segment: works from `file://`, asks no host for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from emoedge.emotions import INDEX, Language, display_name, percent
from emoedge.files import replacing
from emoedge.local_time import Zone
from emoedge.record.names import FILE_MODE
from emoedge.record.timeline import webvtt
from emoedge.report.canvas import SvgCanvas
from emoedge.report.chart import (
    Area,
    clock_label,
    confidence_line,
    lines,
    stacked,
    ticks,
    trust_strip,
)
from emoedge.report.data import CHANNELS, Channel, Episode, ReportData, started_of, summarize
from emoedge.report.disagreement import passages, words_of
from emoedge.report.exports import cues
from emoedge.report.headline import channel_words, headline, is_flat, leading, peak_of
from emoedge.report.language import date_label, duration_label
from emoedge.report.page_parts import jpeg_address, render_template, script_of, time_rows
from emoedge.report.source import ReportSource
from emoedge.report.table import to_csv
from emoedge.report.texts import TEXTS

CHUNK: Final = 3 * 256 * 1024
"""A multiple of three: base64 of the parts joined is base64 of the whole."""
UNSURE: Final = 0.5
"""A recognised word below this confidence is set apart."""
VIEW: Final = Area(0, 0, 1000, 100)
TRANSITIONS_SHOWN: Final = 8


def write_page(
    source: ReportSource,
    target: Path,
    language: Language | None = None,
    *,
    link_video: bool = False,
    zone: Zone = None,
) -> None:
    """Write the page of a segment.

    Args:
        source: the segment.
        target: the HTML file.
        language: of the page; the device's by default.
        link_video: refer to the MP4 where it lies instead of carrying it along.
        zone: of the time of day; the system's by default.

    Raises:
        OSError: the video cannot be read or the page cannot be written.
    """
    address = _relative(source.media, target) if link_video else ""
    with replacing(target, mode=FILE_MODE) as file:
        for part in page_parts(source, language or source.language, address, zone):
            file.write(part)


def page_parts(
    source: ReportSource, language: Language, video_address: str, zone: Zone = None
) -> Iterator[bytes]:
    """The page in parts, none of which is large.

    Args:
        source: the segment.
        language: of the page.
        video_address: where the MP4 is, as seen from the page; "" for a page that carries it along.
        zone: as in `write_page`.

    Raises:
        OSError: the video cannot be read.
    """
    # A marker that cannot occur in the content of the segment.
    mark = secrets.token_hex(16)
    before, _, after = render(source, language, video_address or None, mark, zone).partition(mark)
    yield before.encode(errors="replace")
    if not video_address and source.media.is_file():
        with source.media.open("rb") as media:
            while chunk := media.read(CHUNK):
                yield base64.b64encode(chunk)
    yield after.encode(errors="replace")


def write_private(target: Path, data: bytes) -> None:
    """Write an export, which shows as much of people as the segment itself, for owner and group alone.

    Raises:
        OSError: it cannot be written; an older file stays as it is.
    """
    with replacing(target, mode=FILE_MODE) as file:
        file.write(data)


def render(
    source: ReportSource, language: Language, video_address: str | None, media: str, zone: Zone = None
) -> str:
    """The page as text, with `media` where the base64 of the video belongs; `zone` as in `write_page`."""
    data, summary = source.data, summarize(source.data)
    script = script_of("report.js")
    return render_template(
        "segment.html",
        language,
        name=source.segment_id,
        csp=policy(script, linked=video_address is not None),
        headline=headline(data, language),
        facts=_facts(data, language, zone),
        warnings=[TEXTS[language]["recovered"]] if data.details.get("recovered") else [],
        video_address=video_address,
        poster=jpeg_address(source.media.with_suffix(".jpg")),
        csv=_text_address("text/csv", to_csv(data)),
        subtitles=_text_address("text/vtt", webvtt(cues(data, language))),
        utterances=data.utterances,
        unsure=UNSURE,
        episodes=[_episode(episode, data, language) for episode in data.events],
        plots=[_plot(data, channel, language) for channel in CHANNELS],
        passages=[(passage, *words_of(passage, data, language)) for passage in passages(data)],
        axis=[
            {"left": 100 * mark / data.duration_s, "label": clock_label(mark)}
            for mark in ticks(data.duration_s)
        ],
        times=time_rows(
            summary.seconds,
            data.duration_s,
            language,
            summary.none_s if summary.none_s > data.step_s else 0.0,
        ),
        transitions=summary.transitions[:TRANSITIONS_SHOWN],
        longest=summary.longest if len(data.events) > len(summary.longest) else (),
        data=Markup(_script_data(data)),  # noqa: S704 - `<` is escaped in it
        media=media,
        script=Markup(script),  # noqa: S704 - our own file
    )


def policy(script: str, *, linked: bool = False) -> str:
    """The Content Security Policy: this one script, no address but the page itself."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    media = "media-src blob: 'self' file:" if linked else "media-src blob:"
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        f"img-src data:; {media}; base-uri 'none'; form-action 'none'"
    )


def _facts(data: ReportData, language: Language, zone: Zone) -> list[str]:
    started = started_of(data)
    facts = [str(device)] if (device := data.details.get("device")) else []
    if started is not None:
        local = started.astimezone(zone)
        note = f" ({TEXTS[language]['clock']})" if _is_doubtful(data) else ""
        facts.append(f"{date_label(local, language)}, {local:%H:%M:%S}{note}")
    return [*facts, duration_label(data.duration_s, language)]


def _is_doubtful(data: ReportData) -> bool:
    """Return whether the time of day came from a device whose clock was not synchronised.

    That of a file played in place of a camera says nothing about what is seen.
    """
    configuration = data.details.get("configuration")
    sections = configuration if isinstance(configuration, Mapping) else {}
    sources = [
        str(section.get("source", ""))
        for section in (sections.get("camera"), sections.get("microphone"))
        if isinstance(section, Mapping)
    ]
    played = any(source.startswith("file:") for source in sources)
    return data.details.get("clock_synced") is False and not played


def _episode(episode: Episode, data: ReportData, language: Language) -> dict[str, Any]:
    sure = "" if episode.confidence is None else percent(episode.confidence)
    when = f"{clock_label(episode.start_s)}–{clock_label(episode.end_s)}"
    length = duration_label(episode.duration_s, language)
    name = display_name(episode.emotion, language)
    return {
        "emotion": episode.emotion,
        "left": 100 * episode.start_s / data.duration_s,
        "width": 100 * episode.duration_s / data.duration_s,
        "when": when,
        "length": length,
        "sure": sure,
        "title": " · ".join((f"{name} {sure}".strip(), when, length)),
    }


def _plot(data: ReportData, channel: Channel, language: Language) -> dict[str, Any]:
    """A curve and its words; one that stays as it is has words alone."""
    curve = data.curves.get(channel)
    words = channel_words(data, channel, language)
    plot: dict[str, Any] = {"channel": channel, "words": words, "curve": "", "trust": "", "table": []}
    if curve is None or not bool(curve.known.any()):
        return plot
    plot["table"] = leading(data, curve)
    if is_flat(curve) and channel != "fused":
        return plot
    drawing, trust = SvgCanvas(stretch=True), SvgCanvas(stretch=True)
    if channel == "fused":
        stacked(drawing, VIEW, data, curve)
        confidence_line(drawing, VIEW, data)
    else:
        lines(drawing, VIEW, data, curve, width=2)
        trust_strip(trust, VIEW, data, curve)
    drawn = {"curve": Markup(drawing.body()), "trust": Markup(trust.body())}  # noqa: S704 - numbers alone
    return plot | drawn


def _text_address(kind: str, text: str) -> str:
    """A text as a `data:` address, for a link that downloads it."""
    return f"data:{kind};charset=utf-8,{quote(text, safe=',:;.()!*-_ ')}"


def _script_data(data: ReportData) -> str:
    """Return the data of the script; `<` is escaped so that it cannot end the script element."""
    fused, peak = data.curves["fused"], peak_of(data)
    value: dict[str, Any] = {
        "duration": round(data.duration_s, 3),
        "step": data.step_s,
        "fused": [
            [round(1000 * float(share)) for share in row] if not math.isnan(row[0]) else None
            for row in fused.values
        ],
        "emotions": [None if emotion is None else INDEX[emotion] for emotion in data.emotions],
        "peak": None if peak is None else round(peak.time_s, 3),
        "events": [[round(event.start_s, 3), round(event.end_s, 3)] for event in data.events],
        "words": [[round(word.start_s, 3), round(word.end_s, 3)] for word in data.words],
    }
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _relative(media: Path, target: Path) -> str:
    return quote(os.path.relpath(media.resolve(), target.resolve().parent))
