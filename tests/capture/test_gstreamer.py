"""GStreamer pipelines as cameras."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from emoedge.capture.factory import open_camera
from emoedge.capture.gstreamer import PROGRAM
from emoedge.config.capture_settings import CameraSettings
from emoedge.errors import DeviceError

from .clips import read_items
from .test_network_camera import check_pictures

needs_gstreamer = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"no {PROGRAM}")


RED = "videotestsrc is-live=true pattern=red ! video/x-raw,width=320,height=240,framerate=20/1"


@needs_gstreamer
def test_a_pipeline_gives_its_pictures_in_the_asked_size() -> None:
    with open_camera(CameraSettings(source=f"gst:{RED}", fps=20, width=162, height=120)) as camera:
        frames = read_items(camera, 10)
        assert (frames[0].width, frames[0].height) == (160, 120)
        check_pictures(frames, 20)


def test_a_password_in_a_pipeline_is_not_shown() -> None:
    camera = open_camera(CameraSettings(source="gst:rtspsrc location=rtsp://me:secret@host/x ! decodebin"))
    assert camera.describe().startswith("gst:rtspsrc location=rtsp://host ! decodebin,")


@needs_gstreamer
def test_a_pipeline_that_ends_or_is_wrong_says_why() -> None:
    ending = open_camera(CameraSettings(source="gst:videotestsrc num-buffers=3"))
    with ending, pytest.raises(DeviceError, match="ended"):
        read_items(ending, 10)
    wrong = open_camera(CameraSettings(source="gst:no-such-element"))
    with wrong, pytest.raises(DeviceError, match="no-such-element"):
        read_items(wrong, 1)


@needs_gstreamer
def test_closing_ends_the_pipeline_even_one_that_ignores_it(tmp_path: Path) -> None:
    import emoedge.capture.gstreamer as module

    stubborn = tmp_path / "stubborn"
    stubborn.write_text("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 0.1; done\n")
    stubborn.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PROGRAM", str(stubborn))
        camera = open_camera(CameraSettings(source=f"gst:{RED}"))
        camera.open()
        with pytest.raises(TimeoutError):
            camera.read(timeout_s=0.3)
        assert isinstance(camera, module.GstreamerCamera)
        process = camera._process
        camera.close()
        assert process.poll() is not None
