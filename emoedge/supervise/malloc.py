"""The C library's memory, kept together so that it stays as large as it is for months.

glibc gives each new thread an arena of its own, up to eight a core, and each of them keeps what a thread once
needed. Capture threads are recreated whenever a device is opened: the process grew by some megabytes each
time.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

ARENAS: Final = 2
"""Maximum number of threads that can allocate at the same moment without waiting for each other."""
_M_ARENA_MAX: Final = -8  # malloc.h
_SETTING: Final = "MALLOC_ARENA_MAX"


def keep_together() -> bool:
    """Bound the number of arenas; to be called before threads are made. Whether that was done.

    An existing `MALLOC_ARENA_MAX` takes precedence; other C libraries than glibc have no arenas.
    """
    if _SETTING in os.environ:
        return False
    try:
        return bool(ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS))
    except (OSError, AttributeError):
        return False


def give_back() -> bool:
    """Return free memory between what is in use to the kernel; whether the C library can do that.

    glibc by itself returns what is free at the end of an arena: one small object there keeps the megabytes of
    a pre-roll that has been let go.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError):
        return False
    return True
