"""Counts of the emulator: what stands between two marks, whatever else a program writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks import emulator


def test_a_part_is_what_lies_between_its_marks() -> None:
    output = """versions {"python": "3.13.5"}
instructions 100
INFO: a library says something
instructions 350
part whole pipeline
instructions 400
instructions 410
part decode
"""
    assert emulator.read(output) == ({"whole pipeline": 250, "decode": 10}, {"python": "3.13.5"})


def test_outside_the_emulator_a_mark_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    emulator.mark()
    emulator.mark("part")
    emulator.tell_versions(dict)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_plugin_compiles_without_a_warning(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.so"
    command = ["cc", "-Wall", "-Werror", "-shared", "-fPIC", "-O2", "-o", str(plugin), str(emulator.SOURCE)]
    assert subprocess.run(command, capture_output=True, text=True, check=False).stderr == ""
    assert plugin.stat().st_size > 0
