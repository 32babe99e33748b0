"""A signal handler requests the end while the main thread waits for it."""

from __future__ import annotations

import subprocess
import sys
import threading

from emoedge.supervise.stop_request import StopRequest

TURNS = 5000
STORM = f"""
import signal
from emoedge.supervise.stop_request import StopRequest as Request

request = Request()
signal.signal(signal.SIGALRM, lambda *_: request.set())
for _ in range({TURNS}):
    request = Request()
    signal.setitimer(signal.ITIMER_REAL, 0.0002)
    while not request.is_set():
        request.wait(0.00005)
print("ended")
"""
"""The signal comes at another point of the wait each time."""


def test_a_signal_at_any_moment_of_the_wait_ends_it():
    """With `threading.Event`, the handler waited for the lock of the thread that it had interrupted."""
    command = [sys.executable, "-c", STORM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "ended\n"


def test_another_thread_ends_the_wait():
    request = StopRequest()
    threading.Timer(0.05, request.set).start()
    request.wait(60.0)
    assert request.is_set()


def test_without_a_request_the_wait_ends_by_itself():
    request = StopRequest()
    request.wait(0.01)
    assert not request.is_set()


def test_once_requested_nothing_waits():
    request = StopRequest()
    request.set()
    for _ in range(2):
        request.wait(60.0)
    assert request.is_set()
