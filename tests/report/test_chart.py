"""Charts: the script in the page draws and counts as Python does."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib import resources

import numpy as np
import pytest

from emoedge.emotions import EMOTIONS
from emoedge.report.canvas import SvgCanvas
from emoedge.report.chart import Area, clock_label, lines, stacked, stretches, ticks


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
