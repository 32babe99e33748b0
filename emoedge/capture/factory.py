"""From the settings to the source: which adapter a `source` string means."""

from __future__ import annotations

import importlib
from contextlib import suppress
from pathlib import Path
from typing import Final

from emoedge.capture.clip_source import ClipCamera, ClipMicrophone
from emoedge.capture.source import FrameSource, SoundSource
from emoedge.config.settings import CameraSettings, MicrophoneSettings
from emoedge.errors import ConfigError
from emoedge.redact import public_address

NONE: Final = "none"
_FILE: Final = "file:"
_GST: Final = "gst:"
_PICAMERA: Final = "picamera:"


def open_camera(settings: CameraSettings) -> FrameSource:
    """The source that `settings.source` names; call its `open` to acquire it.

    Raises:
        ConfigError: the source is not supported, or "none".
        DeviceError: "auto" finds no camera.
    """
    source = settings.source
    if source == "auto":
        from emoedge.capture.devices import first_camera

        return open_camera(settings.model_copy(update={"source": first_camera().source}))
    if source.startswith(_FILE):
        return ClipCamera(Path(source.removeprefix(_FILE)).expanduser(), settings)
    if source.startswith(_GST):
        from emoedge.capture.gstreamer import GstreamerCamera

        return GstreamerCamera(source.removeprefix(_GST), settings)
    if source.startswith(_PICAMERA):
        from emoedge.capture.picamera import PiCamera

        return PiCamera(_number(source), settings)
    if source.startswith("/dev/"):
        from emoedge.capture.v4l2 import V4l2Camera

        _load("cv2")
        return V4l2Camera(source, settings)
    from emoedge.capture.network_camera import SCHEMES, NetworkCamera

    if source.partition("://")[0] in SCHEMES:
        _load("av")
        return NetworkCamera(source, settings)
    if source == NONE:
        raise ConfigError("camera.source is none: there is nothing to open", "choose a camera")
    raise ConfigError(
        f"camera.source: {public_address(source)!r} is not a supported source",
        'use "auto", /dev/v4l/by-id/…, picamera:N, gst:…, rtsp://…, http://…, file:CLIP or "none"',
    )


def open_microphone(settings: MicrophoneSettings) -> SoundSource:
    """The source that `settings.source` names; call its `open` to acquire it.

    Raises:
        ConfigError: the source is "none".
    """
    source = settings.source
    if source == NONE:
        raise ConfigError("microphone.source is none: there is nothing to open", "choose a microphone")
    if source.startswith(_FILE):
        return ClipMicrophone(Path(source.removeprefix(_FILE)).expanduser())
    from emoedge.capture.microphone import Microphone

    _load("pyaudio", "soxr")
    return Microphone(source)


def _load(*libraries: str) -> None:
    """Import what `open` will need: seconds on a small board, which are not the device's time."""
    for library in libraries:
        with suppress(ImportError):  # `open` says it, with a remedy
            importlib.import_module(library)


def _number(source: str) -> int:
    number = source.removeprefix(_PICAMERA)
    if not number.isdigit():
        raise ConfigError(f"camera.source: {public_address(source)!r} has no number", "write picamera:0")
    return int(number)
