"""Damaged files do no harm; `python -m tests.conformance.mutations` tries thousands of them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .judge import ROOT


@pytest.mark.slow
def test_damaged_files_give_answers_or_errors_with_a_remedy() -> None:
    command = [sys.executable, "-m", "tests.conformance.mutations", "40"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    assert told.returncode == 0, told.stdout
    assert "40 files, 0 failures" in told.stdout
