"""Plots of docs/performance.md from the measured JSON: `python -m benchmarks.plots` (extra `docs`).

Each plot is drawn twice, for light and dark pages. Its three colours are from Okabe and Ito (2008) and can be
distinguished with colour blindness; markers and hatches differ as well.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = ROOT / "docs" / "data"
IMAGES: Final = ROOT / "docs" / "images"

BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
DARK_BLUE: Final = "#56B4E9"
"""Colours for dark pages, on which the darker blue would not be visible."""

THEMES: Final = {
    "light": {"back": "#ffffff", "fore": "#24292f", "grid": "#d0d7de", "colours": (BLUE, ORANGE, GREEN)},
    "dark": {"back": "#1e2129", "fore": "#e6edf3", "grid": "#3d444d", "colours": (DARK_BLUE, ORANGE, GREEN)},
}
CPU: Final = "processor seconds per second of media"


def main() -> int:
    """Draw all plots for which there are figures."""
    IMAGES.mkdir(exist_ok=True)
    pictures: dict[str, tuple[str, Callable[[Any, Any, tuple[str, ...]], None]]] = {
        "engines": ("bench.json", _engines),
        "faces": ("scaling.json", _faces),
        "resolution": ("scaling.json", _resolution),
        "frame-rate": ("scaling.json", _frame_rate),
        "broker": ("broker.json", _broker),
        "recordings": ("store.json", _recordings),
        "viewers": ("viewers.json", _viewers),
        "history": ("history.json", _history),
        "decision": ("decision.json", _decision),
    }
    for name, (source, draw) in pictures.items():
        path = DATA / source
        if not path.is_file():
            print(f"skipped: {name} ({path} does not exist)", file=sys.stderr)
            continue
        for theme in THEMES:
            _picture(IMAGES / f"performance-{name}-{theme}.svg", theme, json.loads(path.read_text()), draw)
    return 0


def _picture(path: Path, theme: str, figures: Any, draw: Callable[[Any, Any, tuple[str, ...]], None]) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    look = THEMES[theme]
    style: Any = {
        "svg.hashsalt": "emoedge",  # equal figures give equal bytes
        "svg.fonttype": "path",
        "font.size": 10,
        "axes.grid": True,
        "grid.color": look["grid"],
        "axes.edgecolor": look["grid"],
        "figure.facecolor": look["back"],
        "axes.facecolor": look["back"],
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), look["fore"]),
    }
    with plt.rc_context(style):
        figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
        draw(axes, figures, tuple(look["colours"]))
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _engines(axes: Any, figures: Any, colours: tuple[str, ...]) -> None:
    """Draw the cost of the pipeline by engine, and of everything else."""
    pipeline = figures["pipeline"]
    engines = [engine for engine in pipeline["engines"] if engine["in_sum"]]
    names = [engine["engine"].replace("_", " ") for engine in engines]
    values = [engine["cpu_s_per_media_s"] * 1000 for engine in engines]
    rest = (pipeline["cpu_s_per_media_s"] - pipeline["bare_cpu_s_per_media_s"]) * 1000
    names.append("everything else")
    values.append(rest)
    hatches = [""] * len(engines) + ["//"]
    bars = axes.barh(names, values, color=[colours[0]] * len(engines) + [colours[1]], hatch=hatches)
    axes.bar_label(bars, fmt="%.1f", padding=3)
    axes.invert_yaxis()
    axes.set_xlabel("processor milliseconds per second of video and audio")
    axes.grid(axis="y", visible=False)


def _faces(axes: Any, figures: Any, colours: tuple[str, ...]) -> None:
    rows = figures["faces"]
    count = [row["faces"] for row in rows]
    axes.plot(count, [row["cpu_s_per_media_s"] for row in rows], "o-", color=colours[0])
    axes.set(xlabel="faces in view (ten frames per second)", ylabel=CPU)
    axes.set_ylim(bottom=0)


def _resolution(axes: Any, figures: Any, colours: tuple[str, ...]) -> None:
    rows = figures["resolution"]
    names = [f"{row['width']} × {row['height']}" for row in rows]
    _stacked(axes, names, rows, colours)


def _frame_rate(axes: Any, figures: Any, colours: tuple[str, ...]) -> None:
    rows = figures["frame_rate"]
    _stacked(axes, [f"{row['fps']} fps" for row in rows], rows, colours)


def _stacked(axes: Any, names: list[str], rows: Any, colours: tuple[str, ...]) -> None:
    decode = [row["decode_cpu_s_per_media_s"] for row in rows]
    rest = [row["cpu_s_per_media_s"] - row["decode_cpu_s_per_media_s"] for row in rows]
    axes.bar(names, decode, color=colours[0], label="decoding alone", width=0.6)
    axes.bar(
        names, rest, bottom=decode, color=colours[1], hatch="//", label="faces, fusion, messages", width=0.6
    )
    axes.set_ylabel(CPU)
    axes.grid(axis="x", visible=False)
    axes.legend(frameon=False)


def _broker(axes: Any, figures: Any, colours: tuple[str, ...]) -> None:
    runs = figures["runs"]
    devices = [run["devices"] for run in runs]
    axes.plot(devices, [run["broker"]["cpu_cores"] * 100 for run in runs], "o-", color=colours[0])
    axes.set(xlabel="devices on one Mosquitto", ylabel="load of the broker, % of a core")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)


def _recordings(axes: Any, figures: Any, colours: tuple[str, ...]) -> None:
    for name, marks, colour in (("nothing to do", "o-", 0), ("a recording", "s--", 1), ("console", "^:", 2)):
        segments = [row["segments"] for row in figures["rows"]]
        axes.plot(
            segments, [row["ms"][name] for row in figures["rows"]], marks, color=colours[colour], label=name
        )
    axes.set(xlabel="recorded segments", ylabel="processor, ms")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend(frameon=False)


def _viewers(axes: Any, figures: Any, colours: tuple[str, ...]) -> None:
    rows = figures["rows"]
    for key, label, marks, colour in (
        ("console_cores", "console", "o-", 0),
        ("daemon_cores", "daemon", "s--", 1),
    ):
        shares = [row[key] * 100 for row in rows]
        axes.plot([row["viewers"] for row in rows], shares, marks, color=colours[colour], label=label)
    axes.set(xlabel="viewers of the console", ylabel="load, % of a core")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)


def _history(axes: Any, figures: Any, colours: tuple[str, ...]) -> None:
    rows = figures["rows"]
    days = [row["days"] for row in rows]
    for key, label, marks, colour in (
        ("day_by_hour_ms", "a day by the hour", "o-", 0),
        ("day_by_minute_ms", "a day by the minute", "s--", 1),
        ("week_by_day_ms", "a week by the day", "^:", 2),
    ):
        axes.plot(days, [row[key] for row in rows], marks, color=colours[colour], label=label)
    axes.set(xlabel="days of history", ylabel="processor, ms")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend(frameon=False)


def _decision(axes: Any, figures: Any, colours: tuple[str, ...]) -> None:
    """Draw changes of the published emotion against the delay of real changes, one point per hold time."""
    rows = figures["frontier"]
    changes = [max(row["changes_a_minute"].values()) for row in rows]
    for key, marks, label, colour in (
        ("p50_s", "o-", "half of the changes published", colours[0]),
        ("p95_s", "s--", "95 % of the changes published", colours[1]),
    ):
        axes.plot([row[key] for row in rows], changes, marks, color=colour, label=label)
    for row, count in zip(rows, changes, strict=True):
        axes.annotate(f"{row['hold_s']:g} s", (row["p95_s"], count), (5, 4), textcoords="offset points")
    axes.set(xlabel="delay of a change of expression, s", ylabel="changes a minute,\nworst clip")
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend(frameon=False)


if __name__ == "__main__":
    sys.exit(main())
