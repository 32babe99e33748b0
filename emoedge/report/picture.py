"""The charts of a segment as one picture, SVG or PNG, for documents and messages."""

from __future__ import annotations

from typing import Final

from emoedge.emotions import COLORS, Language, display_name
from emoedge.report.canvas import LIGHT, RasterCanvas, SvgCanvas
from emoedge.report.chart import (
    Area,
    Canvas,
    band,
    clock_label,
    confidence_line,
    legend_order,
    lines,
    stacked,
    ticks,
    trust_strip,
)
from emoedge.report.data import CHANNELS, ReportData
from emoedge.report.headline import channel_words, headline, is_flat
from emoedge.report.texts import TEXTS

WIDTH: Final = 1000.0
MARGIN: Final = 56.0
STACK_HEIGHT: Final = 150.0
LINES_HEIGHT: Final = 90.0
GAP: Final = 34.0
HEAD: Final = 84.0
WORDS_HEIGHT: Final = 20.0
BAND_HEIGHT: Final = 18.0
STRIP_HEIGHT: Final = 5.0


def vector(data: ReportData, name: str, language: Language) -> str:
    """An SVG file."""
    canvas = SvgCanvas(LIGHT)
    height = _height(data)
    canvas.rect(Area(0, 0, WIDTH, height), "paper")
    _draw(canvas, data, name, language)
    return canvas.document(WIDTH, height, f"{TEXTS[language]['title']} {name}")


def raster(data: ReportData, name: str, language: Language) -> bytes:
    """A PNG file, 2000 pixels wide."""
    canvas = RasterCanvas(WIDTH, _height(data))
    _draw(canvas, data, name, language)
    return canvas.png()


def _height(data: ReportData) -> float:
    drawn = sum(channel != "fused" and not is_flat(curve) for channel, curve in data.curves.items())
    told = len(CHANNELS) - 1 - drawn
    return (
        HEAD
        + BAND_HEIGHT
        + GAP
        + STACK_HEIGHT
        + GAP
        + drawn * (LINES_HEIGHT + GAP)
        + told * WORDS_HEIGHT
        + 10
    )


def _draw(canvas: Canvas, data: ReportData, name: str, language: Language) -> None:
    texts = TEXTS[language]
    width = WIDTH - 2 * MARGIN
    canvas.text(MARGIN, 26, headline(data, language)[0], "ink", 16)
    canvas.text(MARGIN, 43, f"{texts['title']} · {name}", "muted", 11)
    _legend(canvas, language)
    y = HEAD
    canvas.text(MARGIN, y - 4, texts["events"], "muted", 11)
    band(canvas, Area(MARGIN, y, width, BAND_HEIGHT), data, data.events, language)
    y += BAND_HEIGHT + GAP
    heading = f"{texts['fused']}: {channel_words(data, 'fused', language)} ({texts['line_fused']})"
    canvas.text(MARGIN, y - 5, heading, "muted", 11)
    area = Area(MARGIN, y, width, STACK_HEIGHT)
    stacked(canvas, area, data, data.curves["fused"])
    confidence_line(canvas, area, data)
    _axes(canvas, area, data)
    y += STACK_HEIGHT + GAP
    for channel in CHANNELS[1:]:
        curve = data.curves.get(channel)
        canvas.text(MARGIN, y - 5, f"{texts[channel]}: {channel_words(data, channel, language)}", "muted", 11)
        if curve is None or is_flat(curve):
            y += WORDS_HEIGHT
            continue
        area = Area(MARGIN, y, width, LINES_HEIGHT - STRIP_HEIGHT - 2)
        lines(canvas, area, data, curve)
        trust_strip(canvas, Area(MARGIN, y + LINES_HEIGHT - STRIP_HEIGHT, width, STRIP_HEIGHT), data, curve)
        _axes(canvas, Area(MARGIN, y, width, LINES_HEIGHT), data)
        y += LINES_HEIGHT + GAP


def _legend(canvas: Canvas, language: Language) -> None:
    step = (WIDTH - 2 * MARGIN) / len(COLORS)
    for index, emotion in enumerate(reversed(legend_order())):
        x = MARGIN + index * step
        canvas.rect(Area(x, 54, 10, 10), emotion)
        canvas.text(x + 15, 63, display_name(emotion, language), "ink", 11)


def _axes(canvas: Canvas, area: Area, data: ReportData) -> None:
    for moment in ticks(data.duration_s, 10):
        x = area.x + area.width * moment / data.duration_s
        canvas.text(x, area.y + area.height + 13, clock_label(moment), "muted", 10, "middle")
    for share, label in ((0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")):
        y = area.y + area.height * (1 - share) + 8 * share
        canvas.text(area.x - 6, y, label, "muted", 10, "end")
