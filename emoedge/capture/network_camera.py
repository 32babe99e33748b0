"""Network cameras: RTSP, MJPEG and MPEG-TS through PyAV, and addresses that give one picture a request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from emoedge.capture.camera_certificate import certificate_fault, certificate_options
from emoedge.capture.clock_offset import StreamAnchor
from emoedge.capture.convert import Orientation, PictureConverter, PixelAspect
from emoedge.capture.media import still_frame
from emoedge.capture.snapshot_address import SnapshotAddress, described, is_single_picture
from emoedge.capture.source import MAX_PER_S, READ_TIMEOUT_S, Closing, wait_until
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError
from emoedge.frames import Frame
from emoedge.rate_limit import Pacer
from emoedge.redact import public_address, split_address
from emoedge.translation import tr

OPEN_TIMEOUT_S: Final = 10.0
"""Cameras that sleep take several seconds to answer."""
LOST_AFTER_S: Final = 3.0
"""Seconds without a packet after which the connection is dead. PyAV cannot continue after an interrupted
read."""
PAGE_BYTES: Final = 4096
"""Bytes of an answer that is not media which are read to say what it is."""
MAX_BAD_PACKETS: Final = 300
"""Ten seconds of undecodable packets: joining in the middle of a group of pictures takes four at most."""

_LIVE: Final = {"fflags": "nobuffer", "flags": "low_delay"}
_OPTIONS: Final = {
    "rtsp_transport": "tcp",  # UDP loses packets on Wi-Fi, and each lost one smears the picture for seconds
    "analyzeduration": "1500000",
    "probesize": "1000000",
}
STAMPLESS: Final = ("mpjpeg", "mjpeg", "image2", "jpeg_pipe")
"""Formats whose time stamps FFmpeg makes up from a guessed frame rate; the arrival is better."""


class NetworkCamera(Closing):
    """A camera behind an address.

    Times: distances between pictures are the camera's own, placed on the monotonic clock by the
    least delayed arrivals; the delay of the fastest packet (camera and network) stays in them.

    Args:
        url: rtsp, http, tcp or udp address, with user and password where the settings have none.
        settings: maximum size and frame rate, rotation, user and password, name.
        analysis_fps: pictures fetched in a second at most, where each request gives one.
    """

    def __init__(self, url: str, settings: CameraSettings, analysis_fps: float = MAX_PER_S) -> None:
        self._analysis_fps = analysis_fps
        self._url = with_credentials(url, settings)
        self._shown = f"{settings.name} ({public_address(url)})" if settings.name else public_address(url)
        self._settings = settings
        self._container: Any = None
        self._frames: Iterator[Frame] | None = None
        self._size = (0, 0)
        self._sequence = 0
        self._due_s = 0.0

    def open(self) -> None:
        """Connect; DeviceError when nothing answers or it sends no picture."""
        self._container = open_address(self._url, self._settings, self._shown)
        if is_single_picture(self._url, self._container):
            self._container.close()
            self._container = SnapshotAddress(self._url, self._settings, self._shown)
            return
        if not self._container.streams.video:
            self.close()
            raise DeviceError(tr("{shown}: contains no image", shown=self._shown), tr("check the address"))
        self._frames = self._pictures()

    def read(self, timeout_s: float = READ_TIMEOUT_S) -> Frame | None:
        """Return the next picture; may take LOST_AFTER_S if the connection is lost."""
        import av

        if isinstance(self._container, SnapshotAddress):
            wait_until(self._due_s, timeout_s)
            return self._snapshot(self._container)
        assert self._frames is not None, "not open"
        try:
            return next(self._frames, None)
        except (av.error.FFmpegError, OSError) as error:
            raise DeviceError(
                tr("{shown}: lost: {error}", shown=self._shown, error=reason(error)),
                tr("check network and camera"),
            ) from error

    def close(self) -> None:
        """Disconnect."""
        self._frames = None
        container, self._container = self._container, None
        if container is not None:
            container.close()

    def abort(self) -> None:
        """End a request for a single picture that is under way."""
        if isinstance(self._container, SnapshotAddress):
            self._container.abort()

    def describe(self) -> str:
        """Name, scheme, host and port, and size."""
        return f"{self._shown}, {self._size[0]} x {self._size[1]}"

    def _snapshot(self, address: SnapshotAddress) -> Frame:
        settings = self._settings
        asked_s = time.monotonic()
        self._due_s = asked_s + 1.0 / min(settings.fps, self._analysis_fps, MAX_PER_S)
        frame = still_frame(
            address.picture(),
            Orientation(settings.rotate, settings.mirror),
            settings.width * settings.height,
            asked_s,
            self._sequence,
        )
        self._sequence += 1
        self._size = (frame.width, frame.height)
        return frame

    def _pictures(self) -> Iterator[Frame]:
        container = self._container
        stream = container.streams.video[0]
        settings = self._settings
        convert = PictureConverter(
            Orientation(settings.rotate, settings.mirror), settings.width * settings.height
        )
        aspect = PixelAspect(stream)
        times = _FrameTimes(container, stream, settings.fps)
        for sequence, (picture, time_s) in enumerate(_decoded(container, stream, times)):
            data, width, height = convert(picture, aspect.now)
            self._size = (width, height)
            yield Frame(time_s, data, "i420", width, height, sequence)


class _FrameTimes:
    """Times of the frames that a limit on the rate lets through.

    Where no frame needs another one (MJPEG), what the limit leaves out need not be decoded.
    """

    def __init__(self, container: Any, stream: Any, rate_hz: float) -> None:
        self._anchor, self._limit = StreamAnchor(), Pacer(rate_hz)
        self._stampless = container.format.name in STAMPLESS
        self._alone = stream.codec_context.codec.intra_only
        self._last_s = 0.0
        self._packet_s: float | None = None

    def leaves_out(self, packet: Any, arrival_s: float) -> bool:
        """Return whether a packet need not be decoded; to be called once with each."""
        if self._alone:
            self._packet_s = self._due_s(packet, arrival_s)
        return self._alone and self._packet_s is None

    def of(self, picture: Any, arrival_s: float) -> float | None:
        """Return the time of a decoded picture of the last packet, None for one that is left out."""
        return self._packet_s if self._alone else self._due_s(picture, arrival_s)

    def _due_s(self, stamped: Any, arrival_s: float) -> float | None:
        time_s = arrival_s
        if not self._stampless and stamped.pts is not None:
            time_s = self._anchor.place(float(stamped.pts * stamped.time_base), arrival_s)
        if time_s <= self._last_s or not self._limit.due(time_s):
            return None
        self._last_s = time_s
        return time_s


def _decoded(container: Any, stream: Any, times: _FrameTimes) -> Iterator[tuple[Any, float]]:
    """Yield decoded pictures with their times; raises FFmpegError after too many bad packets in a row."""
    import av

    bad = 0
    for packet in container.demux(stream):
        arrival_s = time.monotonic()
        if times.leaves_out(packet, arrival_s):
            continue
        try:
            pictures = packet.decode()
        except av.error.EOFError:
            continue
        except av.error.FFmpegError:
            bad += 1
            if bad > MAX_BAD_PACKETS:
                raise
            continue
        for picture in pictures:
            bad = 0
            time_s = times.of(picture, arrival_s)
            if time_s is not None:
                yield picture, time_s


def with_credentials(url: str, settings: CameraSettings) -> str:
    """Return the address with user name and password in the form that FFmpeg reads.

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


