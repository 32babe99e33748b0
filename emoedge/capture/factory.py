"""From the settings to the source: which adapter a `source` string means."""

from __future__ import annotations

import importlib
from contextlib import suppress
from pathlib import Path

from emoedge.capture.clip_source import ClipCamera, ClipMicrophone
from emoedge.capture.source import FrameSource, SoundSource
from emoedge.config.settings import CameraSettings, MicrophoneSettings
from emoedge.errors import ConfigError


def open_camera(settings: CameraSettings) -> FrameSource:
    """The source that `settings.source` names; call its `open` to acquire it.

    Raises:
        ConfigError: the source is "none".
        DeviceError: "auto" finds no camera.
    """
    source = settings.parsed_source
    if source.kind == "auto":
        from emoedge.capture.devices import first_camera

        return open_camera(settings.model_copy(update={"source": first_camera().source}))
    if source.kind == "file":
        return ClipCamera(Path(source.value).expanduser(), settings)
    if source.kind == "gst":
        from emoedge.capture.gstreamer import GstreamerCamera

        return GstreamerCamera(source.value, settings)
    if source.kind == "picamera":
        from emoedge.capture.picamera import PiCamera

        return PiCamera(int(source.value), settings)
    if source.kind == "v4l2":
        from emoedge.capture.v4l2 import V4l2Camera

        _load("cv2")
        return V4l2Camera(source.value, settings)
    if source.kind == "network":
        from emoedge.capture.network_camera import NetworkCamera

        _load("av")
        return NetworkCamera(source.value, settings)
    raise ConfigError("camera.source is none: there is nothing to open", "choose a camera")


def open_microphone(settings: MicrophoneSettings) -> SoundSource:
    """The source that `settings.source` names; call its `open` to acquire it.

    Raises:
        ConfigError: the source is "none".
    """
    source = settings.parsed_source
    if source.kind == "none":
        raise ConfigError("microphone.source is none: there is nothing to open", "choose a microphone")
    if source.kind == "file":
        return ClipMicrophone(Path(source.value).expanduser())
    from emoedge.capture.microphone import Microphone

    _load("pyaudio", "soxr")
    return Microphone(source.value or source.kind)


def _load(*libraries: str) -> None:
    """Import what `open` will need: seconds on a small board, which are not the device's time."""
    for library in libraries:
        with suppress(ImportError):  # `open` says it, with a remedy
            importlib.import_module(library)
