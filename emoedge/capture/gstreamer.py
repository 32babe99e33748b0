"""Cameras behind a GStreamer pipeline, such as a Jetson's CSI camera (`gst:nvarguscamerasrc ! nvvidconv`).

The pipeline runs as `gst-launch-1.0` in its own process and writes raw pictures into a pipe.
There are two reasons for that and against bindings in this process: a vendor's source that crashes or hangs
is killed without ending the daemon, which also frees the camera; and no PyGObject or
special OpenCV build is needed in the environment. The pipeline can be seen in the list of processes:
a password does not belong in it.
"""

from __future__ import annotations

import math
import os
import select
import shlex
import subprocess
import tempfile
import time
from typing import IO, Final

import numpy as np

from emoedge.capture.convert import Orientation, orient_i420
from emoedge.capture.source import READ_TIMEOUT_S, Closing
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError
from emoedge.frames import Frame
from emoedge.redact import public_pipeline, redact
from emoedge.translation import joined, tr

PROGRAM: Final = "gst-launch-1.0"
KILL_AFTER_S: Final = 0.3
"""Seconds before a pipeline that does not end is killed."""
_INSTALL: Final = tr("install gstreamer1.0-tools and gstreamer1.0-plugins-base")
_ALIGNMENT: Final = 8  # GStreamer pads rows of I420 to four bytes, also the half as wide chroma rows


class GstreamerCamera(Closing):
    """Pictures of a pipeline, scaled to the requested size (width rounded to a multiple of 8).

    Times are those of the first byte of each picture on the pipe, a few milliseconds after capture.

    Args:
        pipeline: as for gst-launch, up to and without a sink.
        settings: size, frame rate, turning.
    """

    def __init__(self, pipeline: str, settings: CameraSettings) -> None:
        self._pipeline = pipeline
        self._shown = "gst:" + public_pipeline(pipeline)
        self._settings = settings
        self._width = max(_ALIGNMENT, settings.width // _ALIGNMENT * _ALIGNMENT)
        self._height = settings.height // 2 * 2
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._errors: IO[bytes] | None = None
        self._buffer = bytearray(self._width * self._height * 3 // 2)
        self._filled = 0
        self._begun_s = 0.0
        self._sequence = 0

    def open(self) -> None:
        """Start the pipeline; a fault in it shows at the first read."""
        try:
            source = shlex.split(self._pipeline)
        except ValueError as error:
            raise DeviceError(f"{self._shown}: {error}", tr("check the quotes in camera.source")) from error
        read_end, write_end = os.pipe()
        self._pipe = read_end
        # Some vendors' elements print to the standard streams.
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        command = [PROGRAM, "-q", *source, *self._tail(write_end)]
        try:
            self._process = subprocess.Popen(
                command,
                pass_fds=(write_end,),
                stdin=subprocess.DEVNULL,
                stdout=self._errors,
                stderr=self._errors,
            )
        except OSError as error:
            self.close()
            raise DeviceError(joined((PROGRAM, error.strerror or str(error)), ": "), _INSTALL) from error
        finally:
            os.close(write_end)
        os.set_blocking(read_end, False)
        self._filled = 0

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> Frame | None:
        """Return the next picture."""
        deadline_s = time.monotonic() + timeout_s
        while self._filled < len(self._buffer):
            self._wait(deadline_s)
            room = memoryview(self._buffer)[self._filled :]
            count = os.readv(self._pipe, [room])
            if not count:
                raise DeviceError(f"{self._shown}: {self._complaint()}", tr("try it with gst-launch-1.0"))
            if not self._filled:
                self._begun_s = time.monotonic()
            self._filled += count
        self._filled = 0
        return self._frame()

    def close(self) -> None:
        """Terminate the process, and kill it if it does not end."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(KILL_AFTER_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._errors is not None:
            self._errors.close()
            self._errors = None

    def describe(self) -> str:
        """Pipeline and size."""
        return f"{self._shown}, {self._width} x {self._height}"

    def _tail(self, write_end: int) -> list[str]:
        caps = f"video/x-raw,format=I420,width={self._width},height={self._height},pixel-aspect-ratio=1/1"
        limit = f"max-rate={math.ceil(self._settings.fps)}"
        stages = (
            ("videorate", "drop-only=true", limit),
            ("videoconvert",),
            ("videoscale",),
            (f"{caps},colorimetry=bt601",),
            ("fdsink", f"fd={write_end}", "sync=false"),
        )
        return [word for stage in stages for word in ("!", *stage)]

    def _wait(self, deadline_s: float) -> None:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not select.select([self._pipe], [], [], left_s)[0]:
            raise TimeoutError

    def _complaint(self) -> str:
        """Return the first error that the pipeline printed."""
        assert self._errors is not None
        self._errors.seek(0)
        lines = self._errors.read(16_384).decode(errors="replace").splitlines()
        errors = [line.strip() for line in lines if "ERROR" in line or "WARNING" in line]
        first = (errors or [line.strip() for line in lines if line.strip()] or ["ended"])[0]
        return redact(first)

    def _frame(self) -> Frame:
        width, height = self._width, self._height
        data = np.frombuffer(bytes(self._buffer), np.uint8).reshape(height * 3 // 2, width)
        orientation = Orientation(self._settings.rotate, self._settings.mirror)
        data = orient_i420(data, width, height, orientation)
        if orientation.swaps_sides:
            width, height = height, width
        self._sequence += 1
        return Frame(self._begun_s, data, "i420", width, height, self._sequence - 1)
