"""Conversion of decoded pictures to the internal layout: planar YUV 4:2:0, even sizes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.frames import joined_planes

if TYPE_CHECKING:
    import av

MAX_PIXELS: Final = 8192 * 8192
"""Maximum number of pixels of a picture: cameras do not deliver larger ones, but a hostile file might."""

_FULL_RANGE: Final = 2  # AVCOL_RANGE_JPEG
_BT601: Final = (2, 5, 6)  # AVCOL_SPC_UNSPECIFIED (small pictures), BT470BG, SMPTE170M: one matrix

Planes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Orientation:
    """Rotation of pictures before use: clockwise by `rotate` degrees, then mirrored."""

    rotate: int = 0
    mirror: bool = False

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height are exchanged."""
        return self.rotate % 180 == 90

    def after(self, own: Orientation) -> Orientation:
        """Return both in one: first `own` (required by the metadata of the source), then this."""
        # A turn of a mirrored picture is the opposite turn before the mirror.
        turned = own.rotate - self.rotate if own.mirror else own.rotate + self.rotate
        return Orientation(turned % 360, self.mirror != own.mirror)


UPRIGHT: Final = Orientation()


def even(length: float) -> int:
    """Return the even number of pixels nearest to `length`, at least 2."""
    return max(2, 2 * round(length / 2))


def fit_size(width: float, height: float, max_pixels: float | None) -> tuple[int, int]:
    """Return even (width, height) of the same shape with at most about `max_pixels`; never enlarged."""
    scale = 1.0 if max_pixels is None else min(1.0, (max_pixels / (width * height)) ** 0.5)
    return even(width * scale), even(height * scale)


