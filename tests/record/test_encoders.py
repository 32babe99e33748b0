"""Choice of the encoder: hardware by what a node says and a real trial, the processor otherwise."""

from __future__ import annotations

import errno
import json
import struct
from pathlib import Path

import pytest
from av.error import OSError as AvOSError

from emoedge.backoff import Backoff
from emoedge.capture.v4l2_node import encodes_h264
from emoedge.config import Settings
from emoedge.doctor.storage import check_encoder
from emoedge.record import disk_fault, encoders, mux
from emoedge.record.encoders import HARDWARE, EncoderChoice, choose_encoder, hardware_node

from .helpers import FPS, media_facts
from .test_recorder import Rig

ENCODER = 0x00004000
CAPTURE = 0x00001000


@pytest.fixture(autouse=True)
def nothing_failed_before(monkeypatch):
    monkeypatch.setattr(encoders, "_failed_in_use", {})


@pytest.fixture
def dev(tmp_path):
    folder = tmp_path / "dev"
    folder.mkdir()
    return folder


def answer_as(monkeypatch, flags: int, formats: dict[int, tuple[bytes, ...]]) -> None:
    """Let nodes answer as the kernel's drivers do; `formats` by queue."""

    def ioctl(_handle, request, argument):
        if request == 0x80685600:
            return struct.pack("16s32s32sIII12x", b"bcm2835-codec", b"encode", b"", 0, 0x80000000, flags)
        index, queue = struct.unpack("II", argument[:8])
        if index >= len(formats.get(queue, ())):
            raise OSError(errno.EINVAL, "Invalid argument")
        code = int.from_bytes(formats[queue][index], "little")
        return struct.pack("III32sI16x", index, queue, 0, b"", code)

    monkeypatch.setattr("fcntl.ioctl", ioctl)


@pytest.mark.parametrize(
    ("flags", "formats", "is_encoder"),
    [
        (ENCODER, {9: (b"MJPG", b"H264")}, True),
        (ENCODER, {9: (b"YU12",), 10: (b"H264",)}, False),  # a decoder: H.264 goes in
        (CAPTURE, {1: (b"YUYV", b"H264")}, False),  # a camera that encodes itself
    ],
)
def test_which_nodes_encode(dev, monkeypatch, flags, formats, is_encoder):
    node = dev / "video11"
    node.touch()
    answer_as(monkeypatch, flags, formats)
    assert encodes_h264(node) is is_encoder


def test_a_file_in_the_place_of_a_node_is_none(dev):
    (dev / "video11").touch()
    assert hardware_node(dev) == (None, "no device of this machine encodes H.264")
    assert choose_encoder("auto", 160, 120, 15, dev).name == "libx264"


def test_a_closed_node_is_named(dev, monkeypatch):
    (dev / "video11").touch()

    def refuse(_node):
        raise PermissionError

    monkeypatch.setattr(encoders, "encodes_h264", refuse)
    node, why = hardware_node(dev)
    assert node is None
    assert str(dev / "video11") in why


def test_a_node_that_cannot_encode_leaves_it_to_the_processor(dev, monkeypatch):
    """FFmpeg itself looks for the device, which this machine does not have."""
    if hardware_node()[0] is not None:
        pytest.skip("this machine has a hardware encoder")
    node = dev / "video11"
    node.touch()
    answer_as(monkeypatch, ENCODER, {9: (b"H264",)})
    assert hardware_node(dev) == (node, "")
    choice = choose_encoder("auto", 160, 120, 15, dev)
    assert (choice.name, choice.node) == ("libx264", None)
    assert str(node) in choice.why_software
    assert "h264_v4l2m2m" in choice.why_software, "FFmpeg's own reason"


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (EncoderChoice(HARDWARE, Path("/dev/video11")), ("/dev/video11", HARDWARE)),
        (EncoderChoice("libx264", why_software="no such thing"), ("libx264", "no such thing")),
        (EncoderChoice("libx264"), ("libx264",)),
    ],
)
def test_doctor_says_which_and_why(monkeypatch, choice, told):
    monkeypatch.setattr(encoders, "choose_encoder", lambda *_: choice)
    (result,) = check_encoder(Settings())
    assert result.state == "ok"
    assert all(word in result.detail for word in told)


class FailsLater:
    """A stream whose encoder loses its device after some frames."""

    def __init__(self, stream, frames: int) -> None:
        self._stream = stream
        self._left = frames

    def encode(self, picture=None):
        self._left -= 1
        if self._left < 0:
            raise AvOSError(errno.ENODEV, "No such device", HARDWARE)
        return self._stream.encode(picture)


def lose_hardware(monkeypatch, good_frames: int) -> None:
    """Pretend that there is hardware, which passes its trial and fails after some frames."""
    add, fault = encoders.add_video_stream, encoders._fault

    def stand_in(container, encoder, *form):
        if encoder != HARDWARE:
            return add(container, encoder, *form)
        return FailsLater(add(container, "libx264", *form), good_frames)

    monkeypatch.setattr(encoders, "hardware_node", lambda _dev: (Path("/dev/video11"), ""))
    monkeypatch.setattr(
        encoders, "_fault", lambda name, *size: "" if name == HARDWARE else fault(name, *size)
    )
    monkeypatch.setattr(mux, "add_video_stream", stand_in)


def test_the_processor_takes_over_in_mid_segment(settings, notices, monkeypatch):
    lose_hardware(monkeypatch, good_frames=20)
    one = Rig(settings.model_copy(update={"mode": "continuous"}), notices)
    try:
        one.play(4.0)
    finally:
        one.recorder.stop()
    done = notices.wait("finished", 2)
    assert notices.of("failed") == []
    about = [json.loads(change.path.with_suffix(".json").read_text()) for change in done]
    assert [one["video"]["encoder"] for one in about] == [HARDWARE, "libx264"]
    assert [one["video"]["frames"] for one in about] == [20, round(4 * FPS) - 20]
    assert about[0]["end_reason"] == "encoder failed"
    played = [len(media_facts(change.path)["video"]) for change in done]
    assert 20 - 2 <= played[0] <= 20, "what the device still had in it is lost"
    assert played[1] == round(4 * FPS) - 20


def test_the_processor_takes_over_where_hardware_cannot_begin(settings, notices, monkeypatch):
    monkeypatch.setattr(disk_fault, "RETRY", Backoff(first_s=0.01, longest_s=0.01, jitter=0.0))
    lose_hardware(monkeypatch, good_frames=0)
    one = Rig(settings.model_copy(update={"mode": "continuous"}), notices)
    try:
        one.play(1.0)
        assert HARDWARE in notices.wait("failed")[0].reason
        one.play(4.0)
    finally:
        one.recorder.stop()
    done = notices.wait("finished")[-1]
    assert json.loads(done.path.with_suffix(".json").read_text())["video"]["encoder"] == "libx264"
    assert len(media_facts(done.path)["video"]) > 2 * FPS
