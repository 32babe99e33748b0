"""The Python of the documentation: it passes the type checker, and the ten lines run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.docs.pages import blocks

EXAMPLES = [block for block in blocks("python") if "emoedge import" in block.text]
TEN_LINES, FED = (block for block in EXAMPLES if block.page == "docs/howto/evaluate.md")


def test_there_are_examples():
    assert {"README.md", "docs/howto/evaluate.md"} <= {block.page for block in EXAMPLES}
    assert len(TEN_LINES.text.strip().splitlines()) <= 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_examples_pass_the_type_checker(tmp_path, repository):
    pytest.importorskip("mypy")
    for number, block in enumerate(EXAMPLES):
        (tmp_path / f"example_{number}.py").write_text(f"# {block.page}\n{block.text}")
    # One with a mistake, so that it is known that the types arrive.
    (tmp_path / "wrong.py").write_text(
        "from emoedge import Pipeline\n\nfor outcome in Pipeline().replay(3):\n    outcome.tme_s\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        repository / "pyproject.toml",
        "--follow-imports=silent",
    ]
    result = subprocess.run(
        [*command, *sorted(tmp_path.glob("*.py"))],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    complaints = [line for line in result.stdout.splitlines() if ": error:" in line]
    assert complaints, result.stdout + result.stderr
    assert all("wrong.py" in line for line in complaints), result.stdout
    assert any("arg-type" in line for line in complaints)
    assert {"FacesObservation", "HealthReport"} <= {
        name for line in complaints if "tme_s" in line for name in line.split('"')
    }


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("example", "shown"), [(TEN_LINES, " to "), (FED, " s: happiness")])
def test_the_examples_run(example, shown, tmp_path):
    from emoedge.demo.clip import ensure_demo_clip

    script = tmp_path / "example.py"
    script.write_text(example.text.replace('"interview.mp4"', repr(str(ensure_demo_clip()))))
    result = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    assert "happiness" in result.stdout
    assert shown in result.stdout
