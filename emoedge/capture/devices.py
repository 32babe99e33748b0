"""List cameras and microphones with identifiers that stay the same after a restart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from emoedge.capture.portaudio import audio_system, inputs
from emoedge.capture.v4l2_node import read_capabilities, video_nodes
from emoedge.errors import DeviceError
from emoedge.translation import joined, tr

V4L_LINKS: Final = (Path("/dev/v4l/by-id"), Path("/dev/v4l/by-path"))
"""Stable names made by udev; by-id survives another socket, by-path tells twins apart."""

_PLATFORM_DRIVERS: Final = ("unicam", "bcm2835", "rp1-cfe", "pispbe", "rpi-hevc", "tegra")
"""Parts of a board's own camera path: they look like cameras but give raw sensor data; picamera2 or GStreamer
uses them."""


@dataclass(frozen=True, slots=True)
class CameraDevice:
    """A camera.

    Attributes:
        source: value for `camera.source`.
        name: as the device calls itself.
        node: /dev/videoN at present, empty for picamera2.
        usable: whether it can be opened now; `problem` gives the reason if not.
    """

    source: str
    name: str
    node: str = ""
    usable: bool = True
    problem: str = ""


@dataclass(frozen=True, slots=True)
class MicrophoneDevice:
    """A microphone.

    Attributes:
        source: value for `microphone.source`.
        channels, rate_hz: what it has.
        default: whether "auto" takes it.
    """

    source: str
    channels: int
    rate_hz: int
    default: bool = False


def list_cameras() -> list[CameraDevice]:
    """Return the Pi's own cameras first, then V4L2 devices; empty if there are none."""
    return _pi_cameras() + _v4l2_cameras()


def list_microphones() -> list[MicrophoneDevice]:
    """Return all audio inputs; empty if there are none.

    Raises:
        DeviceError: PyAudio is missing.
    """
    with audio_system() as system:
        return [
            MicrophoneDevice(device.name, device.channels, device.rate_hz, device.default)
            for device in inputs(system)
        ]


def _pi_cameras() -> list[CameraDevice]:
    try:
        from picamera2 import Picamera2
    except ImportError:
        return []
    return [
        CameraDevice(f"picamera:{number}", str(info.get("Model", "camera")))
        for number, info in enumerate(Picamera2.global_camera_info())
        # libcamera lists USB cameras as well; those are V4L2's.
        if "usb" not in str(info.get("Id", "")).lower()
    ]


def _v4l2_cameras() -> list[CameraDevice]:
    links = _stable_names()
    found = []
    for node in video_nodes():
        camera = _v4l2_camera(node, links.get(str(node), str(node)))
        if camera is not None:
            found.append(camera)
    return found


def _stable_names() -> dict[str, str]:
    """Return the first stable name of each device node."""
    names: dict[str, str] = {}
    for folder in V4L_LINKS:
        for link in sorted(folder.glob("*")) if folder.is_dir() else ():
            names.setdefault(str(link.resolve()), str(link))
    return names


def _v4l2_camera(node: Path, source: str) -> CameraDevice | None:
    try:
        found = read_capabilities(node)
    except OSError as error:
        return CameraDevice(source, node.name, str(node), usable=False, problem=error.strerror or str(error))
    if found is None or not found.can_capture or found.driver.startswith(_PLATFORM_DRIVERS):
        return None
    return CameraDevice(source, found.card, str(node))


def first_camera() -> CameraDevice:
    """Return the camera that `camera.source = "auto"` selects: the first usable one.

    Raises:
        DeviceError: there is none.
    """
    cameras = list_cameras()
    for camera in cameras:
        if camera.usable:
            return camera
    if cameras:
        first = cameras[0]
        raise DeviceError(joined((first.source, first.problem), ": "), tr("add the user to the group video"))
    raise DeviceError(tr("no camera"), tr("plug one in, give an address as camera.source, or set it to none"))
