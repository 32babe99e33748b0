"""The interpreter and standard error."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os
from emoedge.inference import Interpreter
from emoedge.model_store import package_models_dir

model = package_models_dir() / "face_emotion.tflite"
if {closed}:
    os.close(2)
Interpreter(model)
os.write(1, b"loaded\\n")
if not {closed}:
    os.write(2, b"a line of ours\\n")
"""


def run(closed):
    command = [sys.executable, "-c", SCRIPT.format(closed=closed)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_notice_on_the_delegate_is_not_shown():
    done = run(closed=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "loaded\n", "a line of ours\n")


def test_without_standard_error_it_loads_too():
    done = run(closed=True)
    assert (done.returncode, done.stdout) == (0, "loaded\n")
