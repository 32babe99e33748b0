"""What the pages have in common: the templates, the words and the colours."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from emoedge.emotions import COLORS, EMOTIONS, Emotion, Language, display_name
from emoedge.files import read_small
from emoedge.report.chart import clock_label, legend_order
from emoedge.report.texts import TEXTS

NO_OPINION_COLOR: Final = "var(--hatch)"
MAX_PICTURE_BYTES: Final = 16 * 1024 * 1024
"""Maximum size of a thumbnail in a page."""


def render_template(template: str, language: Language, **values: Any) -> str:
    """Fill a template. Text is escaped; what is markup already must say so (`markupsafe.Markup`).

    Args:
        template: its file name, such as "day.html".
        language: of the words.
        values: for the template, beside the words, names and colours that every page has.
    """
    return (
        _environment()
        .get_template(template)
        .render(
            language=language,
            texts=TEXTS[language],
            names={emotion: display_name(emotion, language) for emotion in EMOTIONS},
            colors=COLORS,
            emotions=EMOTIONS,
            legend_order=legend_order()[::-1],
            css=Markup(read_template("report.css")),  # noqa: S704 - our own file
            **values,
        )
    )


def read_template(name: str) -> str:
    """Return the text of a file beside the templates."""
    return (resources.files("emoedge.report") / "templates" / name).read_text(encoding="utf-8")


def duration_label(seconds: float) -> str:
    """Such as "4.2 s" or "3:05"."""
    return f"{seconds:.1f} s" if seconds < 60 else clock_label(seconds)


def time_rows(
    seconds: Mapping[Emotion, float], total_s: float, language: Language, none_s: float = 0.0
) -> list[dict[str, Any]]:
    """Rows of the table of times, longest first; the time without an opinion comes last."""
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    rows = [
        (display_name(emotion, language), spent, COLORS[emotion]) for emotion, spent in ordered if spent > 0
    ]
    if none_s > 0:
        rows.append((TEXTS[language]["none"], none_s, NO_OPINION_COLOR))
    return [
        {"name": name, "seconds": spent, "color": color, "percent": 100 * spent / total_s}
        for name, spent, color in rows
    ]


def jpeg_address(path: Path) -> str:
    """Return a picture as a `data:` address, or "" where there is none."""
    try:
        picture = read_small(path, MAX_PICTURE_BYTES)
    except (OSError, ValueError):
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode('ascii')}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("emoedge.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["clock"] = clock_label
    environment.filters["duration"] = duration_label
    return environment
