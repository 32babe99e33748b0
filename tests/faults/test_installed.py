"""What is tried on an installed service: whole, documented, and honest where there is none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from faults.installed import service as module
from faults.installed.__main__ import _row, _texts, main
from faults.installed.rows import ROWS
from faults.installed.service import CAMERA, MICROPHONE, Service
from faults.surroundings import Skipped, Unmet, file_sizes, open_files, until


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_every_row_says_cause_and_expectation_and_is_documented(row, repository):
    cause, expectation = _texts(row)
    assert cause.endswith(".")
    assert expectation.endswith(".")
    name = row.__name__.replace("_", "-")
    assert f"`{name}`" in (repository / "docs" / "faults.md").read_text(encoding="utf-8")


def test_without_the_service_it_says_so_and_fails(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(module.Service, "show", lambda *_: "not-found")
    result = CliRunner().invoke(main, ["--only", "starts"])
    assert result.exit_code == 1
    assert "not installed" in result.output


def test_it_needs_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 2
    assert "root" in result.output


def test_results_are_told_apart():
    def unmet(_):
        """Nothing is done.

        Something happens.
        """
        raise Unmet("nothing happened")

    def skipped(_):
        raise Skipped("no such thing here")

    assert _row("x", unmet, None).result == "FAIL"
    assert _row("x", unmet, None).expectation == "Something happens."
    assert _row("x", skipped, None).result == "skipped"
    assert _row("x", lambda _: 2.5, None).recovered_s == 2.5


def test_nodes_of_devices_are_told_from_other_names():
    assert CAMERA.fullmatch("/dev/video0")
    assert MICROPHONE.fullmatch("/dev/snd/pcmC1D0c")
    for other in ("/dev/snd/pcmC1D0p", "/dev/snd/controlC1", "socket:[7]", "/dev/video"):
        assert not CAMERA.fullmatch(other)
        assert not MICROPHONE.fullmatch(other)


def test_open_nodes_are_found_where_the_kernel_shows_them(tmp_path):
    opened = tmp_path / "video0"
    opened.touch()
    ended = subprocess.Popen(["true"])
    ended.wait()
    with opened.open(encoding="ascii"):
        seen = SimpleNamespace(_processes=lambda: [ended.pid, os.getpid()])
        assert Service.holds(seen, re.compile(re.escape(str(opened)))) == [str(opened)]
        assert Service.holds(seen, CAMERA) == []
    assert Service.holds(seen, re.compile(re.escape(str(opened)))) == []


def test_files_that_are_closed_while_we_look_are_no_error(tmp_path):
    """A process that opens and closes all the time."""
    code = "import sys\nwhile True:\n    for _ in range(9): open(sys.argv[1]).close()"
    opened = tmp_path / "video0"
    opened.touch()
    busy = subprocess.Popen([sys.executable, "-c", code, str(opened)])
    try:
        until(lambda: str(opened) in open_files(busy.pid), "it was seen open")
        for _ in range(2000):
            open_files(busy.pid)
    finally:
        busy.kill()
        busy.wait()
    assert open_files(busy.pid) == []


def test_folders_that_vanish_while_we_look_are_no_error(tmp_path):
    """A process that makes and removes folders all the time."""
    code = (
        "import pathlib, shutil, sys\nroot = pathlib.Path(sys.argv[1])\nwhile True:\n"
        "    for n in range(9):\n"
        "        day = root / str(n) / 'day'\n        day.mkdir(parents=True)\n"
        "        (day / 'x.partial').write_bytes(b'x')\n        (day / 'x.partial').rename(day / 'x.mp4')\n"
        "        shutil.rmtree(root / str(n))\n"
    )
    kept = tmp_path / "kept.mp4"
    kept.write_bytes(b"four")
    busy = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    try:
        until(lambda: len(list(tmp_path.iterdir())) > 1, "a folder was seen")
        for _ in range(3000):
            assert file_sizes(tmp_path)[kept] == 4
    finally:
        busy.kill()
        busy.wait()