def open_address(url: str, settings: CameraSettings, shown: str, *, live: bool = True) -> Any:
    """Open the PyAV container of an address.

    Args:
        url: with user and password.
        settings: which certificates are trusted.
        shown: its name in errors.
        live: prefer a short delay to completeness.

    Raises:
        DeviceError: nothing answers, or it sends no media.
    """
    import av

    options = _OPTIONS | (_LIVE if live else {})
    if not url.startswith("rtsp"):
        del options["rtsp_transport"]
    with certificate_options(url, settings, shown) as more:
        try:
            return av.open(
                url, options=options | more, timeout=(OPEN_TIMEOUT_S, LOST_AFTER_S), metadata_errors="ignore"
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            fault = certificate_fault(url, settings, shown)
            if fault is None and isinstance(error, av.error.InvalidDataError) and url.startswith("http"):
                fault = _no_media(url, settings, shown)
            raise fault or DeviceError(
                f"{shown}: {reason(error)}", tr("check address, network and password")
            ) from error


def _no_media(url: str, settings: CameraSettings, shown: str) -> DeviceError:
    """Return the error for an address whose answer FFmpeg cannot read."""
    address = SnapshotAddress(url, settings, shown)
    try:
        content, kind = address.fetch(PAGE_BYTES)
    except DeviceError as error:
        return error
    finally:
        address.close()
    return DeviceError(
        described(shown, content, kind),
        tr("give the address of a stream or of a snapshot: the manual of the camera names them"),
    )


def reason(error: Exception) -> str:
    """Return FFmpeg's message without the address, which may contain a password."""
    return str(getattr(error, "strerror", None) or type(error).__name__)
