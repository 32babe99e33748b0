"""Where log lines go."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = "import logging; from emoedge.logs import set_up_logging; set_up_logging('info'); logging.warning('disk %s', 1)"  # noqa: E501


@pytest.mark.parametrize(
    ("environment", "line"), [({}, "WARNING root: disk 1"), ({"JOURNAL_STREAM": "1:2"}, "<4>root: disk 1")]
)
def test_the_journal_gets_priorities(environment: dict[str, str], line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stderr.strip().endswith(line)
    assert done.stdout == ""
