"""Clips that play as camera and microphone in real time."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from emoedge.capture import clip_source
from emoedge.capture.clip_source import SharedClip
from emoedge.capture.factory import open_camera, open_microphone
from emoedge.config.capture_settings import CameraSettings, MicrophoneSettings
from emoedge.errors import ConfigError, DeviceError, EmoedgeError, MediaError
from emoedge.frames import AudioBlock, Frame

from .clips import CLAP_S, clap_sound, onset_s, read_items, sine, write_clip


def play(path: Path, seconds: float, **camera: object) -> tuple[list[Frame], list[AudioBlock], float]:
    """What camera and microphone of one clip deliver, read in turn by one thread; the start of the clip."""
    settings = CameraSettings(source=f"file:{path}", **camera)
    frames, blocks = [], []
    with (
        pytest.MonkeyPatch.context() as patched,
        open_camera(settings) as eye,
        open_microphone(MicrophoneSettings(source=f"file:{path}")) as ear,
    ):
        patched.setattr(clip_source, "LATE_S", 1000.0)  # a busy machine leaves no picture out
        start_s = SharedClip._playing[path].start_s
        end_s = start_s + seconds
        while not (frames and blocks and min(frames[-1].time_s, blocks[-1].end_s) >= end_s):
            for source, items in ((eye, frames), (ear, blocks)):
                with suppress(TimeoutError):
                    items.append(source.read(timeout_s=0.005))
    return (
        [frame for frame in frames if frame.time_s < end_s],
        [block for block in blocks if block.end_s <= end_s],
        start_s,
    )


def test_flash_and_beep_come_together_in_every_round(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clap.mp4", sound=clap_sound(48000, 1.5), duration_s=1.5)
    frames, blocks, start_s = play(path, 3.3, fps=30)
    flashes = [
        after.time_s
        for before, after in pairwise(frames)
        if after.luma[:40].mean() > 128 and before.luma[:40].mean() < 128
    ]
    samples = np.concatenate([block.samples for block in blocks])
    first_s = onset_s(samples[: 16000 * 3 // 2], blocks[0].time_s)
    second_s = onset_s(samples[16000 * 3 // 2 :], blocks[0].time_s + 1.5)
    length_s = flashes[1] - flashes[0]
    assert length_s == pytest.approx(1.5, abs=0.06)
    assert flashes[0] == pytest.approx(start_s + CLAP_S, abs=0.04)
    assert first_s == pytest.approx(flashes[0], abs=0.04)
    assert second_s == pytest.approx(flashes[1], abs=0.04)
    assert all(after.time_s > before.time_s for before, after in pairwise(frames))
    assert all(after.time_s == pytest.approx(before.end_s, abs=1e-4) for before, after in pairwise(blocks))
    assert not SharedClip._playing


def test_a_read_ends_even_when_every_picture_is_late(
    clap_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_source, "LATE_S", -1000.0)
    with open_camera(CameraSettings(source=f"file:{clap_clip}")) as camera, suppress(TimeoutError):
        camera.read(timeout_s=0.1)


def test_items_come_when_they_are_due(clap_clip: Path) -> None:
    with open_camera(CameraSettings(source=f"file:{clap_clip}", fps=10)) as camera:
        delays_s = []
        for _ in range(6):
            (frame,) = read_items(camera, 1)
            delays_s.append(time.monotonic() - frame.time_s)
    assert min(delays_s) > -0.002


def test_the_asked_frame_rate_and_size_are_kept(clap_clip: Path) -> None:
    settings = CameraSettings(
        source=f"file:{clap_clip}", fps=5, width=64, height=64, rotate=90, mirror=True
    ).model_copy(update={"width": 32, "height": 24})
    with open_camera(settings) as camera:
        frames = read_items(camera, 4)
    assert (frames[0].width, frames[0].height) == (24, 32)
    gaps_s = np.diff([frame.time_s for frame in frames])
    assert gaps_s == pytest.approx([0.2] * 3, abs=0.045)


def test_sound_longer_than_the_picture_holds_the_last_picture(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", duration_s=0.4, sound=sine(440, 48000, 1.2), rate_hz=48000)
    frames, blocks, start_s = play(path, 1.1, fps=10)
    assert len(frames) >= 9
    assert np.array_equal(frames[-1].data, frames[-2].data)
    assert 0 <= blocks[0].time_s - start_s < 0.7  # the microphone joined a little later


def test_a_clip_that_was_cut_off_plays_as_far_as_it_goes_again_and_again(tmp_path: Path) -> None:
    options = {"movflags": "faststart"}
    whole = write_clip(tmp_path / "clap.mp4", sound=clap_sound(48000, 1.5), duration_s=1.5, container=options)
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole.read_bytes()[: round(whole.stat().st_size * 0.8)])
    frames, blocks, start_s = play(path, 3.2, fps=25)
    rounds = {int((frame.time_s - start_s) // 1.5) for frame in frames}
    assert {0, 1} <= rounds
    assert blocks[-1].end_s - start_s > 3.0


def test_a_still_picture_is_a_camera_too(tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), np.full((48, 64, 3), (0, 0, 255), np.uint8))
    with open_camera(CameraSettings(source=f"file:{path}", fps=50)) as camera:
        frames = read_items(camera, 3)
    assert frames[2].bgr[20, 20].astype(int) == pytest.approx([0, 0, 255], abs=4)


def test_what_a_clip_lacks_is_an_error(tmp_path: Path, clap_clip: Path) -> None:
    silent = write_clip(tmp_path / "silent.mp4", duration_s=0.4)
    with (
        pytest.raises(MediaError, match="contains no audio"),
        open_microphone(MicrophoneSettings(source=f"file:{silent}")),
    ):
        pass
    with (
        pytest.raises(MediaError, match="no such file"),
        open_camera(CameraSettings(source=f"file:{tmp_path}/x.mp4")),
    ):
        pass
    assert not SharedClip._playing


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("none", ConfigError),
        ("/dev/v4l/by-id/not-there", DeviceError),
        ("/dev/null", DeviceError),
        ("picamera:7", DeviceError),
        ("rtsp://user:secret@127.0.0.1:9/x", DeviceError),
        ("gst:no-such-element", DeviceError),
    ],
)
def test_sources_that_are_wrong_or_missing(source: str, error: type[EmoedgeError]) -> None:
    with pytest.raises(error) as caught, open_camera(CameraSettings(source=source)) as camera:
        read_items(camera, 1)
    assert caught.value.remedy
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
