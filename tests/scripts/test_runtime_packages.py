"""What scripts/audit audits: all that is needed at run time, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys


def test_the_run_time_set_is_whole_and_pinned(repository):
    done = subprocess.run(
        [sys.executable, "scripts/runtime_packages.py"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.split()
    assert all(re.fullmatch(r"[a-z0-9-]+==[^=]+", line) for line in lines)
    names = {line.partition("==")[0] for line in lines}
    # Direct ones, one that comes with pydantic, the console's, and none of the tests' or the trainings'.
    assert {"numpy", "av", "vosk", "paho-mqtt", "pydantic", "pydantic-core", "starlette", "h11"} <= names
    assert "argon2-cffi" in names, "amqtt needs it through an extra of pwdlib"
    assert not {"emoedge", "pytest", "torch", "tensorflow", "mypy"} & names