def orient_i420(data: Planes, width: int, height: int, orientation: Orientation) -> Planes:
    """Turn and mirror planar YUV 4:2:0.

    Args:
        data: uint8 (height * 3 / 2, width), sizes even.
        width: before turning, pixels.
        height: before turning, pixels.
        orientation: rotation and mirroring.

    Returns:
        uint8, contiguous, of the turned size.
    """
    if orientation == UPRIGHT:
        return data
    flat = data.reshape(-1)
    luma, quarter = width * height, width * height // 4
    planes = (
        flat[:luma].reshape(height, width),
        flat[luma : luma + quarter].reshape(height // 2, width // 2),
        flat[luma + quarter :].reshape(height // 2, width // 2),
    )
    turned = [_orient(plane, orientation).reshape(-1) for plane in planes]
    new_width = height if orientation.swaps_sides else width
    return np.concatenate(turned).reshape(-1, new_width)


def orient_bgr(picture: Planes, orientation: Orientation) -> Planes:
    """Turn and mirror an interleaved picture, uint8 (height, width, 3), or a plane, uint8 (height, width)."""
    return np.ascontiguousarray(_orient(picture, orientation))


def _orient(plane: Planes, orientation: Orientation) -> Planes:
    # numpy turns counter-clockwise.
    turned = np.rot90(plane, -(orientation.rotate // 90))
    return turned[:, ::-1] if orientation.mirror else turned


def display_orientation(matrix: bytes) -> Orientation:
    """Return the orientation of a display matrix: the nearest of the eight possible ones.

    Args:
        matrix: nine int32 in the byte order of the machine, row by row (ISO/IEC 14496-12, 6.2.2); a pixel at
            (x, y) is shown at (a x + c y, b x + d y), y growing downwards. As FFmpeg's filters see it.
    """
    a, b, _, c, d = np.frombuffer(matrix, np.int32, 5).astype(float)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        mirror = (a < 0) != (d < 0)
        return Orientation(180 if d < 0 else 0, mirror)
    mirror = (b < 0) == (c < 0)
    return Orientation(270 if b < 0 else 90, mirror)


class PixelAspect:
    """Width of a pixel over its height, as a stream says it, and as its pictures say it from a change on."""

    def __init__(self, stream: Any) -> None:
        self._decoder = stream.codec_context
        self._declared = stream.sample_aspect_ratio
        self._first: Any = None

    @property
    def now(self) -> float:
        """Ratio of the last decoded picture; 1 if unknown."""
        decoded = self._decoder.sample_aspect_ratio or 1
        if self._first is None:
            self._first = decoded
        return float((self._declared if decoded == self._first else decoded) or 1)


class PictureConverter:
    """Turns decoded frames of one stream into i420 arrays with square pixels and even sides.

    Each frame is converted on its own: a stream may change size, orientation and colours at any frame. The
    result is rotated as the frame's metadata and `orientation` require, and has at most about `max_pixels`.

    Colours come out as BT.601 in video range, whatever the source says, because that is what
    OpenCV's YUV conversions assume.
    """

    def __init__(self, orientation: Orientation = UPRIGHT, max_pixels: float | None = None) -> None:
        self._asked = orientation
        self._max_pixels = max_pixels
        self._reformatter: Any = None

    def __call__(self, frame: av.VideoFrame, pixel_aspect: float = 1.0) -> tuple[Planes, int, int]:
        """Return i420 data, width and height of the upright picture.

        Args:
            frame: decoded picture.
            pixel_aspect: width of a pixel over its height, where known.
        """
        planes, width, height = self.planes(frame, pixel_aspect)
        return joined_planes(planes), width, height

    def planes(self, frame: av.VideoFrame, pixel_aspect: float = 1.0) -> tuple[tuple[Planes, ...], int, int]:
        """Return the three planes instead: the decoder's own memory where no conversion is needed."""
        width, height = fit_size(frame.width * (pixel_aspect or 1.0), frame.height, self._max_pixels)
        planes = _planes(self._in_layout(frame, width, height), width, height)
        orientation = self._asked.after(_own_orientation(frame))
        if orientation != UPRIGHT:
            planes = tuple(orient_bgr(plane, orientation) for plane in planes)
        return (planes, height, width) if orientation.swaps_sides else (planes, width, height)

    def _in_layout(self, frame: Any, width: int, height: int) -> Any:
        return frame if _is_ready(frame, width, height) else self._converted(frame, width, height)

    def _converted(self, frame: Any, width: int, height: int) -> Any:
        from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

        if self._reformatter is None:
            self._reformatter = VideoReformatter()
        full_range = frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        return self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            src_color_range=ColorRange.JPEG if full_range else None,
            dst_color_range=ColorRange.MPEG,
        )


def _own_orientation(frame: Any) -> Orientation:
    """Return the orientation in the metadata of a frame."""
    from av.sidedata.sidedata import SideDataContainer

    # A frame keeps its `side_data`: the two would hold each other until the next garbage collection.
    found = SideDataContainer(frame)  # type: ignore[call-arg]
    matrix = found.get(_side_data_types().DISPLAYMATRIX) if len(found) else None
    return UPRIGHT if matrix is None else display_orientation(bytes(matrix))


@cache
def _side_data_types() -> Any:
    """PyAV's names of side data, completed for kinds that only FFmpeg knows.

    PyAV 17 and 18 raise ValueError for all side data of a frame when one kind has no name, as that of a JPEG
    picture with EXIF.
    """
    from av.sidedata import sidedata

    def unnamed(names: Any, value: int) -> Any:
        kind = object.__new__(names)
        kind._name_, kind._value_ = f"UNNAMED_{value}", value
        return kind

    types: Any = sidedata.Type
    types._missing_ = classmethod(unnamed)
    return types


def _planes(frame: Any, width: int, height: int) -> tuple[Planes, ...]:
    """Views of the planes of a yuv420p picture without line padding; they keep its memory alive."""
    shapes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    return tuple(
        np.ndarray(shape, np.uint8, plane, strides=(plane.line_size, 1))
        for shape, plane in zip(shapes, frame.planes, strict=True)
    )


def _is_ready(frame: Any, width: int, height: int) -> bool:
    """Return whether the picture needs no conversion, which saves a copy for the most common format."""
    return (
        frame.format.name == "yuv420p"
        and (frame.width, frame.height) == (width, height)
        and frame.color_range != _FULL_RANGE
        and frame.colorspace in _BT601
    )
