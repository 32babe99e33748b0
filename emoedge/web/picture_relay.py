"""Pictures on their way from the daemon to the browsers that watch: each gets the newest alone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

SILENCE_S: Final = 5.0
"""Seconds without a picture after which a stream ends: the camera or the daemon has gone."""


class PictureReader:
    """One browser's newest picture, base64."""

    def __init__(self) -> None:
        self._newest: str | None = None
        self._arrived = asyncio.Event()
        self._has_ended = False

    def put(self, encoded: str) -> None:
        """Take a picture in the place of the one before."""
        self._newest = encoded
        self._arrived.set()

    def end(self) -> None:
        """The picture has ended; what was not shown yet is dropped."""
        self._has_ended = True
        self._arrived.set()

    async def take(self) -> str | None:
        """The next picture, or None at the end."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), SILENCE_S)
        newest, self._newest = self._newest, None
        self._arrived.clear()
        return None if self._has_ended else newest


class PictureRelay:
    """Takes the daemon's event `picture`.

    Attributes:
        state: whether there is a picture, until when, and for how many.
    """

    def __init__(self) -> None:
        self.state: dict[str, Any] = {"on": False}
        self._readers: dict[str, set[PictureReader]] = {"jpeg": set(), "crop": set()}

    @property
    def is_on(self) -> bool:
        """Whether pictures come."""
        return self.state.get("on") is True

    @property
    def viewers(self) -> int:
        """Number of viewers of the picture."""
        return self.count("jpeg")

    def count(self, kind: str) -> int:
        """Number of viewers of the picture ("jpeg") or the crop."""
        return len(self._readers[kind])

    def take(self, data: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take an event; returns the state where it has changed."""
        state = {key: data[key] for key in ("on", "until", "viewers", "reason") if key in data}
        is_new = state != self.state
        self.state = state
        for kind, readers in self._readers.items():
            for reader in tuple(readers):
                if not self.is_on:
                    reader.end()
                elif isinstance(data.get(kind), str):
                    reader.put(data[kind])
        return state if is_new else None

    @contextlib.contextmanager
    def reading(self, kind: str) -> Iterator[PictureReader]:
        """A reader that gets the pictures from now on."""
        reader = PictureReader()
        self._readers[kind].add(reader)
        try:
            yield reader
        finally:
            self._readers[kind].discard(reader)
