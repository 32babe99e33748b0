"""The charts, drawn onto anything that can draw: the same lines for the page, the SVG and the PNG."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emoedge.drawing import text_width
from emoedge.emotions import EMOTIONS, Emotion, Language, display_name, percent
from emoedge.report.data import Curve, Episode, ReportData

TRUST_LEVELS: Final = 6
"""Shades of the strip that shows how far a curve can be trusted."""
LABEL_PX: Final = 12
"""Size of the writing on an episode."""
TICKS_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the drawing; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


class Canvas(Protocol):
    """Interface of a drawing.

    `fill` and `stroke` are an emotion, or a role: "paper", "ground", "grid", "ink", "muted"; writing on
    an emotion's colour is "on-<emotion>".
    """

    def polygon(self, points: Sequence[Point], fill: str) -> None:
        """A filled shape."""
        ...

    def line(self, points: Sequence[Point], stroke: str, width: float) -> None:
        """A polyline; `width` in pixels of the final picture."""
        ...

    def rect(self, area: Area, fill: str, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        ...

    def text(self, x: float, y: float, text: str, fill: str, size: float, anchor: str = "start") -> None:
        """A line of text whose base line begins (or has its middle or end) at a point."""
        ...


def stacked(canvas: Canvas, area: Area, data: ReportData, curve: Curve) -> None:
    """The seven probabilities on top of each other; nothing where there is no opinion."""
    for first, last in stretches(curve.known):
        xs = _xs(area, data, first, last)
        values = np.vstack([curve.values[first:last], curve.values[last - 1 : last]])
        edges = np.concatenate([np.zeros((len(xs), 1)), np.cumsum(values, axis=1)], axis=1).clip(0, 1)
        for index, emotion in enumerate(EMOTIONS):
            below = list(zip(xs, area.y + area.height * (1 - edges[:, index]), strict=True))
            above = list(zip(xs, area.y + area.height * (1 - edges[:, index + 1]), strict=True))
            canvas.polygon(below + above[::-1], emotion)


def lines(canvas: Canvas, area: Area, data: ReportData, curve: Curve, width: float = 1.6) -> None:
    """The seven probabilities as lines on a ground that is missing where there is no opinion."""
    for first, last in stretches(curve.known):
        xs = _xs(area, data, first, last)
        canvas.rect(Area(xs[0], area.y, xs[-1] - xs[0], area.height), "ground")
    for level in (0.25, 0.5, 0.75):
        y = area.y + area.height * (1 - level)
        canvas.line([(area.x, y), (area.x + area.width, y)], "grid", 1)
    for first, last in stretches(curve.known):
        xs = _xs(area, data, first, last)
        values = np.vstack([curve.values[first:last], curve.values[last - 1 : last]]).clip(0, 1)
        # Neutral first, so that it never covers the others.
        for index in (6, 0, 1, 2, 3, 4, 5):
            ys = area.y + area.height * (1 - values[:, index])
            canvas.line(list(zip(xs, ys, strict=True)), EMOTIONS[index], width)


def trust_strip(canvas: Canvas, area: Area, data: ReportData, curve: Curve) -> None:
    """Draw how reliable the curve is: the darker the better; empty without an opinion."""
    known = np.isfinite(curve.trust) & curve.known
    levels = np.where(known, np.round(np.nan_to_num(curve.trust).clip(0, 1) * TRUST_LEVELS), -1).astype(int)
    for first, last, level in _equal_runs(levels):
        if level >= 0:
            xs = _xs(area, data, first, last)
            opacity = 0.1 + 0.9 * level / TRUST_LEVELS
            canvas.rect(Area(xs[0], area.y, xs[-1] - xs[0], area.height), "ink", opacity)


def confidence_line(canvas: Canvas, area: Area, data: ReportData, width: float = 2.0) -> None:
    """The certainty of what is named, on the axis of the curves; nothing where nothing is named."""
    trust = data.curves["fused"].trust
    named = np.array([emotion is not None for emotion in data.emotions]) & np.isfinite(trust)
    for first, last in stretches(named):
        xs = _xs(area, data, first, last)
        values = np.append(trust[first:last], trust[last - 1]).clip(0, 1)
        points = list(zip(xs, area.y + area.height * (1 - values), strict=True))
        # A rim, so that it can be distinguished from any colour below it.
        canvas.line(points, "paper", width + 2.5)
        canvas.line(points, "ink", width)


def band(
    canvas: Canvas, area: Area, data: ReportData, episodes: Sequence[Episode], language: Language
) -> None:
    """Episodes as a band of blocks; a name, or its certainty, is written where it fits whole."""
    for episode in episodes:
        x = area.x + area.width * episode.start_s / data.duration_s
        width = area.width * episode.duration_s / data.duration_s
        canvas.rect(Area(x, area.y, max(width, 1.0), area.height), episode.emotion)
        name = display_name(episode.emotion, language)
        sure = "" if episode.confidence is None else f" {percent(episode.confidence)}"
        label = next((text for text in (name + sure, name) if text_width(text, LABEL_PX) + 6 < width), "")
        if label:
            y = area.y + area.height * 0.72
            canvas.text(x + 3, y, label, f"on-{episode.emotion}", LABEL_PX)


def ticks(duration_s: float, most: int = 8) -> list[float]:
    """Round moments for the time axis, at most `most` + 1 of them."""
    step = next((step for step in TICKS_S if duration_s / step <= most), 3600)
    return [float(moment) for moment in range(0, int(duration_s) + 1, step)]


def clock_label(seconds: float) -> str:
    """Return a time such as 1:05 or 1:00:05."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def stretches(known: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """First and one after last index of each run of True."""
    for first, last, value in _equal_runs(known.astype(int)):
        if value:
            yield first, last


def legend_order() -> tuple[Emotion, ...]:
    """The order in which the stack shows the emotions from above."""
    return EMOTIONS[::-1]


def _equal_runs(values: NDArray[np.int_]) -> Iterator[tuple[int, int, int]]:
    if not len(values):
        return
    edges = [0, *(np.flatnonzero(np.diff(values)) + 1).tolist(), len(values)]
    for first, last in itertools.pairwise(edges):
        yield first, last, int(values[first])


def _xs(area: Area, data: ReportData, first: int, last: int) -> list[float]:
    """Places of the points first..last, with one more at the end: a sample stands for its whole step."""
    scale = area.width / data.duration_s
    moments = np.minimum(np.arange(first, last + 1) * data.step_s, data.duration_s)
    return [area.x + float(moment) * scale for moment in moments]
