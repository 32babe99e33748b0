"""One self-contained page per segment: works from `file://`, asks no host for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import secrets
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from emoedge.emotions import INDEX, Language, display_name, percent
from emoedge.files import replacing
from emoedge.observations import Word
from emoedge.record.names import FILE_MODE
from emoedge.report.canvas import SvgCanvas
from emoedge.report.chart import Area, clock_label, lines, stacked, ticks, trust_strip
from emoedge.report.data import CHANNELS, Channel, Episode, ReportData, summarize
from emoedge.report.export import started_of
from emoedge.report.pages import duration_label, jpeg_address, read_template, render_template, time_rows
from emoedge.report.source import ReportSource
from emoedge.report.texts import TEXTS

CHUNK: Final = 3 * 256 * 1024
"""A multiple of three: base64 of the parts joined is base64 of the whole."""
UNSURE: Final = 0.5
"""A recognised word below this confidence is set apart."""
VIEW: Final = Area(0, 0, 1000, 100)
TRANSITIONS_SHOWN: Final = 8
DARK_GROUND: Final = frozenset({"anger", "disgust", "sadness"})
"""Emotions whose colour needs white writing on it."""


def write_page(
    source: ReportSource, target: Path, language: Language | None = None, *, link_video: bool = False
) -> None:
    """Write the page of a segment.

    Args:
        source: the segment.
        target: the HTML file.
        language: of the page; the device's by default.
        link_video: refer to the MP4 where it lies instead of carrying it along.

    Raises:
        OSError: the video cannot be read or the page cannot be written.
    """
    language = language or source.language
    # A mark that nothing said or written in the segment can contain.
    mark = secrets.token_hex(16)
    page = render(source, language, _relative(source.media, target) if link_video else None, mark)
    before, _, after = page.partition(mark)
    with replacing(target, mode=FILE_MODE) as file:
        file.write(before.encode(errors="replace"))
        if not link_video and source.media.is_file():
            with source.media.open("rb") as media:
                while chunk := media.read(CHUNK):
                    file.write(base64.b64encode(chunk))
        file.write(after.encode(errors="replace"))


def write_private(target: Path, data: bytes) -> None:
    """Write an export, which shows as much of people as the segment itself, for owner and group alone.

    Raises:
        OSError: it cannot be written; an older file stays as it is.
    """
    with replacing(target, mode=FILE_MODE) as file:
        file.write(data)


def render(source: ReportSource, language: Language, video_address: str | None, media: str) -> str:
    """The page as text, with `media` where the base64 of the video belongs."""
    data, summary = source.data, summarize(source.data)
    script = read_template("report.js")
    stack = SvgCanvas(stretch=True)
    stacked(stack, VIEW, data, data.curves["fused"])
    return render_template(
        "segment.html",
        language,
        name=source.segment_id,
        csp=policy(script, linked=video_address is not None),
        facts=_facts(data, language),
        warnings=_warnings(data, language),
        video_address=video_address,
        poster=jpeg_address(source.media.with_suffix(".jpg")),
        utterances=_utterances(data),
        unsure=UNSURE,
        episodes=[_episode(episode, data, language) for episode in data.events],
        stack=Markup(stack.body()),  # noqa: S704 - numbers and our own colours
        plots=[_plot(data, channel) for channel in CHANNELS if channel in data.curves],
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
        longest=summary.longest,
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


def _facts(data: ReportData, language: Language) -> list[str]:
    texts = TEXTS[language]
    started = started_of(data)
    facts = []
    if started is not None:
        facts.append(f"{texts['started']}: {started.astimezone():%Y-%m-%d %H:%M:%S %Z}")
    facts.append(f"{texts['duration']}: {duration_label(data.duration_s)}")
    if device := data.details.get("device"):
        facts.append(f"{texts['device']}: {device}")
    return facts


def _warnings(data: ReportData, language: Language) -> list[str]:
    texts = TEXTS[language]
    warnings = []
    if data.details.get("clock_synced") is False:
        warnings.append(texts["clock"])
    if data.details.get("recovered"):
        warnings.append(texts["recovered"])
    return warnings


def _episode(episode: Episode, data: ReportData, language: Language) -> dict[str, Any]:
    peak = "" if episode.peak_confidence is None else f" · {percent(episode.peak_confidence)}"
    name = display_name(episode.emotion, language)
    return {
        "emotion": episode.emotion,
        "left": 100 * episode.start_s / data.duration_s,
        "width": 100 * episode.duration_s / data.duration_s,
        "title": f"{name} · {clock_label(episode.start_s)} · {duration_label(episode.duration_s)}{peak}",
        "white": episode.emotion in DARK_GROUND,
    }


def _plot(data: ReportData, channel: Channel) -> dict[str, Any]:
    curve = data.curves[channel]
    drawing, trust = SvgCanvas(stretch=True), SvgCanvas(stretch=True)
    lines(drawing, VIEW, data, curve, width=2)
    trust_strip(trust, VIEW, data, curve)
    return {"channel": channel, "lines": Markup(drawing.body()), "trust": Markup(trust.body())}  # noqa: S704


def _utterances(data: ReportData) -> list[list[Word]]:
    """The words, one list an utterance."""
    utterances: list[list[Word]] = []
    for index, word in enumerate(data.words):
        if index in data.breaks or not utterances:
            utterances.append([])
        utterances[-1].append(word)
    return utterances


def _script_data(data: ReportData) -> str:
    """What the script needs; `<` is escaped so that nothing in it can end the script element."""
    fused = data.curves["fused"]
    value: dict[str, Any] = {
        "duration": round(data.duration_s, 3),
        "step": data.step_s,
        "fused": [
            [round(1000 * float(share)) for share in row] if not math.isnan(row[0]) else None
            for row in fused.values
        ],
        "emotions": [None if emotion is None else INDEX[emotion] for emotion in data.emotions],
        "events": [[round(event.start_s, 3), round(event.end_s, 3)] for event in data.events],
        "words": [[round(word.start_s, 3), round(word.end_s, 3)] for word in data.words],
    }
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _relative(media: Path, target: Path) -> str:
    return quote(os.path.relpath(media.resolve(), target.resolve().parent))
