"""How `emoedge run` leaves the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys, threading
from emoedge.cli.run import _leave
atexit.register(print, "the interpreter's own end")
if {left_behind}:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
print("last words")
sys.exit(_leave(3))
"""


@pytest.mark.parametrize(("left_behind", "ends"), [(False, True), (True, False)])
def test_a_thread_left_in_a_driver_is_not_met_by_the_end_of_the_interpreter(
    left_behind: bool, ends: bool
) -> None:
    """`systemctl stop` ended with SIGABRT where the microphone's thread was still in PortAudio."""
    program = PROGRAM.format(left_behind=left_behind)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert "last words" in done.stdout
    assert ("own end" in done.stdout) == ends
