"""Network cameras: real servers on the loopback interface."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from pydantic import SecretStr

from emoedge.capture.factory import open_camera
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError
from emoedge.frames import Frame

from .clips import read_items
from .mjpeg_server import mjpeg_camera

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg program")

COLOURS = "color=red:s=320x240:r=20"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(*arguments: str) -> Iterator[subprocess.Popen]:
    """An ffmpeg that waits for one client."""
    command = ["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", COLOURS, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextmanager
def connected(url: str, limit_s: float = 60.0, **settings: object) -> Iterator:
    """The camera, as soon as its server listens."""
    deadline_s = time.monotonic() + limit_s
    while True:
        camera = open_camera(CameraSettings(source=url, **settings))
        try:
            camera.open()
            break
        except DeviceError:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
    try:
        yield camera
    finally:
        camera.close()


def check_pictures(frames: list[Frame], fps: float) -> None:
    now_s = time.monotonic()
    times_s = np.array([frame.time_s for frame in frames])
    assert (np.diff(times_s) > 0).all()
    assert np.median(np.diff(times_s)) >= 0.75 / fps, "more pictures than were asked for"
    assert times_s[-1] <= now_s
    assert frames[-1].bgr[100, 100].astype(int) == pytest.approx([0, 0, 254], abs=8)


def read_until_lost(camera, limit_s: float = 60.0) -> None:
    """Reads what is under way; fails when the loss is not noticed in time."""
    deadline_s = time.monotonic() + limit_s
    while time.monotonic() < deadline_s:
        try:
            if camera.read() is None:
                return
        except TimeoutError:
            continue
        except DeviceError:
            return
    pytest.fail("the loss was not noticed")


H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "20", "-pix_fmt", "yuv420p")


@needs_ffmpeg
@pytest.mark.parametrize(
    ("scheme", "path", "arguments"),
    [
        ("http", "/cam.mjpg", ("-f", "mpjpeg", "-listen", "1")),
        pytest.param("tcp", "", (*H264, "-f", "mpegts"), marks=pytest.mark.slow),
        pytest.param(
            "http",
            "/cam.ts",
            ("-c:v", "mpeg2video", "-f", "mpegts", "-listen", "1"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_stream_and_its_loss(scheme: str, path: str, arguments: tuple[str, ...]) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}{path}"
    listening = url + "?listen=1" if scheme == "tcp" else url
    with serving(*arguments, listening) as server, connected(url, fps=20) as camera:
        check_pictures(read_items(camera, 25), 20)
        assert camera.describe() == f"{url.removesuffix(path)}, 320 x 240"  # a path may be a secret
        server.kill()
        read_until_lost(camera)


@needs_ffmpeg
def test_a_stream_is_turned_scaled_and_thinned() -> None:
    url = f"http://127.0.0.1:{free_port()}/cam.mjpg"
    with (
        serving("-f", "mpjpeg", "-listen", "1", url),
        connected(url, fps=10, width=160, height=120, rotate=90) as camera,
    ):
        frames = read_items(camera, 8)
    assert (frames[0].width, frames[0].height) == (120, 160)
    check_pictures(frames, 10)


PASSWORD = "pa@ss/w#o?r:d %41"


@pytest.mark.parametrize("in_address", [True, False])
def test_user_and_password(in_address: bool) -> None:
    """Characters that end a host for FFmpeg are not the end of the password."""
    password = PASSWORD.replace(" %41", "") if in_address else PASSWORD
    with mjpeg_camera(login=f"admin:{password}") as server:
        settings = (
            CameraSettings(source=f"http://admin:{password}@127.0.0.1:{server.port}/x")
            if in_address
            else CameraSettings(
                source=f"http://127.0.0.1:{server.port}/x", username="admin", password=password, name="hall"
            )
        )
        with open_camera(settings) as camera:
            check_pictures(read_items(camera, 5), 15)
            shown = f"http://127.0.0.1:{server.port}"
            assert camera.describe() == f"{shown if in_address else f'hall ({shown})'}, 320 x 240"
        with pytest.raises(DeviceError) as caught:
            open_camera(
                settings.model_copy(update={"username": SecretStr("other"), "source": f"{shown}/x"})
            ).open()
    assert "pa@" not in str(caught.value)


@pytest.mark.slow
def test_a_server_that_is_silent_gives_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        camera = open_camera(CameraSettings(source=f"http://127.0.0.1:{server.getsockname()[1]}/x"))
        with pytest.raises(DeviceError):
            camera.open()


# ---- RTSP ----

RTSP_SERVER = """
import sys, gi
gi.require_version("Gst", "1.0"); gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer(); server.set_address("127.0.0.1"); server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory()
h264 = "I420 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! rtph264pay name=pay0 pt=96"
# JPEG has the full range of values, which videotestsrc does not make and videoconvert makes from RGB alone.
jpeg = ("RGB ! videoconvert ! video/x-raw,format=I420,colorimetry=1:4:0:0"
        " ! jpegenc ! rtpjpegpay name=pay0 pt=26")
