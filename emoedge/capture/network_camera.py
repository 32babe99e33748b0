"""Network cameras: RTSP, MJPEG and MPEG-TS through PyAV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from emoedge.capture.camera_certificate import certificate_fault, certificate_options
from emoedge.capture.clock_offset import StreamAnchor
from emoedge.capture.convert import Orientation, PictureConverter, PixelAspect
from emoedge.capture.source import READ_TIMEOUT_S, Closing
from emoedge.config.settings import CameraSettings
from emoedge.errors import DeviceError
from emoedge.frames import Frame
from emoedge.rate_limit import Pacer
from emoedge.redact import public_address, split_address

OPEN_TIMEOUT_S: Final = 10.0
"""Cameras that sleep take several seconds to answer."""
LOST_AFTER_S: Final = 3.0
"""No packet for so long: the connection is dead. PyAV cannot go on after an interrupted read."""
MAX_BAD_PACKETS: Final = 300
"""Ten seconds of undecodable packets: joining in the middle of a group of pictures takes four at most."""

_OPTIONS: Final = {
    "rtsp_transport": "tcp",  # UDP loses packets on Wi-Fi, and each lost one smears the picture for seconds
    "fflags": "nobuffer",
    "flags": "low_delay",
    "analyzeduration": "1500000",
    "probesize": "1000000",
}
_STAMPLESS: Final = ("mpjpeg", "mjpeg", "image2", "jpeg_pipe")
"""Formats whose time stamps FFmpeg makes up from a guessed frame rate; the arrival is better."""


class NetworkCamera(Closing):
    """A camera behind an address.

    Times: distances between pictures are the camera's own, placed on the monotonic clock by the
    least delayed arrivals; the delay of the fastest packet (camera and network) stays in them.

    Args:
        url: rtsp, http, tcp or udp address, with user and password where the settings have none.
        settings: at most so many pixels and frames a second, turning, user and password, name.
    """

    def __init__(self, url: str, settings: CameraSettings) -> None:
        self._url = with_credentials(url, settings)
        self._shown = f"{settings.name} ({public_address(url)})" if settings.name else public_address(url)
        self._settings = settings
        self._container: Any = None
        self._frames: Iterator[Frame] | None = None
        self._size = (0, 0)

    def open(self) -> None:
        """Connect; DeviceError when nothing answers or it sends no picture."""
        import av

        options = {key: value for key, value in _OPTIONS.items() if self._takes(key)}
        with certificate_options(self._url, self._settings, self._shown) as more:
            try:
                self._container = av.open(
                    self._url,
                    options=options | more,
                    timeout=(OPEN_TIMEOUT_S, LOST_AFTER_S),
                    metadata_errors="ignore",
                )
            except (av.error.FFmpegError, OSError, ValueError) as error:
                raise certificate_fault(self._url, self._settings, self._shown) or DeviceError(
                    f"{self._shown}: {_reason(error)}", "check address, network and password"
                ) from error
        if not self._container.streams.video:
            self.close()
            raise DeviceError(f"{self._shown}: no picture in it", "check the address")
        self._frames = self._pictures()

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> Frame | None:
        """The next picture; may take LOST_AFTER_S when the connection dies."""
        import av

        assert self._frames is not None, "not open"
        try:
            return next(self._frames, None)
        except (av.error.FFmpegError, OSError) as error:
            raise DeviceError(f"{self._shown}: lost: {_reason(error)}", "check network and camera") from error

    def close(self) -> None:
        """Disconnect."""
        self._frames = None
        container, self._container = self._container, None
        if container is not None:
            container.close()

    def describe(self) -> str:
        """Name, scheme, host and port, and size."""
        return f"{self._shown}, {self._size[0]} x {self._size[1]}"

    def _takes(self, option: str) -> bool:
        return option != "rtsp_transport" or self._url.startswith("rtsp")

    def _pictures(self) -> Iterator[Frame]:
        import av

        container = self._container
        stream = container.streams.video[0]
        settings = self._settings
        convert = PictureConverter(
            Orientation(settings.rotate, settings.mirror), settings.width * settings.height
        )
        aspect = PixelAspect(stream)
        anchor, limit = StreamAnchor(), Pacer(settings.fps)
        stampless = container.format.name in _STAMPLESS
        last_s, sequence, bad = 0.0, 0, 0
        for packet in container.demux(stream):
            arrival_s = time.monotonic()
            try:
                pictures = packet.decode()
            except av.error.InvalidDataError:
                bad += 1
                if bad > MAX_BAD_PACKETS:
                    raise
                continue
            for picture in pictures:
                bad = 0
                time_s = arrival_s
                if not stampless and picture.pts is not None:
                    time_s = anchor.place(float(picture.pts * picture.time_base), arrival_s)
                if time_s <= last_s or not limit.due(time_s):
                    continue
                last_s = time_s
                data, width, height = convert(picture, aspect.now)
                self._size = (width, height)
                yield Frame(time_s, data, "i420", width, height, sequence)
                sequence += 1


def with_credentials(url: str, settings: CameraSettings) -> str:
    """The address with user name and password in the form that FFmpeg reads.

    FFmpeg takes a `/`, `#` or `?` in a password for the end of the host.
    """
    address = split_address(url)
    if address is None:
        return url
    name, colon, password = address.user_information.partition(":")
    safe = "%!$&'()*+,;=~"  # an address may hold escapes, a setting holds the plain text
    if settings.username is not None:
        secret = settings.password.get_secret_value() if settings.password else ""
        name, colon, password, safe = settings.username.get_secret_value(), ":", secret, ""
    user = f"{quote(name, safe=safe)}{colon}{quote(password, safe=safe)}"
    return f"{address.scheme}//{user and user + '@'}{address.host}{address.rest}"


def _reason(error: Exception) -> str:
    """What FFmpeg says, without the address, which may hold a password."""
    return str(getattr(error, "strerror", None) or type(error).__name__)
