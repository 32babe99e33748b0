"""Animated image files: detect them, and read the first picture where OpenCV cannot."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Final

import numpy as np
from numpy.typing import NDArray

_WEBP_ANIMATED: Final = 0x02  # a flag of VP8X, as the other one
_WEBP_ALPHA: Final = 0x10
_GIF: Final = (b"GIF87a", b"GIF89a")


def is_animated(encoded: bytes) -> bool:
    """Return whether a GIF, WebP or PNG file holds more than one picture; False for other formats."""
    if encoded[:6] in _GIF:
        return _gif_pictures(encoded) > 1
    if encoded[:4] == b"RIFF" and encoded[8:16] == b"WEBPVP8X" and len(encoded) > 20:
        return bool(encoded[20] & _WEBP_ANIMATED)
    return encoded[:8] == b"\x89PNG\r\n\x1a\n" and b"acTL" in encoded[: max(0, encoded.find(b"IDAT"))]


def first_picture(encoded: bytes) -> NDArray[np.uint8] | None:
    """The first picture of a GIF or of an animated WebP, uint8 (height, width, 3) BGR; None where unreadable.

    OpenCV reads GIF from version 4.11 on, and animated WebP from 5.0 on.
    """
    import cv2

    if encoded[:6] in _GIF:
        return _gif_first(encoded)
    still = _webp_first(encoded)
    picture = None if still is None else cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_COLOR)
    return None if picture is None else np.asarray(picture, np.uint8)


def _gif_pictures(encoded: bytes) -> int:
    """Pictures in a GIF, 2 where there are more; damage ends the count."""
    import av

    try:
        with av.open(BytesIO(encoded), format="gif") as container:
            return sum(
                1 for _, packet in zip(range(2), container.demux(video=0), strict=False) if packet.size
            )
    except (av.error.FFmpegError, OSError, ValueError):
        return 0


def _gif_first(encoded: bytes) -> NDArray[np.uint8] | None:
    import av

    try:
        with av.open(BytesIO(encoded), format="gif") as container:
            frame = next(container.decode(video=0), None)
            return None if frame is None else np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
    except (av.error.FFmpegError, OSError, ValueError):
        return None


def _webp_first(encoded: bytes) -> bytes | None:
    """A still WebP of the first frame of an animated one (WebP container specification, "Animation")."""
    if encoded[:4] != b"RIFF" or encoded[8:12] != b"WEBP":
        return None
    at = 12
    while at + 8 <= len(encoded):
        name, length = encoded[at : at + 4], int.from_bytes(encoded[at + 4 : at + 8], "little")
        body = encoded[at + 8 : at + 8 + length]
        if name == b"ANMF" and len(body) > 16:
            picture = body[16:]  # place, size, duration and flags come before
            if picture[:4] == b"ALPH":
                extended = struct.pack("<I", _WEBP_ALPHA) + body[6:12]
                picture = b"VP8X" + struct.pack("<I", len(extended)) + extended + picture
            return b"RIFF" + struct.pack("<I", len(picture) + 4) + b"WEBP" + picture
        at += 8 + length + length % 2
    return None
