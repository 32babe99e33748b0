"""Parts shared by the pages: templates, words and colours."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from emoedge.emotions import EMOTIONS, Emotion, Language, display_name, percent
from emoedge.files import read_small
from emoedge.report.chart import clock_label, legend_order
from emoedge.report.language import duration_label
from emoedge.report.texts import TEXTS

STYLES: Final = ("static/palette.css", "static/components.css", "templates/report.css")
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
        _environment(language)
        .get_template(template)
        .render(
            language=language,
            texts=TEXTS[language],
            names={emotion: display_name(emotion, language) for emotion in EMOTIONS},
            emotions=EMOTIONS,
            legend_order=legend_order()[::-1],
            css=Markup(_style()),  # noqa: S704 - our own files
            **values,
        )
    )


def script_of(name: str) -> str:
    """Return a script of a page with what it imports from `static/charts.js`, as one inline script."""
    shared = re.sub(r"^export ", "", _read("static/charts.js"), flags=re.MULTILINE)
    own = re.sub(r"^import .*\n", "", _read(f"templates/{name}"), flags=re.MULTILINE)
    return f'"use strict";\n(() => {{\n{shared}\n{own}}})();\n'


def time_rows(
    seconds: Mapping[Emotion, float], total_s: float, language: Language, none_s: float = 0.0
) -> list[dict[str, Any]]:
    """Rows of the table of times, longest first; the time without an opinion comes last."""
    ordered = sorted(seconds.items(), key=lambda item: -item[1])
    rows = [(display_name(emotion, language), spent, str(emotion)) for emotion, spent in ordered if spent > 0]
    if none_s > 0:
        rows.append((TEXTS[language]["none"], none_s, "unknown"))
    return [
        {"name": name, "seconds": spent, "state": state, "percent": 100 * spent / total_s}
        for name, spent, state in rows
    ]


def jpeg_address(path: Path) -> str:
    """Return a picture as a `data:` address, or "" where there is none."""
    try:
        picture = read_small(path, MAX_PICTURE_BYTES)
    except (OSError, ValueError):
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode('ascii')}"


def _read(name: str) -> str:
    return (resources.files("emoedge.report") / name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    return "".join(_read(name) for name in STYLES)


@cache
def _environment(language: Language) -> Environment:
    environment = Environment(
        loader=PackageLoader("emoedge.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["clock"] = clock_label
    environment.filters["duration"] = partial(duration_label, language=language)
    environment.filters["percent"] = percent
    return environment
