"""The demonstration as a command: it ends when nobody reads it any more, or where it cannot write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emoedge.demo.clip import ensure_demo_clip

LONG_S = 300.0


def command(folder: Path) -> list[str]:
    clip = ensure_demo_clip(folder)
    return [
        sys.executable,
        "-m",
        "emoedge",
        "demo",
        str(clip),
        "--no-web",
        "--output",
        str(folder / "output"),
    ]


@pytest.mark.device
def test_it_ends_with_its_reader(tmp_path: Path) -> None:
    """As `emoedge demo | head -1` does."""
    with subprocess.Popen(
        command(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        assert demo.stdout.readline() != ""
        demo.stdout.close()
        try:
            assert demo.wait(LONG_S) == 0
        finally:
            demo.kill()
        assert "Traceback" not in demo.stderr.read()


@pytest.mark.device
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_it_ends_where_it_cannot_write(tmp_path: Path) -> None:
    with Path("/dev/full").open("w", encoding="ascii") as full:
        demo = subprocess.run(
            command(tmp_path), stdout=full, stderr=subprocess.PIPE, text=True, timeout=LONG_S, check=False
        )
    assert demo.returncode == 1
    assert "standard output" in demo.stderr
    assert "Traceback" not in demo.stderr
