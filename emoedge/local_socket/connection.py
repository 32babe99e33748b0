"""One client of the daemon's socket: what it asks, and what waits for it. Pure, times from outside."""

from __future__ import annotations

from collections import deque
from typing import Final

from emoedge.local_socket.protocol import MAX_REQUEST_BYTES, NEWEST_ONLY, LineReader

MAX_WAITING_BYTES: Final = 1_000_000
"""Beyond it a client gets the newest of some events alone; one that still does not read is disconnected."""
UNREAD_S: Final = 30.0
"""A client that has taken nothing of what waits for it for as long is disconnected."""
REQUESTS_HZ: Final = 50.0
"""Requests of a client a second."""


class SendQueue:
    """Bytes on their way to a client."""

    def __init__(self) -> None:
        self.bytes = 0
        """Bytes that wait."""
        self._lines: deque[tuple[str, bytes]] = deque()
        self._sent = 0  # of the first line
        self._progress_s: float | None = None

    def add(self, name: str, line: bytes, now_s: float) -> bool:
        """Add a line; return False where the client is too far behind.

        Args:
            name: of the event; empty for an answer, which is never left out.
            line: with its line feed.
            now_s: monotonic clock.
        """
        if self._progress_s is None:
            self._progress_s = now_s
        self._lines.append((name, line))
        self.bytes += len(line)
        if self.bytes > MAX_WAITING_BYTES:
            self._keep_newest()
        return self.bytes <= MAX_WAITING_BYTES

    def discard(self, name: str) -> None:
        """Drop the queued events of a name, except for one that is partly sent."""
        kept = deque(
            item for number, item in enumerate(self._lines) if item[0] != name or (number == 0 and self._sent)
        )
        self.bytes -= sum(len(line) for _, line in self._lines) - sum(len(line) for _, line in kept)
        self._lines = kept

    def head(self, limit: int = 65_536) -> bytes:
        """The bytes to be sent next."""
        parts, size = [], 0
        for number, (_, line) in enumerate(self._lines):
            parts.append(line[self._sent :] if number == 0 else line)
            size += len(parts[-1])
            if size >= limit:
                break
        return b"".join(parts)[:limit]

    def sent(self, count: int, now_s: float) -> None:
        """Take off what the kernel has taken."""
        self.bytes -= count
        count += self._sent
        while self._lines and count >= len(self._lines[0][1]):
            count -= len(self._lines.popleft()[1])
        self._sent = count
        self._progress_s = now_s if self._lines else None

    def is_stuck(self, now_s: float) -> bool:
        """Return whether the client has stopped reading."""
        return self._progress_s is not None and now_s - self._progress_s >= UNREAD_S

    def _keep_newest(self) -> None:
        """Keep only the newest of each event that is a state; one that is partly sent stays."""
        seen: set[str] = set()
        kept: deque[tuple[str, bytes]] = deque()
        for number in range(len(self._lines) - 1, -1, -1):
            name, line = self._lines[number]
            if name in NEWEST_ONLY and name in seen and not (number == 0 and self._sent):
                self.bytes -= len(line)
                continue
            seen.add(name)
            kept.appendleft((name, line))
        self._lines = kept


class Allowance:
    """Requests that a client may make now: at most those of one second at once."""

    def __init__(self, now_s: float) -> None:
        self._left = REQUESTS_HZ
        self._seen_s = now_s

    def take(self, now_s: float) -> bool:
        """Take one; return False where there is none left."""
        self._left = min(REQUESTS_HZ, self._left + (now_s - self._seen_s) * REQUESTS_HZ)
        self._seen_s = now_s
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


class ClientState:
    """A client's side of the conversation.

    Args:
        pid: its process.
        now_s: monotonic clock.
    """

    def __init__(self, pid: int, now_s: float) -> None:
        self.pid = pid
        self.name: str | None = None
        """As it calls itself; None until it has greeted."""
        self.events: frozenset[str] = frozenset()
        """To what it has subscribed."""
        self.lines = LineReader(MAX_REQUEST_BYTES)
        self.allowance = Allowance(now_s)
        self.queue = SendQueue()
        self.since_s = now_s
        self.resume_s = now_s
        """Time before which it is not read."""
        self.is_ending = False
        """Whether it is disconnected once it has what waits."""
