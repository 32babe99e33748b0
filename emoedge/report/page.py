"""One self-contained page per segment: works from `file://`, asks no host for anything."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import math
import os
import secrets
import stat
from functools import cache
from importlib import resources
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from emoedge.emotions import COLORS, EMOTIONS, INDEX, Emotion, Language, display_name
from emoedge.record.names import FILE_MODE
from emoedge.report.canvas import SvgCanvas
from emoedge.report.chart import Area, clock_label, legend_order, lines, stacked, ticks, trust_strip
from emoedge.report.data import CHANNELS, Channel, Curve, Episode, ReportData, summarize
from emoedge.report.export import started_of
from emoedge.report.source import ReportSource
from emoedge.report.texts import TEXTS

CHUNK: Final = 3 * 256 * 1024
"""A multiple of three: base64 of the parts joined is base64 of the whole."""
UNSURE: Final = 0.5
"""A recognised word below this confidence is set apart."""
VIEW: Final = Area(0, 0, 1000, 100)
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
    with open_private(target) as file:
        file.write(before)
        if not link_video and source.media.exists():
            with source.media.open("rb") as media:
                while chunk := media.read(CHUNK):
                    file.write(base64.b64encode(chunk).decode("ascii"))
        file.write(after)


def write_private(target: Path, data: bytes) -> None:
    """Write an export, which shows as much of people as the segment itself, for owner and group alone."""
    with open_private(target) as file:
        file.buffer.write(data)


def open_private(target: Path) -> TextIOWrapper:
    """A text file to write, with the mode of a segment's files; raises OSError."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, FILE_MODE)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def render(source: ReportSource, language: Language, video_address: str | None, media: str) -> str:
    """The page as text, with `media` where the base64 of the video belongs."""
    data, texts = source.data, TEXTS[language]
    script = template("report.js")
    poster = _poster(source.media.with_suffix(".jpg"))
    link = "" if video_address is None else f' src="{html.escape(video_address)}"'
    values = {
        "lang": language,
        "csp": html.escape(policy(script, linked=video_address is not None)),
        "media": media,
        "css": template("report.css"),
        "js": script,
        "id": html.escape(source.segment_id),
        "facts": " · ".join(_facts(data, language)),
        "warnings": "".join(
            f'<p class="warning">{html.escape(text)}</p>' for text in _warnings(data, language)
        ),
        "video_attributes": f"{link}{poster}",
        "bars": "".join(_bar(emotion, language) for emotion in EMOTIONS),
        "legend": legend(language),
        "events_title": texts["events"],
        "events": _events(data, language),
        "plots": "".join(_plots(data, language)),
        "axis": _axis(data.duration_s),
        "transcript_title": texts["transcript"],
        "transcript": _transcript(data, language),
        "summary_title": texts["summary"],
        "summary": _summary(data, language),
        "data": _script_data(data),
        **{key: texts[key] for key in ("title", "now", "gap", "estimate", "keys", "no_media", "no_script")},
    }
    return fill(template("segment.html"), values)


@cache
def template(name: str) -> str:
    """A file of the templates."""
    return (resources.files("emoedge.report") / "templates" / name).read_text(encoding="utf-8")


def fill(text: str, values: dict[str, str]) -> str:
    """Put values into `{{names}}`; what the values contain is not looked at again."""
    parts = text.split("{{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, _, rest = part.partition("}}")
        filled += [values.get(name, "{{" + name + "}}"), rest]
    return "".join(filled)


