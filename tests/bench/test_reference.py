"""The engines of an earlier version as a yardstick."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import reference
from faults.surroundings import Skipped


def test_without_git_it_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Skipped, match="git"):
        reference.measure_reference(Path("clip.mp4"), "model")


@pytest.mark.skipif(shutil.which("git") is None, reason="no git here")
def test_without_the_history_it_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "REVISION", "0" * 40)
    with pytest.raises(Skipped, match="history"):
        reference.measure_reference(Path("clip.mp4"), "model")


def test_the_code_of_that_version_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "emoedge" / "bench"
    package.mkdir(parents=True)
    (package / "whole.py").write_text("import json, sys\nprint(json.dumps(json.load(sys.stdin)))\n")
    archive = subprocess.run(["tar", "-c", "-C", str(tmp_path), "emoedge"], capture_output=True, check=True)
    real = subprocess.run

    def run(command: list[str], **more: object) -> object:
        if command[0] == "git":
            return SimpleNamespace(returncode=0, stdout=archive.stdout)
        return real(command, **more)  # type: ignore[call-overload]

    monkeypatch.setattr("benchmarks.reference.subprocess.run", run)
    found = reference.measure_reference(Path("clip.mp4"), "model", rounds=2)
    assert found["revision"] == reference.REVISION
    assert (found["clip"], found["more"]) == ("clip.mp4", {"rounds": 2})
    assert found["settings"] == {"speech": {"model": "model"}}
