"""Destination of log lines."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import select
import stat
import sys
import time
from collections import deque
from typing import Final

from emoedge.worker_thread import WorkerThread

RECENT_LINES: Final = 500
"""Lines kept in memory, for whoever asks a running daemon."""
MAX_LINES: Final = 1_000
"""Lines that wait for a reader before more are dropped."""
STDERR: Final = 2
POLL_S: Final = 0.01
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_PRIORITIES: Final = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


def set_up_logging(level: str) -> None:
    """Log to standard error; under systemd with the priority prefix that the journal reads (sd-daemon(3))."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JournalFormatter() if "JOURNAL_STREAM" in os.environ else logging.Formatter(_FORMAT)
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class _JournalFormatter(logging.Formatter):
    """`<priority>logger: message`; the journal adds time and unit itself."""

    def __init__(self) -> None:
        super().__init__("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return f"<{_PRIORITIES.get(record.levelno, 6)}>{super().format(record)}"


class _BackgroundHandler(logging.Handler):
    """Hands lines to a thread that writes them: a log that is not read must hold up nothing but itself."""

    def __init__(self, output: int) -> None:
        super().__init__()
        self._output = output
        self.dropped = 0
        self.lines: queue.Queue[bytes] = queue.Queue(MAX_LINES)
        self.thread = WorkerThread("log", self._write_all)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line, or count it when there is no room."""
        try:
            self.lines.put_nowait((self.format(record) + "\n").encode("utf-8", "backslashreplace"))
        except queue.Full:
            self.dropped += 1

    def _write_all(self) -> None:
        while True:
            line = self.lines.get()
            # Not through sys.stderr: whoever flushes that would wait for the same reader.
            with contextlib.suppress(OSError):
                while line:
                    line = line[self._write(line) :]
            self.lines.task_done()

    def _write(self, line: bytes) -> int:
        try:
            return os.write(self._output, line)
        except BlockingIOError:
            select.select([], [self._output], [])
            return 0


class _RecentHandler(logging.Handler):
    """Keeps the last lines."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))
        self.kept: deque[str] = deque(maxlen=RECENT_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self.kept.append(self.format(record))


def log_in_background() -> None:
    """Write to standard error in a thread from now on; for a process that must not wait for its log."""
    handler = _BackgroundHandler(_keep_stderr_from_blocking())
    root = logging.getLogger()
    handler.setFormatter(root.handlers[0].formatter if root.handlers else logging.Formatter(_FORMAT))
    root.handlers[:] = [handler, _RecentHandler()]
    handler.thread.start()


def recent_lines() -> list[str]:
    """Return the last lines of the log of this process, oldest first, since `log_in_background`."""
    return [
        line for one in logging.getLogger().handlers if isinstance(one, _RecentHandler) for line in one.kept
    ]


def _keep_stderr_from_blocking() -> int:
    """Return a descriptor of standard error that may block; writing to standard error itself does not.

    Libraries write there themselves (FFmpeg, OpenCV, ALSA, Vosk): what is not read is lost, and holds up
    neither a camera nor a microphone. A file is left as it is.
    """
    output = os.dup(STDERR)
    kind = os.fstat(STDERR).st_mode
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(kind):  # the journal's, which no other program shares
            os.set_blocking(STDERR, False)
        elif stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
            # Reopened, because a flag on the existing descriptor would also apply to the shell that shares
            # it.
            again = os.open(f"/proc/self/fd/{STDERR}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            os.dup2(again, STDERR)
            os.close(again)
    return output


def dropped_lines() -> int:
    """Return how many lines were lost because the log was not read."""
    return sum(one.dropped for one in logging.getLogger().handlers if isinstance(one, _BackgroundHandler))


def finish_log(timeout_s: float) -> None:
    """Wait for the lines that are on their way, but not longer."""
    deadline_s = time.monotonic() + timeout_s
    for handler in logging.getLogger().handlers:
        while (
            isinstance(handler, _BackgroundHandler)
            and handler.lines.unfinished_tasks
            and time.monotonic() < deadline_s
        ):
            time.sleep(POLL_S)