def policy(script: str, *, linked: bool = False) -> str:
    """The Content Security Policy: this one script, no address but the page itself."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    media = "media-src blob: 'self' file:" if linked else "media-src blob:"
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        f"img-src data:; {media}; base-uri 'none'; form-action 'none'"
    )


def legend(language: Language) -> str:
    """The seven colours with their names."""
    return "".join(
        f'<li><span class="dot" style="background:{COLORS[emotion]}"></span>{display_name(emotion, language)}</li>'
        for emotion in reversed(legend_order())
    )


def duration_label(seconds: float) -> str:
    """Such as "4.2 s" or "3:05"."""
    return f"{seconds:.1f} s" if seconds < 60 else clock_label(seconds)


def _facts(data: ReportData, language: Language) -> list[str]:
    texts = TEXTS[language]
    started = started_of(data)
    facts = []
    if started is not None:
        facts.append(f"{texts['started']}: {started.astimezone():%Y-%m-%d %H:%M:%S %Z}")
    facts.append(f"{texts['duration']}: {duration_label(data.duration_s)}")
    if device := data.details.get("device"):
        facts.append(f"{texts['device']}: {html.escape(str(device))}")
    return facts


def _warnings(data: ReportData, language: Language) -> list[str]:
    texts = TEXTS[language]
    warnings = []
    if data.details.get("clock_synced") is False:
        warnings.append(texts["clock"])
    if data.details.get("recovered"):
        warnings.append(texts["recovered"])
    return warnings


def _bar(emotion: Emotion, language: Language) -> str:
    return (
        f'<li><span class="name">{display_name(emotion, language)}</span>'
        f'<span class="rail"><span class="fill" style="background:{COLORS[emotion]};display:block"></span></span>'
        f'<span class="value">–</span></li>'
    )


def _events(data: ReportData, language: Language) -> str:
    texts = TEXTS[language]
    if not data.events:
        return f'<p class="nothing">{texts["no_events"]}</p>'
    return "".join(_event(event, data, language) for event in data.events)


def _event(event: Episode, data: ReportData, language: Language) -> str:
    name = display_name(event.emotion, language)
    left, width = 100 * event.start_s / data.duration_s, 100 * event.duration_s / data.duration_s
    peak = "" if event.peak_confidence is None else f" · {round(100 * event.peak_confidence)} %"
    title = f"{name} · {clock_label(event.start_s)} · {duration_label(event.duration_s)}{peak}"
    white = ' class="white"' if event.emotion in DARK_GROUND else ""
    return (
        f'<button type="button"{white} style="left:{left:.3f}%;width:{width:.3f}%;'
        f'background:{COLORS[event.emotion]}" title="{html.escape(title)}" '
        f'aria-label="{TEXTS[language]["seek"]} {html.escape(title)}">{html.escape(name)}</button>'
    )


def _plots(data: ReportData, language: Language) -> list[str]:
    texts = TEXTS[language]
    stack = SvgCanvas(stretch=True)
    stacked(stack, VIEW, data, data.curves["fused"])
    plots = [_plot(texts["stack"], "", f'<div class="chart stack">{_svg(stack)}</div>')]
    for channel in CHANNELS:
        curve = data.curves.get(channel)
        if curve is not None:
            plots.append(_plot(texts[channel], texts[f"trust_{channel}"], _lines(data, channel, curve)))
    return plots


def _plot(title: str, note: str, body: str) -> str:
    remark = f' <span class="note">{note}</span>' if note else ""
    return f'<div class="plot"><h2>{title}{remark}</h2>{body}</div>'


def _lines(data: ReportData, channel: Channel, curve: Curve) -> str:
    drawing, trust = SvgCanvas(stretch=True), SvgCanvas(stretch=True)
    lines(drawing, VIEW, data, curve, width=2)
    trust_strip(trust, VIEW, data, curve)
    return (
        f'<div class="chart lines" data-channel="{channel}">{_svg(drawing)}</div>'
        f'<div class="trust">{_svg(trust)}</div>'
    )


def _svg(canvas: SvgCanvas) -> str:
    return (
        f'<svg viewBox="0 0 {VIEW.width:g} {VIEW.height:g}" preserveAspectRatio="none" aria-hidden="true">'
        f"{canvas.body()}</svg>"
    )


def _axis(duration_s: float) -> str:
    marks = ticks(duration_s)
    labels = []
    for mark in marks:
        share = 100 * mark / duration_s
        last = ' class="last"' if share > 97 else ""
        labels.append(f'<span{last} style="left:{share:.3f}%">{clock_label(mark)}</span>')
    return "".join(labels)


def _transcript(data: ReportData, language: Language) -> str:
    if not data.words:
        return f'<p class="hint">{TEXTS[language]["no_transcript"]}</p>'
    paragraphs: list[str] = []
    for index, word in enumerate(data.words):
        if index in data.breaks:
            at = f'<span class="at">{clock_label(word.start_s)}</span>'
            paragraphs.append(f"{'</p>' if paragraphs else ''}<p>{at}")
        unsure = " unsure" if word.confidence < UNSURE else ""
        paragraphs.append(f'<button type="button" class="word{unsure}">{html.escape(word.text)}</button> ')
    return "".join(paragraphs) + "</p>"


def _summary(data: ReportData, language: Language) -> str:
    texts, summary = TEXTS[language], summarize(data)
    rows = []
    for emotion, seconds in sorted(summary.seconds.items(), key=lambda item: -item[1]):
        if seconds > 0:
            rows.append(time_row(display_name(emotion, language), seconds, data.duration_s, COLORS[emotion]))
    if summary.none_s > data.step_s:
        rows.append(time_row(texts["none"], summary.none_s, data.duration_s, "var(--hatch)"))
    changes = [
        f"<tr><td>{_named(before, language)} → {_named(after, language)}</td><td class='number'>{count}</td></tr>"
        for before, after, count in summary.transitions[:8]
    ]
    longest = [
        f"<tr><td>{_named(episode.emotion, language)}</td><td class='number'>{clock_label(episode.start_s)}</td>"
        f"<td class='number'>{duration_label(episode.duration_s)}</td></tr>"
        for episode in summary.longest
    ]
    nothing = f"<tr><td>{texts['no_transitions']}</td></tr>"
    return (
        f"<div><h3>{texts['time_in']}</h3><table>{''.join(rows)}</table></div>"
        f"<div><h3>{texts['transitions']}</h3><table>{''.join(changes) or nothing}</table></div>"
        f"<div><h3>{texts['longest']}</h3><table>{''.join(longest)}</table></div>"
    )


def time_row(name: str, seconds: float, total_s: float, color: str) -> str:
    """A row of the table of times: name, bar, seconds and share of the total."""
    share = 100 * seconds / total_s
    return (
        f"<tr><td>{name}</td><td class='share'><div style='width:{share:.1f}%;background:{color}'></div></td>"
        f"<td class='number'>{duration_label(seconds)}</td><td class='number'>{share:.0f} %</td></tr>"
    )


def _named(emotion: Emotion, language: Language) -> str:
    return f'<span class="dot" style="background:{COLORS[emotion]}"></span>{display_name(emotion, language)}'


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


def _poster(path: Path) -> str:
    """The thumbnail as the video's poster."""
    try:
        picture = path.read_bytes()
    except OSError:
        return ""
    return f' poster="data:image/jpeg;base64,{base64.b64encode(picture).decode("ascii")}"'


def _relative(media: Path, target: Path) -> str:
    return quote(os.path.relpath(media.resolve(), target.resolve().parent))
