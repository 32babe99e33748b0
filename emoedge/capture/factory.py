"""Choose the adapter for the `source` string in the settings."""

from __future__ import annotations

import importlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from emoedge.capture.clip_source import ClipCamera, ClipMicrophone
from emoedge.capture.convert import Orientation
from emoedge.capture.media import MediaReader
from emoedge.capture.source import MAX_PER_S, FrameSource, SoundSource
from emoedge.capture.tracks import Tracks
from emoedge.config.capture_settings import CameraSettings, MicrophoneSettings
from emoedge.config.sources import NETWORK_SCHEMES
from emoedge.errors import ConfigError
from emoedge.translation import tr

if TYPE_CHECKING:
    from emoedge.capture.address import AddressReader


def open_medium(path: Path | str, camera: CameraSettings, tracks: Tracks) -> MediaReader | AddressReader:
    """Return a reader for a file or an address.

    Args:
        path: the file, or the address.
        camera: turn and mirror; which certificates are trusted.
        tracks: which ones, of several.

    Raises:
        MediaError: it cannot be read, or lacks the tracks asked for.
    """
    if is_address(str(path)):
        from emoedge.capture.address import AddressReader

        return AddressReader(str(path), camera, tracks)
    return MediaReader(path, orientation=Orientation(camera.rotate, camera.mirror), tracks=tracks)


def is_address(text: str) -> bool:
    """Return whether this is a network address and not a file."""
    scheme, colon, _ = text.partition("://")
    return bool(colon) and scheme.lower() in NETWORK_SCHEMES


def open_camera(settings: CameraSettings, analysis_fps: float = MAX_PER_S) -> FrameSource:
    """Return the camera that `settings.source` names; call its `open` to acquire it.

    Args:
        settings: of the camera.
        analysis_fps: pictures needed in a second, where each has to be asked for.

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
        return NetworkCamera(source.value, settings, analysis_fps)
    raise ConfigError(tr("camera.source is none: there is nothing to open"), tr("choose a camera"))


def open_microphone(settings: MicrophoneSettings) -> SoundSource:
    """The source that `settings.source` names; call its `open` to acquire it.

    Raises:
        ConfigError: the source is "none".
    """
    source = settings.parsed_source
    if source.kind == "none":
        raise ConfigError(
            tr("microphone.source is none: there is nothing to open"), tr("choose a microphone")
        )
    if source.kind == "file":
        return ClipMicrophone(Path(source.value).expanduser())
    from emoedge.capture.microphone import Microphone

    _load("pyaudio", "soxr")
    return Microphone(source.value or source.kind)


def _load(*libraries: str) -> None:
    """Import what `open` needs: it takes seconds on a small board, which are not to count as opening."""
    for library in libraries:
        with suppress(ImportError):  # `open` says it, with a remedy
            importlib.import_module(library)
