"""Palette and components that all pages share."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from emoedge.emotions import COLORS, EMOTIONS
from emoedge.report.canvas import LIGHT

AA = 4.5
"""Least contrast of small text (WCAG 2.2, 1.4.3)."""


def static(name: str) -> str:
    return (resources.files("emoedge.report") / "static" / name).read_text(encoding="utf-8")


def luminance(color: str) -> float:
    shares = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def themes() -> list[dict[str, str]]:
    """Variables of the light and the dark theme."""
    light, dark = re.findall(r":root \{(.*?)\}", static("palette.css"), re.DOTALL)
    read = [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in (light, dark)]
    return [read[0], read[0] | read[1]]


def test_the_palette_is_that_of_the_emotions():
    assert {name: themes()[0][name].upper() for name in EMOTIONS} == COLORS
    assert {name: themes()[0][f"on-{name}"].upper() for name in EMOTIONS} == {
        name: LIGHT[f"on-{name}"] for name in EMOTIONS
    }


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_can_be_read_on_every_colour(theme):
    colors = themes()[theme]
    for emotion in EMOTIONS:
        assert contrast(colors[emotion], colors[f"on-{emotion}"]) >= AA, emotion
    for ink in ("ink", "muted", "accent"):
        for ground in ("paper", "ground"):
            assert contrast(colors[ink], colors[ground]) >= AA, (ink, ground)


def test_the_highlight_is_no_emotions_colour():
    pages = (resources.files("emoedge.report") / "templates" / "report.css").read_text(encoding="utf-8")
    for style in (pages, static("components.css")):
        assert not {color.upper() for color in re.findall(r"#\w{6}", style)} & set(COLORS.values())
        assert not re.search(rf"var\(--(?:{'|'.join(EMOTIONS)})\)", style)
