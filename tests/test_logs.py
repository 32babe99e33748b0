"""Where log lines go."""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Callable

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


UNREAD = """
import logging, os, sys
from emoedge.logs import MAX_LINES, dropped_lines, finish_log, log_in_background, set_up_logging
set_up_logging("info")
log_in_background()
line = b"x" * 1000 + b"\\n"
try:  # as a library does it, until there is no room
    while True:
        os.write(2, line)
except BlockingIOError:
    pass
for _ in range(MAX_LINES + 100):
    logging.info("y" * 1000)
finish_log(0.01)
os.write(1, b"%d" % dropped_lines())
os._exit(0)
"""


@pytest.mark.parametrize("ends", [os.pipe, socket.socketpair, pty.openpty])
def test_standard_error_that_is_not_read_holds_up_neither_lines_nor_libraries(
    ends: Callable[[], tuple[int | socket.socket, int | socket.socket]],
) -> None:
    one, other = ends()
    done = subprocess.run(
        [sys.executable, "-c", UNREAD], check=True, stdout=subprocess.PIPE, stderr=other, timeout=300
    )
    assert int(done.stdout) >= 50, "what is lost is counted, but for what a terminal still takes"
    descriptor = other if isinstance(other, int) else other.fileno()
    if ends is not socket.socketpair:
        assert os.get_blocking(descriptor), "the shell's own descriptor is left alone"
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.close() if isinstance(end, socket.socket) else os.close(end)


def test_a_log_file_is_written_as_before(tmp_path) -> None:
    program = (
        "import logging, os; from emoedge.logs import *; set_up_logging('info'); log_in_background();"
        "[logging.info('line %d', n) for n in range(100)]; finish_log(60); os.write(2, b'end')"
    )
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", program], check=True, stderr=log, timeout=300)
    lines = (tmp_path / "log").read_text().splitlines()
    assert [line.split(": ")[-1] for line in lines] == [*(f"line {n}" for n in range(100)), "end"]
