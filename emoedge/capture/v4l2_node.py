"""Capabilities and formats of a V4L2 node, from the kernel's own calls (linux/videodev2.h)."""

from __future__ import annotations

import fcntl
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

DEV: Final = Path("/dev")
_QUERYCAP: Final = 0x80685600  # _IOR('V', 0, struct v4l2_capability)
_CAPABILITY: Final = struct.Struct("16s32s32sIII12x")
_ENUM_FMT: Final = 0xC0405602  # _IOWR('V', 2, struct v4l2_fmtdesc)
_FORMAT: Final = struct.Struct("III32sI16x")
_HAS_DEVICE_CAPS: Final = 0x80000000
_CAN_CAPTURE: Final = 0x00000001 | 0x00001000  # V4L2_CAP_VIDEO_CAPTURE, …_MPLANE
_IS_CODEC: Final = 0x00008000 | 0x00004000  # V4L2_CAP_VIDEO_M2M, …_MPLANE
_CAPTURE_QUEUES: Final = (1, 9)  # V4L2_BUF_TYPE_VIDEO_CAPTURE, …_MPLANE
_MAX_FORMATS: Final = 64
_H264: Final = b"H264"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Answer of a node.

    Attributes:
        driver, card: as it calls itself.
        flags: `V4L2_CAP_…` of this node.
    """

    driver: str
    card: str
    flags: int

    @property
    def can_capture(self) -> bool:
        """Whether it delivers pictures, as a camera does."""
        return bool(self.flags & _CAN_CAPTURE)

    @property
    def is_codec(self) -> bool:
        """Whether it turns one stream into another: an encoder, a decoder or a scaler."""
        return bool(self.flags & _IS_CODEC)


def video_nodes(dev: Path = DEV) -> list[Path]:
    """Return the nodes /dev/videoN in the order of their numbers."""
    return sorted(dev.glob("video[0-9]*"), key=lambda node: int(node.name[5:]))


def read_capabilities(node: Path) -> Capabilities | None:
    """Ask a node what it is; None where it is not a node of V4L2.

    Raises:
        OSError: it cannot be opened, `PermissionError` where it is closed to this user.
    """
    with _opened(node) as handle:
        return _capabilities(handle)


def encodes_h264(node: Path) -> bool:
    """Return whether a node is an H.264 encoder; raises OSError as `read_capabilities`."""
    with _opened(node) as handle:
        found = _capabilities(handle)
        is_codec = found is not None and found.is_codec
        return is_codec and any(_H264 in _formats(handle, queue) for queue in _CAPTURE_QUEUES)


@contextmanager
def _opened(node: Path) -> Iterator[int]:
    handle = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    try:
        yield handle
    finally:
        os.close(handle)


def _capabilities(handle: int) -> Capabilities | None:
    try:
        answer = fcntl.ioctl(handle, _QUERYCAP, bytes(_CAPABILITY.size))
    except OSError as error:
        logger.debug("not a node of V4L2: %s", error)
        return None
    driver, card, _, _, flags, own_flags = _CAPABILITY.unpack(answer)
    return Capabilities(_text(driver), _text(card), own_flags if flags & _HAS_DEVICE_CAPS else flags)


def _formats(handle: int, queue: int) -> list[bytes]:
    """Four-character codes of what a queue delivers."""
    found: list[bytes] = []
    for index in range(_MAX_FORMATS):
        try:
            answer = fcntl.ioctl(handle, _ENUM_FMT, _FORMAT.pack(index, queue, 0, b"", 0))
        except OSError:  # EINVAL: no more, or no such queue
            break
        found.append(_FORMAT.unpack(answer)[4].to_bytes(4, "little"))
    return found


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode(errors="replace")