if turning := "turning" in sys.argv:
    jpeg = jpeg.replace("RGB !", "RGB ! videoscale ! capsfilter name=shape !")
factory.set_launch("( videotestsrc is-live=true pattern=red"
                   " ! video/x-raw,width=320,height=240,framerate=20/1,format="
                   + (jpeg if turning or not Gst.ElementFactory.find("x264enc") else h264) + " )")

def turn(shape, upright=[False]):
    upright[0] = not upright[0]
    width, height = (240, 320) if upright[0] else (320, 240)
    shape.set_property("caps", Gst.Caps.from_string(f"video/x-raw,width={width},height={height}"))
    return True

def configured(_factory, media):
    GLib.timeout_add(1000, turn, media.get_element().get_by_name("shape"))

if turning:
    factory.connect("media-configure", configured)
server.get_mount_points().add_factory("/cam", factory)
server.attach(None); print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


@contextmanager
def rtsp_server(*arguments: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """The process and its address."""
    python = shutil.which("python3", path="/usr/bin") or sys.executable
    server = subprocess.Popen(
        [python, "-c", RTSP_SERVER, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            pytest.skip("no GStreamer RTSP server (gir1.2-gst-rtsp-server-1.0, python3-gi)")
        yield server, f"rtsp://127.0.0.1:{port}/cam"
    finally:
        server.kill()
        server.wait()


@pytest.mark.device
def test_rtsp_and_its_loss() -> None:
    with rtsp_server() as (server, address), connected(address, fps=20) as camera:
        check_pictures(read_items(camera, 40), 20)
        server.kill()
        read_until_lost(camera)


@pytest.mark.device
def test_rtsp_that_turns_upright_and_back() -> None:
    with rtsp_server("turning") as (_, address), connected(address, fps=20) as camera:
        shapes = [(frame.width, frame.height) for frame in read_items(camera, 100)]
    changes = [shape for shape, before in zip(shapes, [None, *shapes], strict=False) if shape != before]
    assert set(shapes) == {(320, 240), (240, 320)}
    assert len(changes) >= 3, "it turns once a second"


class CountedContainer:
    """A real container that counts the packets which are decoded."""

    def __init__(self, container) -> None:
        self._container = container
        self.decoded = 0

    def __getattr__(self, name: str):
        return getattr(self._container, name)

    def demux(self, stream) -> Iterator:
        for packet in self._container.demux(stream):
            yield CountedPacket(packet, self)


class CountedPacket:
    def __init__(self, packet, counted: CountedContainer) -> None:
        self._packet, self._counted = packet, counted

    def __getattr__(self, name: str):
        return getattr(self._packet, name)

    def decode(self) -> list:
        self._counted.decoded += bool(self._packet.size)
        return self._packet.decode()


@needs_ffmpeg
@pytest.mark.parametrize(
    ("scheme", "arguments", "stand_alone"),
    [
        ("http", ("-f", "mpjpeg", "-listen", "1"), True),
        pytest.param("tcp", (*H264, "-f", "mpegts"), False, marks=pytest.mark.slow),
    ],
)
def test_only_what_is_due_is_decoded_where_frames_stand_alone(
    scheme: str, arguments: tuple[str, ...], stand_alone: bool
) -> None:
    url = f"{scheme}://127.0.0.1:{free_port()}"
    with (
        serving(*arguments, url if scheme == "http" else f"{url}?listen=1"),
        connected(url, fps=4) as camera,
    ):
        camera._container = counted = CountedContainer(camera._container)
        frames = read_items(camera, 8)
        check_pictures(frames, 4)
        assert (counted.decoded == len(frames)) is stand_alone
