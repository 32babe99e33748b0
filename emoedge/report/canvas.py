"""Drawing surfaces of charts: SVG text and raster pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from emoedge.drawing import Color, bgr, draw_text, text_width
from emoedge.emotions import COLORS
from emoedge.report.chart import Area, Point

LIGHT: Final[Mapping[str, str]] = {
    "paper": "#FFFFFF",
    "ground": "#F4F5F7",
    "grid": "#D9DCE1",
    "ink": "#1B1F24",
    "muted": "#59626D",
    **{str(emotion): color for emotion, color in COLORS.items()},
    **{f"on-{emotion}": "#FFFFFF" if emotion == "sadness" else "#111111" for emotion in COLORS},
}
"""Colours of roles and emotions on white paper, and of writing on an emotion's colour."""


class SvgCanvas:
    """Collects SVG elements.

    Args:
        roles: colours of roles and emotions, or None to leave them to the page's style sheet (classes).
        stretch: the drawing is stretched by the page: strokes keep their width.
    """

    def __init__(self, roles: Mapping[str, str] | None = None, *, stretch: bool = False) -> None:
        self._roles = roles
        self._stretch = stretch
        self._parts: list[str] = []

    def polygon(self, points: Sequence[Point], fill: str) -> None:
        """A filled shape."""
        self._parts.append(f'<path {self._paint("fill", fill)} d="{_path(points)}z"/>')

    def line(self, points: Sequence[Point], stroke: str, width: float) -> None:
        """A polyline."""
        effect = ' vector-effect="non-scaling-stroke"' if self._stretch else ""
        self._parts.append(
            f'<path fill="none" {self._paint("stroke", stroke)} stroke-width="{width:g}" '
            f'stroke-linejoin="round"{effect} d="{_path(points)}"/>'
        )

    def rect(self, area: Area, fill: str, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        faint = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
        self._parts.append(
            f'<rect {self._paint("fill", fill)}{faint} x="{area.x:.1f}" y="{area.y:.1f}" '
            f'width="{max(area.width, 0):.1f}" height="{area.height:.1f}"/>'
        )

    def text(self, x: float, y: float, text: str, fill: str, size: float, anchor: str = "start") -> None:
        """A line of text."""
        self._parts.append(
            f'<text {self._paint("fill", fill)} x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" '
            f'font-family="system-ui, sans-serif" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def body(self) -> str:
        """The elements."""
        return "".join(self._parts)

    def document(self, width: float, height: float, title: str) -> str:
        """A whole SVG file."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" '
            f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}" role="img" '
            f"aria-label={quoteattr(title)}>"
            f"<title>{escape(title)}</title>{self.body()}</svg>\n"
        )

    def _paint(self, attribute: str, color: str) -> str:
        if self._roles is not None:
            return f'{attribute}="{self._roles[color]}"'
        return f'class="{attribute}-{color}"'


class RasterCanvas:
    """Draws into a picture with OpenCV; text with Pillow.

    Args:
        width: of the drawing, in its own units.
        height: likewise.
        scale: pixels a unit.
    """

    SHIFT: Final = 4
    """Fractional bits of OpenCV's coordinates."""

    def __init__(self, width: float, height: float, scale: float = 2.0) -> None:
        self._scale = scale
        size = (round(height * scale), round(width * scale), 3)
        self.picture: NDArray[np.uint8] = np.full(size, 255, dtype=np.uint8)

    def polygon(self, points: Sequence[Point], fill: str) -> None:
        """A filled shape."""
        import cv2

        cv2.fillPoly(self.picture, [self._fixed(points)], _bgr(fill), cv2.LINE_AA, self.SHIFT)

    def line(self, points: Sequence[Point], stroke: str, width: float) -> None:
        """A polyline."""
        import cv2

        thick = max(1, round(width * self._scale))
        cv2.polylines(
            self.picture, [self._fixed(points)], False, _bgr(stroke), thick, cv2.LINE_AA, self.SHIFT
        )

    def rect(self, area: Area, fill: str, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        top, bottom = round(area.y * self._scale), round((area.y + area.height) * self._scale)
        left, right = round(area.x * self._scale), round((area.x + area.width) * self._scale)
        part = self.picture[max(top, 0) : bottom, max(left, 0) : right]
        part[:] = np.round(part * (1 - opacity) + np.array(_bgr(fill)) * opacity).astype(np.uint8)

    def text(self, x: float, y: float, text: str, fill: str, size: float, anchor: str = "start") -> None:
        """A line of text."""
        size_px = round(size * self._scale)
        width = text_width(text, size_px)
        left = round(x * self._scale) - {"start": 0, "middle": width // 2, "end": width}[anchor]
        draw_text(self.picture, text, left, round(y * self._scale), size_px, _bgr(fill))

    def png(self) -> bytes:
        """The picture as a PNG file."""
        import cv2

        _, data = cv2.imencode(".png", self.picture)
        return bytes(data.tobytes())

    def _fixed(self, points: Sequence[Point]) -> NDArray[np.int32]:
        return np.round(np.array(points) * self._scale * (1 << self.SHIFT)).astype(np.int32)


def _path(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _bgr(color: str) -> Color:
    return bgr(LIGHT[color])
