"""The demonstration as a command: what it says, and that it ends with its reader or where it cannot write."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

import pytest

from emoedge.demo.clip import SCENES, SENTENCES, ensure_demo_clip
from emoedge.emotions import EMOTIONS, display_name

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
def test_what_it_says_is_what_the_clip_shows(tmp_path: Path) -> None:
    """The command in real time, as a person reads it."""
    demo = subprocess.run(
        [sys.executable, "-m", "emoedge", "demo", "--no-web", "--output", str(tmp_path / "output")],
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path), "LC_ALL": "es_ES.UTF-8"},
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=True,
    )
    lines = [line.split(maxsplit=2) for line in demo.stdout.splitlines() if line[:2].isdigit()]
    times = [line[0] for line in lines]
    assert times == sorted(times)
    said = {
        topic: [text for _, name, text in lines if name == topic] for topic in ("voz", "texto", "emoción")
    }
    spanish = {name: display_name(name, "es") for name in EMOTIONS}
    voices = [re.search(r": (\w+)", text)[1] for text in said["voz"]]
    texts = [re.search(r': (\w+) \d+ % "(.*)"', text).groups() for text in said["texto"]]
    named = [text.split()[0] for text in said["emoción"]]
    assert without_repeats(voices) == without_repeats(spanish[one.voice] for one in SENTENCES)
    assert texts == [(spanish[one.text], one.words) for one in SENTENCES]
    assert without_repeats(name for name in named if name != "—") == without_repeats(
        spanish[scene.answer] for scene in SCENES if scene.answer
    )
    assert "las palabras dicen tristeza" in demo.stdout
    assert demo.stderr == ""


def without_repeats(names: Iterable[str]) -> list[str]:
    return [name for name, _ in groupby(names)]


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
