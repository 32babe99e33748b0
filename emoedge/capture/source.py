"""Interface of all sources of pictures and audio."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Final, Protocol, TypeVar

from typing_extensions import Self

from emoedge.frames import AudioBlock, Frame

Item_co = TypeVar("Item_co", covariant=True)

MAX_PER_S: Final = 5.0
"""Single pictures asked for in a second at most: the web servers of cheap cameras cannot bear more."""
READ_TIMEOUT_S: Final = 0.5
"""Timeout of one read in seconds: short, so that a worker notices "stop" in time."""


def wait_until(due_s: float, timeout_s: float) -> None:
    """Sleep until `due_s`, or raise TimeoutError after `timeout_s`."""
    wait_s = due_s - time.monotonic()
    if wait_s > timeout_s:
        time.sleep(timeout_s)
        raise TimeoutError
    if wait_s > 0:
        time.sleep(wait_s)


class MediaSource(Protocol[Item_co]):
    """A device, or a file that plays one. Used by one thread, except for `abort`."""

    def open(self) -> None:
        """Acquire the device.

        Raises:
            DeviceError: it is missing, busy or refuses.
            MediaError: a file cannot be read.
        """
        ...

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> Item_co | None:
        """The next frame or block, stamped with the time.monotonic() of its (first) capture; None at the end.

        Raises:
            TimeoutError: nothing came in time; reading on is fine.
            DeviceError: the device is lost; close and open again.
        """
        ...

    def close(self) -> None:
        """Release the device; may be called twice, and before `open`."""
        ...

    def abort(self) -> None:
        """From another thread: make a blocking call return soon, where that can be done."""
        ...

    def describe(self) -> str:
        """One line for logs: what it is and what it delivers."""
        ...

    def __enter__(self) -> Self:
        """Open the source."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the source."""
        ...


FrameSource = MediaSource[Frame]
"""A camera, or a file that plays one."""
SoundSource = MediaSource[AudioBlock]
"""A microphone, or a file that plays one; a block is stamped with the capture of its first sample."""


class Closing(ABC):
    """Mix-in: `with source:` opens and closes it; nothing to abort unless the source says so."""

    @abstractmethod
    def open(self) -> None:
        """Open the source."""

    @abstractmethod
    def close(self) -> None:
        """Close the source."""

    def abort(self) -> None:  # noqa: B027 - sources that can be interrupted override it
        """Do nothing: this source cannot be interrupted."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
