"""The command line as a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def emoedge(*arguments, stdin="", **environment):
    env = {k: v for k, v in os.environ.items() if not k.startswith("EMOEDGE_")} | environment
    return subprocess.run(
        [sys.executable, "-m", "emoedge", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        env=env,
        timeout=500,
        check=False,
    )


def lines_of(result):
    return [json.loads(line) for line in result.stdout.splitlines()]
