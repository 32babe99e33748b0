"""Lock of a segment that is being written."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class hold:  # noqa: N801 - reads as a statement: `with hold(path) as held`
    """Lock a partial file for as long as the block lasts; True unless another process or thread holds it.

    The lock belongs to the open file, so it ends with the process, however that ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> bool:
        try:
            # Not blocking: a named pipe in its place has no writer.
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            self._descriptor = os.open(self._path, flags)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self.release()
            return False
        return True

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Release the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
