"""What all pages share: palette, components and drawing."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib import resources

import numpy as np
import pytest

from emoedge.emotions import COLORS, EMOTIONS
from emoedge.report.canvas import LIGHT, SvgCanvas
from emoedge.report.chart import Area, clock_label, lines, stacked, stretches, ticks
from emoedge.report.pages import script_of

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


def run_in_node(call: str):
    """The value of an expression in which the module is `charts`."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node here (apt-get install nodejs)")
    path = resources.files("emoedge.report") / "static" / "charts.js"
    module = "data:text/javascript;base64," + __import__("base64").b64encode(path.read_bytes()).decode()
    program = f"import({json.dumps(module)}).then((charts) => console.log(JSON.stringify({call})))"
    result = subprocess.run([node, "-e", program], capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize(("kind", "draw"), [("stack", stacked), ("line", lines)])
def test_the_script_draws_what_python_draws(source, kind, draw):
    data = source.data
    curve = data.curves["fused"]
    canvas = SvgCanvas(stretch=True)
    draw(canvas, Area(0, 0, 1000, 100), data, curve)
    word = "fill" if kind == "stack" else "stroke"
    pattern = rf'{word}-(\w+)"[^>]* d="([^"]+)"'
    expected = [(name, path) for name, path in re.findall(pattern, canvas.body()) if name in EMOTIONS]
    rows = [row if known else None for row, known in zip(curve.values.tolist(), curve.known, strict=True)]
    call = f"charts.{kind}Paths({json.dumps(rows)}, {data.step_s}, {data.duration_s})"
    made = [(path["emotion"], path["d"]) for path in run_in_node(call)]
    assert [name for name, _ in made] == [name for name, _ in expected]
    for (_, one), (_, other) in zip(made, expected, strict=True):
        assert one.count("L") == other.count("L")
        numbers = [np.array(re.findall(r"[\d.]+", path), float) for path in (one, other)]
        assert np.abs(numbers[0] - numbers[1]).max() <= 0.11, "they may round the last digit differently"


def test_the_script_counts_as_python_does():
    known = [None, [0] * 7, [0] * 7, None, [0] * 7]
    assert run_in_node(f"charts.stretches({json.dumps(known)})") == [
        list(pair) for pair in stretches(np.array([row is not None for row in known]))
    ]
    for seconds in (0, 59.9, 65, 3605):
        assert run_in_node(f"charts.clockLabel({seconds})") == clock_label(seconds)
        assert run_in_node(f"charts.ticks({seconds or 1})") == ticks(seconds or 1)
    assert run_in_node("[charts.decimal(4.25, 1, 'es'), charts.percent(0.584)]") == ["4,3", "58 %"]


def test_the_page_carries_the_shared_script():
    script = script_of("report.js")
    assert "function clockLabel" in script
    assert "import " not in script
    assert not re.search(r"^export ", script, re.MULTILINE)
