"""Files beside the MP4 of a segment: details (JSON), subtitles and the thumbnail."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.files import partial_of, read_json, to_json, write_atomically
from emoedge.record.names import FILE_MODE, share_with_group

SCHEMA: Final = 1
"""Version of the details, their field `schema`."""
THUMBNAIL_WIDTH: Final = 320
"""Width of the thumbnail in pixels."""
THUMBNAIL_QUALITY: Final = 80
"""JPEG quality of the thumbnail: about 15 kB."""


def write_sidecar(path: Path, data: bytes | str) -> None:
    """Replace a sidecar, whole or not at all, for owner and group.

    Args:
        path: the final name, or the `.partial` name while the segment is unfinished.
        data: the content.

    Raises:
        OSError: the file cannot be written; an older one stays.
    """
    write_atomically(path, data, mode=FILE_MODE, prepare=share_with_group)


def write_details(path: Path, details: dict[str, Any]) -> None:
    """Replace the JSON sidecar, see `write_sidecar`; raises OSError."""
    write_sidecar(path, to_json(details))


def read_details(path: Path, *, dir_fd: int | None = None) -> dict[str, Any]:
    """Content of a JSON sidecar; `dir_fd` as in `files.read_small`.

    Raises:
        OSError: the file cannot be read.
        ValueError: it does not hold a JSON object.
    """
    value = read_json(path, dir_fd=dir_fd, follow=False)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the fault is in the file
    return value


def names_of(path: Path) -> tuple[Path, Path]:
    """Names under which a sidecar of an unfinished segment may exist, the better one first.

    A crash among the renames at the end leaves some sidecars under their final names.
    """
    return partial_of(path), path


def thumbnail_of(picture: NDArray[np.uint8]) -> bytes:
    """JPEG thumbnail of a picture, uint8 (height, width, 3), BGR."""
    import cv2

    height = max(2, round(THUMBNAIL_WIDTH * picture.shape[0] / picture.shape[1]))
    small = cv2.resize(picture, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, THUMBNAIL_QUALITY])
    return bytes(data.tobytes())
