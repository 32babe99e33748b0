"""The allocator is bounded: as the kernel shows it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

THREADS = 12
PROGRAM = f"""
import ctypes, threading
from emoedge.supervise.malloc import keep_together
print(keep_together())
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
turn = threading.Barrier({THREADS})
def allocate():
    turn.wait(60)
    for _ in range(100):
        libc.malloc(1000)
    turn.wait(60)
threads = [threading.Thread(target=allocate) for _ in range({THREADS})]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.malloc_stats()
"""


def arenas(**environment: str) -> tuple[str, int]:
    """What the call said, and how many arenas so many threads that allocate at once have left behind."""
    clean = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=clean | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip(), done.stderr.count("Arena ")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_a_dozen_threads_share_two_arenas():
    """Each time a device was opened again its new threads took another arena: 5 % growth in two hours."""
    assert arenas() == ("True", 2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_who_sets_the_number_has_the_say():
    assert arenas(MALLOC_ARENA_MAX="1") == ("False", 1)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_what_is_free_below_something_in_use_is_given_back():
    """Frames of a pre-roll that was let go stayed with the process: one object above them was in use."""
    program = """
import ctypes
from emoedge.process import resident_mb
from emoedge.supervise.malloc import give_back
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
pieces = [libc.malloc(100_000) for _ in range(1001)]
for piece in pieces:
    ctypes.memset(piece, 1, 100_000)
pieces.remove(max(pieces))
for piece in pieces:
    libc.free(piece)
before = resident_mb()
print(give_back(), before - resident_mb() > 50)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True"]
