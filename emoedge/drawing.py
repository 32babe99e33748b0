"""Text drawn into pictures, accents included."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

FONT: Final = Path(__file__).resolve().parent / "data" / "fonts" / "DejaVuSans-Latin.ttf"
MASKS_KEPT: Final = 256
"""An overlay draws the same few words into every frame."""

Color = tuple[int, int, int]
"""Blue, green, red: OpenCV's order, 0 to 255."""


def bgr(color: str) -> Color:
    """Return the colour of "#rrggbb"."""
    return int(color[5:7], 16), int(color[3:5], 16), int(color[1:3], 16)


def text_width(text: str, size_px: int) -> int:
    """Return the width of a line of text, in pixels."""
    return int(_mask(text, size_px).shape[1])


def draw_text(
    picture: NDArray[np.uint8], text: str, left: int, baseline: int, size_px: int, color: Color
) -> None:
    """Draw a line of text in place; what lies outside the picture is cut off.

    Args:
        picture: uint8 (height, width, 3), OpenCV's channel order.
        text: one line.
        left: where it begins, in pixels.
        baseline: the y of its base line, in pixels.
        size_px: size of the font (its em), in pixels.
        color: of the text.
    """
    mask = _mask(text, size_px)
    top = baseline - _ascent(size_px)
    rows = slice(max(0, -top), max(0, min(mask.shape[0], picture.shape[0] - top)))
    columns = slice(max(0, -left), max(0, min(mask.shape[1], picture.shape[1] - left)))
    part = mask[rows, columns, None]
    if not part.size:
        return
    place = picture[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
    place[:] = np.round(place + (np.array(color, np.float32) - place) * part).astype(np.uint8)


@cache
def _font(size_px: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - Pillow is loaded by those who draw
    from PIL import ImageFont

    return ImageFont.truetype(str(FONT), size_px)


def _ascent(size_px: int) -> int:
    return int(_font(size_px).getmetrics()[0])


@lru_cache(maxsize=MASKS_KEPT)
def _mask(text: str, size_px: int) -> NDArray[np.float32]:
    """Return the share of each pixel that the text covers, float32 (height, width), 0 to 1."""
    from PIL import Image, ImageDraw

    font = _font(size_px)
    ascent, descent = font.getmetrics()
    image = Image.new("L", (max(1, round(font.getlength(text))), ascent + descent))
    ImageDraw.Draw(image).text((0, ascent), text, fill=255, font=font, anchor="ls")
    return np.asarray(image, np.float32) / np.float32(255)
