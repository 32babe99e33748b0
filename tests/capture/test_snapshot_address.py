"""Addresses: one picture a request, web pages, media files and streams, over a real server."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from emoedge.capture.address import AddressReader
from emoedge.capture.factory import open_camera
from emoedge.capture.snapshot_address import SnapshotAddress, authorization
from emoedge.capture.source import MAX_PER_S
from emoedge.capture.tracks import AUTOMATIC
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError, MediaError
from emoedge.frames import AudioBlock, Frame

from .clips import clap_sound, onset_s, read_items, serving_bytes, write_clip
from .test_damage import shifted

RED = np.full((48, 64, 3), (0, 0, 254), np.uint8)
JPEG = cv2.imencode(".jpg", RED)[1].tobytes()
PAGE = b"<!DOCTYPE html>\n<html><body>Please log in</body></html>" * 20


@pytest.mark.parametrize("path", ["/snapshot.jpg", "/cgi-bin/snap?channel=1", "/moved"])
def test_an_address_of_one_picture_is_polled_over_one_connection(path: str) -> None:
    pages = {
        "/snapshot.jpg": ("image/jpeg", JPEG),
        "/cgi-bin/snap?channel=1": ("image/jpeg", JPEG),
        "/moved": ("to /snapshot.jpg", b""),
    }
    with serving_bytes(pages) as served:
        camera = open_camera(CameraSettings(source=served.base + path, fps=60), analysis_fps=50)
        camera.open()
        opened = served.connections
        before = len(served.requests)
        frames = [camera.read() for _ in range(6)]
        times_s = served.requests[before:]
        assert served.connections == opened + 1
        camera.close()
    assert all(frame is not None and frame.bgr[20, 20].astype(int)[2] > 240 for frame in frames)
    assert [frame.sequence for frame in frames if frame] == list(range(6))
    step = 2 if path == "/moved" else 1
    asked = times_s[::step]
    assert (asked[-1] - asked[0]) / (len(asked) - 1) > 0.9 / MAX_PER_S


@pytest.mark.parametrize("kind", ["image/jpeg", "video/x-motion-jpeg"])
def test_jpeg_pictures_without_end_are_a_stream(kind: str) -> None:
    noise = np.random.default_rng(8).integers(0, 256, (240, 320, 3), np.uint8)
    large = cv2.imencode(".jpg", noise)[1].tobytes()  # more than what FFmpeg reads at a time
    with serving_bytes({"/cam": (kind, large * 60)}, over_s=6.0) as served:
        camera = open_camera(CameraSettings(source=f"{served.base}/cam", fps=60))
        camera.open()
        frames = read_items(camera, 20)
        camera.close()
        assert served.connections == 1
    assert [frame.sequence for frame in frames] == list(range(20))


def test_no_more_pictures_are_asked_for_than_are_analysed() -> None:
    with serving_bytes({"/s.jpg": ("image/jpeg", JPEG)}) as served:
        camera = open_camera(CameraSettings(source=f"{served.base}/s.jpg"), analysis_fps=2)
        camera.open()
        times_s = [frame.time_s for frame in read_items(camera, 3)]
        camera.close()
    assert all(later - earlier > 0.45 for earlier, later in pairwise(times_s))


def test_a_read_ends_in_time_and_a_request_can_be_aborted() -> None:
    """Privacy and stop must not wait for the next picture, nor for a server that is silent."""
    with serving_bytes({"/s.jpg": ("image/jpeg", JPEG), "/slow.jpg": ("image/jpeg", JPEG)}) as served:
        camera = open_camera(CameraSettings(source=f"{served.base}/s.jpg"), analysis_fps=0.01)
        camera.open()
        assert camera.read() is not None
        with pytest.raises(TimeoutError):
            camera.read(0.05)
        camera.close()
    with serving_bytes({"/s.jpg": ("image/jpeg", JPEG)}, over_s=600.0) as served:
        address = SnapshotAddress(f"{served.base}/s.jpg", CameraSettings(), "camera")
        done = threading.Event()

        def ask() -> None:
            with suppress(DeviceError):
                address.picture()
            done.set()

        thread = threading.Thread(target=ask)
        thread.start()
        while not served.requests:
            time.sleep(0.01)
        while not done.wait(0.05):  # the answer may be on its way
            address.abort()
        thread.join()


def test_a_picture_is_turned_and_scaled() -> None:
    with serving_bytes(
        {"/s.jpg": ("image/jpeg", cv2.imencode(".jpg", cv2.resize(RED, (640, 480)))[1].tobytes())}
    ) as served:
        settings = CameraSettings(source=f"{served.base}/s.jpg", width=320, height=240, rotate=90)
        camera = open_camera(settings)
        camera.open()
        frame = camera.read()
        camera.close()
    assert frame is not None
    assert (frame.width, frame.height) == (240, 320)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/html; charset=utf-8", PAGE),
        ("text/plain", PAGE),
        ("text/html", b"Login: <input>"),
        ("application/octet-stream", b"\n<html>" + PAGE),
    ],
)
def test_a_web_page_is_called_a_web_page(kind: str, content: bytes) -> None:
    with serving_bytes({"/": (kind, content)}) as served:
        with pytest.raises(DeviceError, match="a web page") as caught:
            open_camera(CameraSettings(source=f"{served.base}/")).open()
        with pytest.raises(MediaError, match="a web page"):
            AddressReader(f"{served.base}/", CameraSettings(), AUTOMATIC)
    assert "address of a stream" in caught.value.remedy


def test_what_is_neither_page_nor_picture_is_named() -> None:
    with (
        serving_bytes({"/a": ("application/json", b'{"error": 1}')}) as served,
        pytest.raises(DeviceError, match="application/json"),
    ):
        open_camera(CameraSettings(source=f"{served.base}/a")).open()


CHALLENGES = {
    "Basic": 'Basic realm="camera"',
    "Digest": 'Digest realm="camera", nonce="abc", qop="auth", algorithm=MD5',
}


@pytest.mark.parametrize("scheme", CHALLENGES)
def test_user_and_password_are_given(scheme: str) -> None:
    with serving_bytes({"/s.jpg": ("image/jpeg", JPEG)}, 0.0, CHALLENGES[scheme], scheme) as served:
        url = served.base.replace("//", "//me:secret@") + "/s.jpg"
        address = SnapshotAddress(url, CameraSettings(), "camera")
        pictures = [picture for _, picture in islice(address.pictures(50), 3)]
        address.close()
        assert len(served.requests) == 4  # the first one learns how
    assert all(picture.shape == (48, 64, 3) for picture in pictures)


def test_a_digest_is_that_of_the_standard() -> None:
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    field = authorization(challenge, "/dir/index.html", "Mufasa", "Circle Of Life")
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in field  # RFC 2069 with its erratum


def test_a_wrong_password_is_said() -> None:
    with serving_bytes({"/s.jpg": ("image/jpeg", JPEG)}, 0.0, CHALLENGES["Basic"], "never") as served:
        with pytest.raises(DeviceError, match="wrong user name or password") as caught:
            SnapshotAddress(
                served.base.replace("//", "//me:secret@") + "/s.jpg", CameraSettings(), "camera"
            ).picture()
        assert "secret" not in str(caught.value)


def test_a_file_behind_an_address_gives_pictures_and_sound_in_step(tmp_path: Path) -> None:
    clip = write_clip(
        tmp_path / "clap.mp4", sound=clap_sound(48000, 2.0), container={"movflags": "faststart"}
    )
    with serving_bytes({"/clap.mp4": ("video/mp4", clip.read_bytes())}) as served:
        items = list(
            AddressReader(f"{served.base}/clap.mp4", CameraSettings(), AUTOMATIC).in_order(lambda _: True)
        )
    frames = [item for item in items if isinstance(item, Frame)]
    blocks = [item for item in items if isinstance(item, AudioBlock)]
    flash_s = next(frame.time_s for frame in frames if frame.luma[:40].mean() > 128)
    beep_s = onset_s(np.concatenate([block.samples for block in blocks]), blocks[0].time_s)
    assert len(frames) == 50
    assert abs(flash_s - beep_s) < 0.04
    ends = [item.time_s if isinstance(item, Frame) else item.end_s for item in items]
    assert ends == sorted(ends)


@pytest.mark.parametrize("suffix", ["mkv", "ts"])
def test_a_jump_of_the_stamps_behind_an_address_is_a_cut(tmp_path: Path, suffix: str) -> None:
    content = shifted(tmp_path, suffix, 20_000.0).read_bytes()
    with serving_bytes({"/jump": ("application/octet-stream", content)}) as served:
        reader = AddressReader(f"{served.base}/jump", CameraSettings(), AUTOMATIC)
        items = list(reader.in_order(lambda _: True))
    assert max(item.time_s for item in items) == pytest.approx(4.0, abs=0.3)
    assert len([item for item in items if isinstance(item, Frame)]) == pytest.approx(100, abs=5)
    assert len([note for note in reader.notes.texts if "jump" in note]) == 1


def test_snapshots_are_media_too() -> None:
    with serving_bytes({"/s.jpg": ("image/jpeg", JPEG)}) as served:
        reader = AddressReader(f"{served.base}/s.jpg", CameraSettings(), AUTOMATIC)
        frames = list(islice(reader.in_order(lambda _: True), 3))
    assert [frame.time_s for frame in frames] == sorted(frame.time_s for frame in frames)
    assert frames[0].time_s == 0.0


def test_nothing_behind_an_address_is_an_error() -> None:
    with serving_bytes({}) as served, pytest.raises(MediaError) as caught:
        AddressReader(f"{served.base}/nothing.mp4", CameraSettings(), AUTOMATIC)
    assert caught.value.remedy
