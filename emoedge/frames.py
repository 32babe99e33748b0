"""Video frames and audio blocks: what sources deliver. Never modified.

All `time_s` values are seconds on the monotonic clock of the source (`time.monotonic()` for devices, media
time for files in `replay`); only what leaves the process gets a wall-clock stamp.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 16_000
"""The one sample rate inside the process; sources resample to it."""
Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom: whole pixels, right and bottom outside."""
PixelLayout = Literal["i420", "bgr"]
SourceName = Literal["camera", "microphone"]


def shrunk(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture, (h, w) or (h, w, 3), in a smaller size (width, height).

    Halved by area average as long as it goes, for which OpenCV has fast code, and brought to its size by
    linear interpolation: a tenth of the time of an area average of any other ratio.
    """
    import cv2

    width, height = size
    while picture.shape[1] >= 2 * width and picture.shape[0] >= 2 * height:
        half = picture.shape[1] // 2, picture.shape[0] // 2
        even = picture[: 2 * half[1], : 2 * half[0]]
        picture = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
    if picture.shape[1::-1] != size:
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return picture


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture as the source delivered it; never modified.

    Attributes:
        time_s: when it was captured (not when it was read), seconds.
        data: uint8; layout "i420": (height * 3 / 2, width) planar YUV 4:2:0, video range (16 to 235); layout
            "bgr": (height, width, 3).
        layout: how `data` is to be read.
        width, height: size of the picture in pixels (both even for "i420").
        sequence: counts the frames of a source from 0; a gap means dropped frames.
        source_id: which camera, for more than one.
    """

    time_s: float
    data: NDArray[np.uint8]
    layout: PixelLayout
    width: int
    height: int
    sequence: int = 0
    source_id: str = "camera"

    @property
    def luma(self) -> NDArray[np.uint8]:
        """uint8 (height, width): a view for "i420", a conversion for "bgr"."""
        if self.layout == "i420":
            return self.data[: self.height, : self.width]
        import cv2

        return np.asarray(cv2.cvtColor(self.data, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    @property
    def chroma(self) -> Sequence[NDArray[np.uint8]]:
        """The two chroma planes of "i420", each uint8 (height / 2, width / 2): views."""
        return planes_of(self.data)[1:]

    @property
    def bgr(self) -> NDArray[np.uint8]:
        """uint8 (height, width, 3) in OpenCV's channel order; a conversion for "i420"."""
        if self.layout == "bgr":
            return self.data
        import cv2

        return np.asarray(cv2.cvtColor(self.data, cv2.COLOR_YUV2BGR_I420), dtype=np.uint8)

    def at(self, time_s: float, sequence: int) -> Frame:
        """The same picture at another time and place in the sequence."""
        return replace(self, time_s=time_s, sequence=sequence)

    def small_rgb(self, width: int, height: int, part: Rectangle | None = None) -> NDArray[np.uint8]:
        """The picture, or a part of it, shrunk before the colour conversion.

        Args:
            width: of the result, pixels, even.
            height: in pixels too.
            part: its coordinates must be even for "i420", which has one chroma sample for two by two pixels.

        Returns:
            uint8 (height, width, 3) RGB.
        """
        import cv2

        left, top, right, bottom = part or (0, 0, self.width, self.height)
        size = (width, height)
        if self.layout == "bgr":
            small = shrunk(self.data[top:bottom, left:right], size)
            return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        half_size = (width // 2, height // 2)
        half_rows, half_columns = slice(top // 2, bottom // 2), slice(left // 2, right // 2)
        i420 = np.empty((height * 3 // 2, width), np.uint8)
        i420[:height] = shrunk(self.luma[top:bottom, left:right], size)
        small_chroma = i420[height:].reshape(2, height // 2, width // 2)
        for plane, target in zip(self.chroma, small_chroma, strict=True):
            target[:] = shrunk(plane[half_rows, half_columns], half_size)
        return np.asarray(cv2.cvtColor(i420, cv2.COLOR_YUV2RGB_I420), dtype=np.uint8)


class PlanarFrame(Frame):
    """Frame of layout "i420" whose planes are apart, as decoders leave them, and read in place.

    `data` puts them together when it is first asked for.

    Args:
        time_s: as in `Frame`, like `width`, `height` and `sequence`.
        planes: luma uint8 (height, width) and the two of chroma (height / 2, width / 2); kept, not copied,
            and must not change as long as the frame lives.
        width: pixels, even.
        height: pixels, even.
        sequence: of the source.
    """

    __slots__ = ("_planes",)
    _planes: tuple[NDArray[np.uint8], ...]

    def __init__(
        self, time_s: float, planes: tuple[NDArray[np.uint8], ...], width: int, height: int, sequence: int = 0
    ) -> None:
        # `data` is omitted: __getattr__, which Python calls for missing attributes, creates it.
        values = {"time_s": time_s, "layout": "i420", "width": width, "height": height, "sequence": sequence}
        for name, value in {**values, "source_id": "camera", "_planes": planes}.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name != "data":
            raise AttributeError(name)
        data = joined_planes(self._planes)
        object.__setattr__(self, "data", data)
        # The decoder's memory is released, so that a kept frame is not stored twice.
        object.__setattr__(self, "_planes", planes_of(data))
        return data

    def at(self, time_s: float, sequence: int) -> Frame:
        """As `Frame.at`: the planes stay apart."""
        return PlanarFrame(time_s, self._planes, self.width, self.height, sequence)

    @property
    def luma(self) -> NDArray[np.uint8]:
        """As `Frame.luma`: the decoder's own plane."""
        return self._planes[0]

    @property
    def chroma(self) -> Sequence[NDArray[np.uint8]]:
        """As `Frame.chroma`: the decoder's own planes."""
        return self._planes[1:]


def joined_planes(planes: tuple[NDArray[np.uint8], ...]) -> NDArray[np.uint8]:
    """Join luma (height, width) and two half-size chroma planes as uint8 (height * 3 / 2, width)."""
    height, width = planes[0].shape
    data = np.empty((height * 3 // 2, width), np.uint8)
    for plane, target in zip(planes, planes_of(data), strict=True):
        target[:] = plane
    return data


def planes_of(data: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """The three planes of joined ones: views."""
    rows, width = data.shape
    height = rows * 2 // 3
    return data[:height], *data[height:].reshape(2, height // 2, width // 2)


@dataclass(frozen=True, slots=True, eq=False)
class AudioBlock:
    """A stretch of mono sound.

    Attributes:
        time_s: when its first sample was captured, seconds.
        samples: int16 (n,) at SAMPLE_RATE_HZ.
        gap_s: sound known to be lost right before this block, seconds (0 when none).
    """

    time_s: float
    samples: NDArray[np.int16]
    gap_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def end_s(self) -> float:
        """Time of the first sample after this block, seconds."""
        return self.time_s + self.duration_s

    def after_loss(self, lost: Sequence[AudioBlock]) -> AudioBlock:
        """Return this block with a gap of the length of those lost right before it."""
        return replace(self, gap_s=self.gap_s + sum(block.gap_s + block.duration_s for block in lost))
