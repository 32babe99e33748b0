"""The Raspberry Pi's own cameras through picamera2 (Debian's python3-picamera2), which hides libcamera."""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emoedge.capture.convert import Orientation, orient_i420
from emoedge.capture.source import READ_TIMEOUT_S, Closing
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError
from emoedge.frames import Frame, Rectangle
from emoedge.translation import tr

SMALL_PIXELS: Final = 320 * 240
"""Approximate number of pixels of the analysis stream: enough to find a face that is large enough to
judge."""
BUFFERS: Final = 4
_INSTALL: Final = tr("install python3-picamera2 and make the environment with --system-site-packages")


@dataclass(frozen=True, slots=True, eq=False)
class TwoSizeFrame(Frame):
    """A frame that the camera's own scaler delivered in two sizes: the small one for detection costs nothing.

    Attributes:
        small: the same picture, smaller.
    """

    small: Frame | None = None

    def small_rgb(self, width: int, height: int, part: Rectangle | None = None) -> NDArray[np.uint8]:
        """As `Frame.small_rgb`, all of it from the small picture where that is large enough."""
        small = self.small
        if part is None and small is not None and width <= small.width and height <= small.height:
            return small.small_rgb(width, height)
        return Frame.small_rgb(self, width, height, part)


class PiCamera(Closing):
    """A camera on the Pi's CSI port.

    Two streams: `main` in the asked size for the recording and the face crops, `lores` for finding
    faces. Times are the sensor's: the exposure of the first row.

    Args:
        number: as in `rpicam-hello --list-cameras`.
        settings: size, frame rate, turning.
    """

    def __init__(self, number: int, settings: CameraSettings) -> None:
        self._number = number
        self._settings = settings
        self._camera: Any = None
        self._job: Any = None
        self._sequence = 0
        self._small_size = small_size(settings.width, settings.height)
        self._main_size = (settings.width // 2 * 2, settings.height // 2 * 2)

    def open(self) -> None:
        """Acquire and start the camera."""
        try:
            from libcamera import ColorSpace
            from picamera2 import Picamera2
        except ImportError as error:
            raise DeviceError(tr("picamera2 cannot be imported: {error}", error=error), _INSTALL) from error
        if self._number >= len(Picamera2.global_camera_info()):
            raise DeviceError(
                tr("picamera:{number}: no such camera", number=self._number),
                tr("check the ribbon cable, and `rpicam-hello --list-cameras`"),
            )
        try:
            self._camera = Picamera2(self._number)
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": self._main_size, "format": "YUV420"},
                    lores={"size": self._small_size, "format": "YUV420"},
                    controls={"FrameRate": self._settings.fps},
                    colour_space=ColorSpace.Smpte170m(),  # BT.601 in video range, as everywhere here
                    buffer_count=BUFFERS,
                )
            )
            # libcamera may have rounded the sizes to what its scaler can do.
            agreed = self._camera.camera_configuration()
            self._main_size = agreed["main"]["size"]
            self._small_size = agreed["lores"]["size"]
            self._camera.start()
        except (RuntimeError, IndexError) as error:
            self.close()
            raise DeviceError(
                tr("picamera:{number}: {error}", number=self._number, error=error),
                tr("end the program that uses the camera"),
            ) from error

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> Frame | None:
        """The next picture."""
        assert self._camera is not None, "not open"
        if self._job is None:
            self._job = self._camera.capture_request(wait=False)
        try:
            request = self._camera.wait(self._job, timeout=timeout_s)
        except (TimeoutError, FutureTimeoutError) as error:  # one and the same from Python 3.11 on
            raise TimeoutError from error
        self._job = None
        try:
            return self._frame(request)
        finally:
            request.release()

    def close(self) -> None:
        """Stop and release the camera."""
        camera, self._camera, self._job = self._camera, None, None
        if camera is not None:
            camera.stop()
            camera.close()

    def describe(self) -> str:
        """Number and sizes."""
        main, small = self._main_size, self._small_size
        return f"picamera:{self._number}, {main[0]} x {main[1]} and {small[0]} x {small[1]}"

    def _frame(self, request: Any) -> Frame:
        time_s = monotonic_of_boot_time(request.get_metadata()["SensorTimestamp"] / 1e9)
        main = self._stream(request, "main", self._main_size, time_s)
        small = self._stream(request, "lores", self._small_size, time_s)
        self._sequence += 1
        return TwoSizeFrame(
            time_s, main.data, "i420", main.width, main.height, main.sequence, main.source_id, small
        )

    def _stream(self, request: Any, name: str, size: tuple[int, int], time_s: float) -> Frame:
        width, height = size
        data = unpadded_i420(np.asarray(request.make_array(name), dtype=np.uint8), width, height)
        orientation = Orientation(self._settings.rotate, self._settings.mirror)
        data = orient_i420(data, width, height, orientation)
        if orientation.swaps_sides:
            width, height = height, width
        return Frame(time_s, data, "i420", width, height, self._sequence)


def small_size(width: int, height: int) -> tuple[int, int]:
    """Size of the analysis stream: the shape of the main one, multiples of 16, not larger than it."""
    scale = min(1.0, (SMALL_PIXELS / (width * height)) ** 0.5)
    return max(16, int(width * scale / 16) * 16), max(16, int(height * scale / 16) * 16)


def monotonic_of_boot_time(boot_s: float) -> float:
    """Convert a time of CLOCK_BOOTTIME, which libcamera uses, to `time.monotonic()`, without suspend."""
    asleep_s = time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
    return boot_s - asleep_s


def unpadded_i420(data: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Remove the padding of rows that picamera2 leaves in: uint8 (height * 3 / 2, stride) to (…, width).

    The chroma rows are half as long and lie two to a row of the array, each with its own padding.
    """
    stride = data.shape[1]
    if stride == width:
        return data.copy()  # the request's memory goes back to the camera
    chroma = data[height:].reshape(2, height // 2, stride // 2)[:, :, : width // 2]
    luma = data[:height, :width]
    return np.concatenate([luma.reshape(-1), chroma.reshape(-1)]).reshape(height * 3 // 2, width)
