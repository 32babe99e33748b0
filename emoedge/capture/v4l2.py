"""Cameras of the kernel (USB, v4l2loopback): OpenCV's V4L2 reader, by a path that stays the same."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from emoedge.capture.convert import Orientation, fit_size, orient_i420
from emoedge.capture.source import READ_TIMEOUT_S, Closing
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError
from emoedge.frames import Frame
from emoedge.translation import tr

RAW_LIMIT: Final = 640 * 480 * 30
"""Pixels a second that fit a USB 2 bus uncompressed, with room for a microphone; beyond it MJPEG is asked
for."""
OLDEST_S: Final = 2.0
"""A driver's stamp older than this, or in the future, is not on the monotonic clock and is not used."""
BUFFERS: Final = 2
"""Fewer buffers, fresher pictures."""
LOG_LEVEL_ERROR: Final = 2
"""OpenCV's number for it."""
SELECT_S: Final = 1
"""OpenCV would wait for ten seconds otherwise, and the camera could not be released (privacy) meanwhile."""


def node_number(path: Path) -> int:
    """Return N of the /dev/videoN behind a stable name; OpenCV 5 opens V4L2 devices only by number.

    Raises:
        DeviceError: it is not a video device.
    """
    match = re.fullmatch(r"video(\d+)", path.resolve().name)
    if match is None:
        raise DeviceError(tr("{path}: not a video device", path=path), tr("choose one from: emoedge devices"))
    return int(match[1])


class V4l2Camera(Closing):
    """A V4L2 camera.

    OpenCV waits in select(2), so a camera that stalls gives the thread back after a second, and an
    unplugged one at once; FFmpeg's reader would block in the driver forever. The times are the
    kernel's own (CLOCK_MONOTONIC when the frame was filled), the arrival where a driver gives others.

    Args:
        path: /dev/v4l/by-id/…, /dev/v4l/by-path/… or /dev/videoN.
        settings: size and frame rate asked for, turning.
    """

    def __init__(self, path: str, settings: CameraSettings) -> None:
        self.path = path
        self._settings = settings
        self._capture: Any = None
        self._sequence = 0
        self._size = (0, 0)

    def open(self) -> None:
        """Acquire the camera and ask for size and rate."""
        import cv2

        node = Path(self.path)
        if not node.exists():
            raise DeviceError(
                tr("{path}: no such camera", path=self.path),
                tr("plug it in, or choose one from: emoedge devices"),
            )
        try:
            node.open("rb").close()
        except OSError as error:
            raise DeviceError(
                f"{self.path}: {error.strerror}",
                tr("add the user to the group video, or end the program that uses the camera"),
            ) from error
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(SELECT_S))  # read at the first grab
        # A line for each retry otherwise. OpenCV 5 has it in another place than OpenCV 4.
        set_log_level = cv2.setLogLevel if hasattr(cv2, "setLogLevel") else cv2.utils.logging.setLogLevel
        set_log_level(LOG_LEVEL_ERROR)
        capture = cv2.VideoCapture(node_number(node), cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise DeviceError(
                tr("{path}: cannot be opened", path=self.path), tr("end the program that uses the camera")
            )
        settings = self._settings
        if settings.width * settings.height * settings.fps > RAW_LIMIT:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, BUFFERS)
        self._capture = capture

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> Frame | None:
        """The next picture; TimeoutError after SELECT_S without one, whatever `timeout_s`."""
        import cv2

        assert self._capture is not None, "not open"
        begun_s = time.monotonic()
        if not self._capture.grab():
            if time.monotonic() - begun_s > SELECT_S * 0.9 and Path(self.path).exists():
                raise TimeoutError
            raise DeviceError(
                tr("{path}: the video has stopped", path=self.path), tr("check cable and power")
            )
        arrival_s = time.monotonic()
        stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        good, picture = self._capture.retrieve()
        if not good or picture is None:
            raise DeviceError(
                tr("{path}: the image cannot be decoded", path=self.path), tr("check the cable")
            )
        time_s = stamp_s if 0 <= arrival_s - stamp_s < OLDEST_S else arrival_s
        frame = self._frame(picture, time_s)
        self._sequence += 1
        self._size = (frame.width, frame.height)
        return frame

    def close(self) -> None:
        """Release the camera."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def describe(self) -> str:
        """Path and real size."""
        return f"{self.path}, {self._size[0]} x {self._size[1]}"

    def _frame(self, picture: Any, time_s: float) -> Frame:
        import cv2

        height, width = picture.shape[:2]
        if picture.ndim == 2:
            picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
        even_size = fit_size(width, height, None)
        if even_size != (width, height):
            width, height = even_size
            picture = cv2.resize(picture, even_size, interpolation=cv2.INTER_AREA)
        data = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
        orientation = Orientation(self._settings.rotate, self._settings.mirror)
        data = orient_i420(data, width, height, orientation)
        if orientation.swaps_sides:
            width, height = height, width
        return Frame(time_s, data, "i420", width, height, self._sequence)
